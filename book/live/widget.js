// In JupyterLab and Colab: what anywidget runs. The demo and all it asks for come from the kernel.
function assets(model) {
  const held = new Map(); // name -> the promise of its bytes
  const waiting = new Map(); // name -> what keeps that promise
  model.on('msg:custom', async ({ name, id }) => {
    const bytes = (await model.widget_manager.get_model(id)).get('value');
    waiting.get(name)?.(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    model.send({ received: id });
  });
  return (name, progress = () => {}) => {
    if (!held.has(name)) {
      held.set(name, new Promise((keep) => waiting.set(name, keep)));
      model.send({ wanted: name });
    }
    return held.get(name).then((bytes) => {
      progress(bytes.byteLength);
      return bytes.slice(); // one copy for each who asks: it may be handed to a worker
    });
  };
}

export default {
  async render({ model, el }) {
    el.classList.add('live');
    const asset = assets(model);
    el.textContent = 'Loading … Without a running kernel nothing comes: run the cell.';
    const script = new Blob([await asset(`${model.get('demo')}.js`)], { type: 'text/javascript' });
    const address = URL.createObjectURL(script);
    const { default: demo } = await import(address);
    URL.revokeObjectURL(address);
    el.replaceChildren();
    return demo.render({ model, el, asset });
  },
};
