// In a built page: a button under each demo's picture. Nothing else is loaded before it is pressed.
const here = document.currentScript.src;

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// A file of the package, which the book copies beside this script, or a stretch of its bytes.
async function asset(name, progress = () => {}, stretch) {
  const wanted = stretch ? { headers: { Range: `bytes=${stretch[0]}-${stretch[1] - 1}` } } : {};
  const response = await fetch(new URL(name, here), wanted);
  if (!response.ok) throw new Error(`${name} is missing (${response.status})`);
  const parts = [];
  let loaded = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) {
      const bytes = await new Blob(parts).arrayBuffer();
      return stretch && response.status !== 206 ? bytes.slice(...stretch) : bytes; // not every server cuts
    }
    parts.push(value);
    progress((loaded += value.length));
  }
}

// What a demo may ask of anywidget's model, where there is no kernel.
const model = { get() {}, set() {}, save_changes() {}, on() {}, off() {}, send() {} };

function obstacle() {
  if (location.protocol === 'file:')
    return 'Opened as a file, a page may not load a demo. <code>make serve</code> opens the book with everything alive.';
  if (typeof WebAssembly !== 'object' || typeof DecompressionStream !== 'function')
    return 'This browser is too old to run it; one of the last three years can.';
  return '';
}

function offer(place) {
  const status = make('p', { className: 'live-status' });
  status.setAttribute('role', 'status');
  const reason = obstacle();
  if (reason) {
    status.innerHTML = reason;
    place.append(status);
    place.classList.add('live-told');
    return;
  }
  const run = make('button', { type: 'button', className: 'live-run', textContent: 'Run it here' });
  const close = make('button', { type: 'button', className: 'live-close', textContent: 'Close', hidden: true });
  run.setAttribute('aria-label', `Run it here: ${place.dataset.title}`);
  close.setAttribute('aria-label', `Close: ${place.dataset.title}`);
  let stage, end, wanted; // `wanted` is another object after every click, so that a demo that comes late is noticed

  const stop = () => {
    if (end) end();
    if (stage) stage.remove();
    wanted = end = stage = null;
    place.classList.remove('live-on');
    status.textContent = '';
    close.hidden = true;
    run.hidden = false;
  };
  run.onclick = async () => {
    const click = (wanted = {});
    run.hidden = true;
    close.hidden = false;
    close.focus();
    status.textContent = 'Loading …';
    try {
      const { [place.dataset.live]: demo } = await import(new URL(`${place.dataset.bundle}.js`, here).href);
      if (click !== wanted) return;
      stage = make('div', { className: 'live-stage' });
      place.insertBefore(stage, run);
      const made = await demo.render({ model, el: stage, asset });
      if (click !== wanted) {
        if (made) made();
        return;
      }
      end = made;
      place.classList.add('live-on');
      status.textContent = '';
    } catch (error) {
      if (click !== wanted) return;
      stop();
      status.textContent = `It could not be loaded: ${error.message}. Try again, or reload the page.`;
    }
  };
  close.onclick = () => {
    stop();
    run.focus();
  };
  place.append(run, close, status);
  place.classList.add('live-told');
}

document.querySelectorAll('[data-live]').forEach(offer);
