// Clothing drawn by fashion-cfg, guided: every knob of the chapter, or only the two that the landing page has.
import { card, open } from './engine.js';
import { button, frame, h, menu, radios, slider, status, toggle } from './kit.js';
import { normals } from './maths/random.js';
import { ddim, dpmpp_2m } from './maths/samplers.js';
import { cosine } from './maths/schedules.js';
import { guided, sample } from './network.js';
import { sheet } from './sheet.js';

const NET = 'fashion-cfg';
const WEAK = 'fashion-cfg-weak';
const SIDE = 28;
const SAMPLERS = { dpmpp_2m, ddim };
const TABLE = 'network/condition/table/value';
const LONGEST = 14;

const million = (n) => `${(n / 1e6).toFixed(1)} M parameters`;
const noise = (seed) => Float32Array.from({ length: SIDE * SIDE }, normals(seed));
const length = (row) => Math.hypot(...row);
const scaled = (row, to) => row.map((value) => (value * to) / length(row));

/** With `small` only class, scale and noise. */
export const clothes = ({ small }) => ({
  async render({ el, asset }) {
    const [strong, weak] = await Promise.all([NET, WEAK].map((name) => card(asset, name)));
    const names = strong.labels;
    const now = {
      label: names.indexOf(small ? 'Sneaker' : 'Dress'), scale: 2, low: 0, high: 1, steps: 20, sampler: 'dpmpp_2m', seed: 0,
      away: 'null', row: 'trained', length: 0, all: false,
    };
    const at = frame(el, {
      title: small ? 'Ask for a sneaker' : 'Guidance, live',
      runs: `The shipped network ${NET} draws this: ${million(strong.parameters)}, in this page.`,
      caption: small
        ? 'The class that you ask for, from two noises. The scale says how firmly you ask: at 0 the class is not heard.'
        : 'One class from two noises, and the network’s estimate of x_0 at every step on the way. Guidance leads away from what the same network '
          + `draws when told no label, or from ${WEAK} (${million(weak.parameters)}), which is told the same label.`,
    });
    const told = status();
    at.foot.append(told.node);

    // The pictures. On a phone the stage stays in sight while the reader turns knobs, so only the results are on it.
    const [pictures, strips] = [h('div'), h('div')];
    at.stage.append(pictures);
    (at.root.clientWidth < 600 ? at.foot : at.stage).append(strips);
    let jobs = [];
    const arrange = () => {
      const one = ({ label, seed, wide }) => {
        const picture = sheet({ side: SIDE });
        const film = wide ? sheet({ side: SIDE, count: now.steps, columns: Math.min(10, now.steps) }) : null;
        const node = h('div', {}, picture.node, h('p', {}, label === undefined ? `seed ${seed}` : names[label]));
        return { label, seed, picture, film, node };
      };
      jobs = now.all
        ? names.map((_, label) => one({ label, seed: now.seed }))
        : [0, 1].map((i) => one({ seed: now.seed + i, wide: !small }));
      const columns = now.all ? 5 : 2;
      const grid = h('div', { class: 'kit-pair', style: `grid-template-columns: repeat(${columns}, minmax(0, 1fr))` }, ...jobs.map((job) => job.node));
      const films = jobs.flatMap(({ seed, film }) => (film ? [h('p', { class: 'kit-note' }, `seed ${seed}, step 1 to ${now.steps}`), film.node] : []));
      pictures.replaceChildren(grid);
      strips.replaceChildren(...films);
      for (const job of jobs) {
        job.picture.clear();
        job.film?.clear();
        job.picture.describe('Not drawn yet.');
        job.film?.describe('No estimates yet.');
      }
    };

    // What is asked of the network.
    let engine, random, run;
    const tables = {};
    const rows = (name) => {
      const { shape: [count, width], data } = engine.tensor(name, TABLE);
      return Array.from({ length: count }, (_, i) => data.slice(i * width, (i + 1) * width));
    };
    const ask = (label) => {
      const pass = (name, vector) => (x, t) => engine.denoise(name, { x, t, vector });
      const nothing = scaled(now.row === 'trained' ? tables[NET].at(-1) : random, now.length);
      const other = now.away === 'null' ? pass(NET, nothing) : pass(WEAK, tables[WEAK][label]);
      return guided(pass(NET, tables[NET][label]), other, now.scale, [now.low, now.high]);
    };

    const draw = async () => {
      run?.abort();
      if (!engine) return;
      const { signal } = (run = new AbortController());
      const begun = performance.now();
      const what = `${now.all ? 'All ten classes' : names[now.label]} at scale ${now.scale}${now.away === 'weak' ? ', away from the weak network' : ''}`;
      stop.node.disabled = false;
      let last = 0;
      const one = async ({ label = now.label, seed, picture, film }) => {
        film?.clear();
        const seen = (x0, step) => {
          last = step;
          picture.paint(x0);
          film?.paint(x0, step - 1);
        };
        const x = await sample(SAMPLERS[now.sampler](cosine, noise(seed), { steps: now.steps }), ask(label), { seen, signal });
        picture.paint(x);
        picture.describe(`${names[label]} from seed ${seed} at scale ${now.scale}.`);
        film?.describe(`The ${now.steps} estimates of x_0 on the way: grey at first, then a shape, then its details.`);
      };
      told.say(`${what}: drawing …`);
      try {
        if (now.away === 'weak' && !tables[WEAK]) {
          await engine.add(WEAK);
          tables[WEAK] = rows(WEAK);
          signal.throwIfAborted();
        }
        for (const job of jobs) await one(job); // two passes at a time are all there are hands for
        stop.node.disabled = true;
        told.say(`${what}: ${now.steps} steps in ${((performance.now() - begun) / 1000).toFixed(1)} s.`);
      } catch (error) {
        if (!signal.aborted) told.say(`It stopped: ${error.message}.`);
        else if (signal.reason === STOPPED) told.say(`Stopped at step ${last} of ${now.steps}.`);
      }
    };

    // The controls.
    const set = (name, { again = false } = {}) => (value) => {
      now[name] = value;
      if (again) arrange();
      draw();
    };
    const stop = button({ label: 'Stop', press: () => { run?.abort(STOPPED); stop.node.disabled = true; } });
    const seed = slider({ label: 'seed', min: 0, max: 99, step: 1, value: 0, say: (n) => `${n} and ${n + 1}`, change: set('seed', { again: true }) });
    stop.node.disabled = true;
    const label = menu({ label: 'class', options: names.map((name, i) => [i, name]), value: now.label, change: (i) => set('label')(+i) });
    const scale = slider({ label: 'scale', min: 0, max: 12, step: 0.5, value: now.scale, change: set('scale') });
    const buttons = h('div', { class: 'kit-row' }, stop.node);
    if (small) at.controls.append(label.node, scale.node, seed.node, buttons);
    else {
      const low = slider({ label: 'guided from t =', min: 0, max: 1, step: 0.05, value: now.low, say: (t) => t.toFixed(2), change(t) {
        if (t > now.high) high.value = now.high = t;
        set('low')(t);
      } });
      const high = slider({ label: 'to t =', min: 0, max: 1, step: 0.05, value: now.high, say: (t) => t.toFixed(2), change(t) {
        if (t < now.low) low.value = now.low = t;
        set('high')(t);
      } });
      const steps = slider({ label: 'steps', stops: [5, 10, 20, 50], value: now.steps, change: set('steps', { again: true }) });
      const sampler = radios({ label: 'sampler', options: Object.keys(SAMPLERS).map((name) => [name, name]), value: now.sampler, change: set('sampler') });
      const row = radios({ label: 'the null row', options: [['trained', 'as trained'], ['drawn', 'as drawn at the start, never trained']], value: now.row, change: set('row') });
      const far = slider({ label: 'length of the null row', min: 0, max: LONGEST, step: 0.1, value: 0, say: (n) => n.toFixed(1), change: set('length') });
      const away = radios({ label: 'away from', options: [['null', 'no label'], ['weak', 'the weak network']], value: now.away, change(value) {
        far.enable(value === 'null', 'no null row is asked');
        row.node.disabled = value !== 'null';
        set('away')(value);
      } });
      const all = toggle({ label: 'same noise, all ten classes', value: now.all, change: set('all', { again: true }) });
      at.controls.append(label.node, scale.node, seed.node, all.node, low.node, high.node, steps.node, sampler.node, away.node, row.node, far.node, buttons);
      at.nullLength = far;
    }
    arrange();

    try {
      engine = await open(asset, [NET], { told: told.say, signal: at.signal });
    } catch (error) {
      at.close();
      throw error;
    }
    tables[NET] = rows(NET);
    const trained = tables[NET].at(-1);
    random = trained.map(normals(3));
    now.length = length(trained);
    if (at.nullLength) at.nullLength.value = now.length;
    draw();
    at.signal.addEventListener('abort', () => run?.abort());
    return at.close;
  },
});

const STOPPED = new DOMException('stopped by the reader', 'AbortError');
