// In JupyterLab and Colab: what anywidget runs. The demos and all that it asks for come from the kernel.
const PATIENCE = 20_000; // milliseconds

function assets(model) {
  const held = new Map(); // name -> the promise of its bytes
  const waiting = new Map(); // name -> what keeps that promise
  model.on('msg:custom', async ({ name, id }) => {
    const { buffer, byteOffset, byteLength } = (await model.widget_manager.get_model(id)).get('value');
    waiting.get(name)?.(buffer.slice(byteOffset, byteOffset + byteLength));
    model.send({ received: id });
  });
  const ask = (name) =>
    new Promise((keep, fail) => {
      waiting.set(name, keep);
      model.send({ wanted: name });
      setTimeout(() => fail(new Error('no answer from the kernel; run the cell')), PATIENCE);
    });
  return async (name, progress = () => {}, stretch) => {
    if (!held.has(name)) held.set(name, ask(name));
    const bytes = await held.get(name);
    progress(bytes.byteLength);
    return stretch ? bytes.slice(...stretch) : bytes;
  };
}

export default {
  async render({ model, el }) {
    const asset = assets(model);
    el.textContent = 'Loading …';
    const stage = document.createElement('div');
    try {
      const script = new Blob([await asset(`${model.get('bundle')}.js`)], { type: 'text/javascript' });
      const address = URL.createObjectURL(script);
      const { [model.get('demo')]: demo } = await import(address);
      URL.revokeObjectURL(address);
      el.replaceChildren(stage);
      return await demo.render({ model, el: stage, asset });
    } catch (error) {
      el.textContent = `The demo could not be loaded: ${error.message}.`;
    }
  },
};
