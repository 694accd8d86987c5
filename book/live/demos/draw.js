// Draw edges, and the control branch makes the network keep to them.
import { SIDE, bits, easel, known, noise, painter, previews } from '../emoji.js';
import { button, frame, h, menu, radios, slider, status, toggle } from '../kit.js';
import { edges, f1 } from '../maths/edges.js';
import { dpmpp_2m } from '../maths/samplers.js';
import { prompt } from '../prompt.js';
import { sheet } from '../sheet.js';

const BRANCH = 'emoji-control';
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const NOTHING = 'nothing';
const signed = (lines) => Float32Array.from(lines, (ink) => 2 * ink - 1);

/** A field of 64 × 64 places to draw on, and a line that says where the keyboard's pen is; `change()` after each stroke. */
function board({ lines, change }) {
  const where = status();
  const face = sheet({ side: SIDE });
  const mark = h('div', { class: 'kit-cursor', hidden: true });
  const { node } = face;
  const now = { ink: 1, x: 32, y: 32, down: false };
  let last = null;
  const show = () => {
    face.paint(signed(lines));
    face.describe(`Drawing board of 64 by 64 places, ${lines.reduce((sum, ink) => sum + ink, 0)} of them inked. `
      + 'Arrow keys move the pen, with shift by 8; space puts it down or lifts it.');
  };
  const line = ([x0, y0], [x1, y1]) => {
    const long = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0), 1);
    for (let i = 0; i <= long; i++) {
      const [x, y] = [x0 + ((x1 - x0) * i) / long, y0 + ((y1 - y0) * i) / long].map(Math.round);
      if (x >= 0 && y >= 0 && x < SIDE && y < SIDE) lines[y * SIDE + x] = now.ink;
    }
    show();
  };
  const place = ({ clientX, clientY }) => {
    const box = node.getBoundingClientRect();
    return [((clientX - box.left) / box.width) * SIDE, ((clientY - box.top) / box.height) * SIDE].map(Math.floor);
  };
  node.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    node.setPointerCapture(event.pointerId);
    mark.hidden = true;
    line((last = place(event)), last);
  });
  node.addEventListener('pointermove', (event) => {
    if (!last) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) line(last, (last = place(one)));
    line(last, (last = place(event)));
  });
  const done = () => {
    if (last) change();
    last = null;
  };
  node.addEventListener('pointerup', done);
  node.addEventListener('pointercancel', done);

  const move = ([dx, dy], far) => {
    const from = [now.x, now.y];
    const inside = (value) => Math.min(SIDE - 1, Math.max(0, value));
    [now.x, now.y] = [inside(now.x + far * dx), inside(now.y + far * dy)];
    if (now.down) line(from, [now.x, now.y]);
  };
  const tell = () => {
    mark.hidden = false;
    [mark.style.left, mark.style.top] = [now.x, now.y].map((n) => `${(100 * n) / SIDE}%`);
    mark.classList.toggle('kit-down', now.down);
    where.say(`Row ${now.y + 1}, column ${now.x + 1}: ${lines[now.y * SIDE + now.x] ? 'ink' : 'empty'}, pen ${now.down ? 'down' : 'up'}.`);
  };
  node.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === ' ') {
      now.down = !now.down;
      if (now.down) line([now.x, now.y], [now.x, now.y]);
      else change();
    } else if (KEYS[event.key]) move(KEYS[event.key], event.shiftKey ? 8 : 1);
    else return;
    event.preventDefault();
    tell();
  });
  node.addEventListener('blur', () => {
    mark.hidden = true;
    if (now.down) change();
    now.down = false;
  });
  for (const [name, value] of Object.entries({ tabindex: 0, role: 'application', 'aria-roledescription': 'drawing board' })) node.setAttribute(name, value);
  node.classList.add('kit-board');
  show();
  return { node: h('div', {}, h('div', { class: 'kit-over' }, node, mark), where.node), show, now };
}

export default {
  async render({ el, asset }) {
    const all = await known(asset, BRANCH);
    const presets = Object.keys(all.outlines);
    const now = { prompt: 'a twemoji emoji of a house', strength: 1, scale: 2, steps: 20, seed: 0, inverted: false, fine: false, begin: 'house' };
    const lines = bits(all.outlines[now.begin] ?? all.outlines[presets[0]]);
    const at = frame(el, {
      title: 'Draw its edges',
      runs: all.runs,
      caption: 'Draw on the board with the mouse, a finger or the keyboard. The branch is told the board as a hint, the network your prompt. '
        + 'Its own edges are found in the picture by Canny’s detector, as in training. The edge F1 compares them with the board, within one pixel, '
        + 'from 0 to 1. Inverted, the board holds the same lines, but the branch has never seen such a hint.',
    });
    const [told, score] = [status(), status()];
    const [picture, found] = [sheet({ side: SIDE }), sheet({ side: SIDE })];
    for (const each of [picture, found]) {
      each.clear();
      each.describe('Not drawn yet.');
    }
    const part = (node, ...rest) => h('div', {}, node, ...rest.map((text) => (typeof text === 'string' ? h('p', {}, text) : text)));
    const row = (...parts) => h('div', { class: 'kit-pair' }, ...parts);

    let studio;
    const stop = button({ label: 'Stop', press() {} });
    const { start } = easel({ at, told, stop });
    const draw = () => studio && start(async (signal) => {
      const { prompt: asked, strength, seed, inverted, fine, steps } = now;
      const what = `${asked}, at strength ${strength.toFixed(1)}${inverted ? ', inverted' : ''}`;
      const drawn = lines.slice();
      const hint = Float32Array.from(drawn, (ink) => (inverted ? 1 - ink : ink));
      const { step, end } = previews(studio, (pixels, n) => {
        if (signal.aborted) return;
        picture.paint(pixels);
        told.say(`${what}: step ${n} of ${steps} …`);
      });
      const x = await studio.draw(dpmpp_2m, noise(seed), now, { seen: step, signal, beside: { hint, strength: [strength] } });
      const pixels = await (fine ? studio.decode : studio.preview)(x);
      signal.throwIfAborted();
      end();
      const own = edges(pixels, SIDE);
      picture.paint(pixels);
      found.paint(signed(own));
      const value = f1(own, drawn, SIDE);
      const said = Number.isNaN(value) ? 'no edges to compare' : `edge F1 ${value.toFixed(2)}`;
      picture.describe(`${what}, from seed ${seed}; ${said}.`);
      found.describe(`The edges of the picture; ${said}.`);
      score.say(`${said[0].toUpperCase()}${said.slice(1)}.`);
      return `${what}: ${steps} steps`;
    });
    const set = (name) => (value) => {
      now[name] = value;
      draw();
    };
    const face = board({ lines, change: draw });
    const begin = (name) => {
      lines.set(name === NOTHING ? new Uint8Array(SIDE * SIDE) : bits(all.outlines[name]));
      face.show();
      draw();
    };
    const from = menu({ label: 'begin with', options: [...presets, NOTHING].map((name) => [name, name]), value: now.begin, change: begin });
    const clear = button({ label: 'Clear', press() {
      from.select.value = NOTHING;
      begin(NOTHING);
    } });
    const tools = [
      radios({ label: 'the pen', options: [['1', 'draws'], ['0', 'rubs out']], value: '1', change: (ink) => { face.now.ink = +ink; } }).node,
      from.node,
      h('div', { class: 'kit-row' }, clear.node, stop.node),
    ];
    // On a phone the stage stays in sight while the reader turns knobs, so the board is not on it.
    if (at.root.clientWidth < 600) {
      at.stage.append(row(part(picture.node, 'the picture'), part(found.node, 'its edges')), told.node, score.node);
      at.controls.append(face.node, ...tools);
    } else {
      const beside = h('div', { class: 'kit-controls' }, ...tools, told.node, score.node);
      at.stage.append(row(part(face.node, 'the board'), part(picture.node, 'the picture')), row(beside, part(found.node, 'its edges')));
    }
    at.controls.append(...[
      prompt({ label: 'prompt', known: all.words, value: now.prompt, wrong: told.say, change: set('prompt') }),
      slider({ label: 'strength', min: 0, max: 1.5, step: 0.1, value: now.strength, say: (s) => s.toFixed(1), change: set('strength') }),
      toggle({ label: 'invert the hint', value: false, change: set('inverted') }),
      slider({ label: 'scale', min: 0, max: 8, step: 0.5, value: now.scale, change: set('scale') }),
      slider({ label: 'steps', stops: [5, 10, 20, 50], value: now.steps, change: set('steps') }),
      slider({ label: 'seed', min: 0, max: 99, step: 1, value: now.seed, change: set('seed') }),
      toggle({ label: `end with the large decoder, ${(all.more / 1e6).toFixed(1)} MB more`, value: false, change: set('fine') }),
    ].map(({ node }) => node));
    try {
      studio = await painter(asset, all, { told: told.say, signal: at.signal, branch: BRANCH });
    } catch (error) {
      at.close();
      throw error;
    }
    draw();
    return at.close;
  },
};
