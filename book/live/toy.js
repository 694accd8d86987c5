// A Gaussian mixture to take hold of: its exact denoiser, the paths of a sampler, and what guidance really samples.
import { button, frame, h, menu, numbers, player, radios, slider, status, toggle } from './kit.js';
import { guided, ideal, logDensity, logSharpened, moments } from './maths/mixtures.js';
import { normals } from './maths/random.js';
import * as samplers from './maths/samplers.js';
import { cosine } from './maths/schedules.js';
import { arrow, cells, dot, heat, line, plane } from './plane.js';

const SIDE = [-3.5, 3.5];
const WIDE = [-7, 7]; // where moments of a density are summed
const MOST = 10; // modes
const SAMPLES = 600;
const PATHS = 24;
const CLEAN = { alpha: 1, sigma: 0 };
const STEPS = [1, 2, 3, 5, 8, 10, 15, 20, 30, 50, 100];

const spots = (of, ...places) => places.map((at) => ({ at, of }));
const hexagon = [0, 1, 2, 3, 4, 5].map((i) => [2 * Math.cos((i * Math.PI) / 3), 2 * Math.sin((i * Math.PI) / 3)]);
const PLAIN = {
  hexagon: spots(0, ...hexagon),
  'three heaps in a row': spots(0, [-1.7, 0], [-0.5, 0], [1.5, 0]),
  'one alone': spots(0, [1, 0.5]),
};
const CLASSES = {
  "this chapter's bells": [
    ...spots(0, [-0.5, 1.2], [-1.6, 0], [-0.5, -1.2]), ...spots(1, [0.5, 1.2], [1.6, 0], [0.5, -1.2]),
  ],
  'one against one': [...spots(0, [-0.6, 0]), ...spots(1, [0.6, 0])],
  'the class within the rest': [...spots(0, [0, 0.6], [0, -0.6]), ...spots(1, [-1.6, 0], [1.6, 0], [0, 2], [0, -2])],
};

const number = (x, digits = 2) => (Math.abs(x) < 0.5 * 10 ** -digits ? 0 : x).toFixed(digits).replace('-', '−');
const pair = ([x, y]) => `(${number(x)}, ${number(y)})`;
const apart = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);

/** With `guidance` there are two classes, c and the rest, and a scale; without, one mixture. */
export const toy = ({ guidance }) => ({
  render({ el }) {
    const presets = guidance ? CLASSES : PLAIN;
    const first = Object.keys(presets)[0];
    const now = {
      modes: presets[first], width: guidance ? 0.36 : 0.2, scale: 3, t: 0.4, field: guidance ? 'guided' : 'c',
      paths: true, sampler: 'ddim', steps: guidance ? 50 : 20, eta: 0, seed: 0, probe: [0.4, 0.9],
    };
    const at = frame(el, {
      title: guidance ? 'What guidance samples, exactly' : 'A denoiser that is exact',
      runs: 'No network: the best denoiser of a Gaussian mixture is a formula, and your browser evaluates it.',
      caption: guidance
        ? h('span', {}, 'Filled discs are modes of the class c, rings those of the rest; drag them, or choose one with the tab key and move it by '
          + 'the arrow keys. Shade: the density at time t, blue for c and orange for the rest. The diamond is a noisy point; lines lead to its '
          + 'estimates: blue with c, dashed without a class, violet guided. Below, the same samples over the two densities that they are often said to follow. Bradley and Nakkiran (2024, ',
          h('a', { href: 'https://arxiv.org/abs/2408.09000' }, 'arXiv 2408.09000'), ') prove that in general they follow neither, by DDIM or by DDPM.')
        : 'Discs are the modes of the data; drag them, or choose one with the tab key and move it by the arrow keys. Shade: the density at time t. '
          + 'Arrows: where the sampler moves a point. The diamond is a noisy point, the line leads to its best guess.',
    });

    // What follows from the state: a mixture, its denoisers, and where the samples have been.
    let world;
    const follow = () => {
      const k = now.modes.length;
      const row = (of) => now.modes.map((mode) => +(mode.of === of) / now.modes.filter((m) => m.of === of).length);
      const mixture = {
        means: now.modes.map((mode) => mode.at), stds: Array(k).fill(now.width),
        weights: guidance ? [row(0), row(1), Array(k).fill(1 / k)] : [Array(k).fill(1 / k)],
      };
      const c = ideal(mixture, cosine, 0);
      const denoisers = guidance ? { c, null: ideal(mixture, cosine, -1) } : { c };
      if (guidance) denoisers.guided = guided(c, denoisers.null, now.scale);
      const normal = normals(now.seed);
      const noise = Float64Array.from({ length: 2 * SAMPLES }, normal);
      const options = { steps: now.steps, eta: now.eta, normal };
      const states = samplers.walk(samplers[now.sampler](cosine, noise, options), denoisers.guided ?? c);
      world = { mixture, denoisers, states, ends: states.at(-1) };
    };
    /** Where the samples are at time t, on the straight lines between the steps. */
    const points = () => {
      const step = (1 - now.t) * now.steps;
      const i = Math.min(now.steps - 1, Math.floor(step));
      const [from, to] = [world.states[i], world.states[i + 1]];
      return from.map((x, j) => x + (step - i) * (to[j] - x));
    };

    const map = plane({ at, label: '', x: SIDE, y: SIDE, paint: paintMap });
    const grid = cells(SIDE, SIDE, 80);
    const few = cells(SIDE, SIDE, 15);
    const hue = (colours, name) => ({ c: colours.a, null: colours.faint, guided: colours.c })[name];
    function shade(context, on, colours) {
      const level = cosine(now.t);
      const labels = guidance ? [[0, colours.a], [1, colours.b]] : [[0, colours.a]];
      for (const [label, colour] of labels) {
        const density = logDensity(world.mixture, grid, level, label).map(Math.exp);
        heat(context, on, 80, density, colour, Math.max(...density) * 1.6);
      }
    }
    function paintMap(context, on, colours) {
      shade(context, on, colours);
      if (now.paths) {
        context.globalAlpha = 0.45;
        for (let i = 0; i < PATHS; i++) {
          line(context, on, world.states.map((x) => [x[2 * i], x[2 * i + 1]]), colours.ink, 1);
        }
        context.globalAlpha = 1;
      }
      if (now.field !== 'none') {
        const { alpha, sigma } = cosine(now.t);
        const x0 = world.denoisers[now.field](few, now.t);
        for (let i = 0; i < few.length; i += 2) {
          const way = [i, i + 1].map((j) => sigma * x0[j] - (alpha * (few[j] - alpha * x0[j])) / sigma); // against v
          const long = Math.hypot(...way);
          const part = Math.min(0.18, 0.4 / Math.max(long, 1e-9));
          arrow(context, on, few[i], few[i + 1], part * way[0], part * way[1], hue(colours, now.field));
        }
      }
      const x = points();
      for (let i = 0; i < x.length / 2; i++) dot(context, on, x[2 * i], x[2 * i + 1], colours.ink, i < PATHS ? 2.5 : 1.2);
      for (const [name, guess] of Object.entries(guesses())) {
        line(context, on, [now.probe, guess], hue(colours, name), 2.5, name === 'null' ? [3, 3] : []);
        dot(context, on, ...guess, hue(colours, name), 4.5);
      }
    }
    const guesses = () => Object.fromEntries(
      Object.entries(world.denoisers).map(([name, ask]) => [name, [...ask(Float64Array.from(now.probe), now.t)]]));

    const estimates = () => Object.entries(guesses()).map(([name, guess]) => {
      const what = guidance ? { c: 'estimate with c', null: 'without a class', guided: 'guided' }[name] : 'best guess';
      return `${what} ${pair(guess)}`;
    }).join(', ');

    // The two densities that guidance is said to sample, under the samples.
    const over = (name, log) => plane({
      at, label: name, x: SIDE, y: SIDE,
      paint(context, on, colours) {
        const far = Math.max(...now.modes.flatMap((mode) => mode.at.map(Math.abs))) + 2 * now.width;
        const side = Math.min(WIDE[1], Math.max(far, ...world.ends.map(Math.abs)));
        on.x = on.y = [-side, side];
        const logs = log(cells(on.x, on.y, 80));
        const most = Math.max(...logs);
        heat(context, on, 80, logs.map((value) => Math.exp(value - most)), colours.a, 1.3);
        for (let i = 0; i < SAMPLES; i++) dot(context, on, world.ends[2 * i], world.ends[2 * i + 1], colours.ink, 1.2);
      },
    });
    const ofClass = guidance && over('p(x | c)', (places) => logDensity(world.mixture, places, CLEAN, 0));
    const sharp = guidance && over('sharpened', (places) => logSharpened(world.mixture, places, 0, now.scale));
    const wide = cells(WIDE, WIDE, 112);
    const summed = (logs) => {
      const most = Math.max(...logs);
      return moments(wide, logs.map((value) => Math.exp(value - most)));
    };
    const table = numbers({ label: 'Mean and spread', columns: ['', 'mean', 'spread'] });
    const [told, verdict] = [status(), h('p', { class: 'kit-note' })];

    function measure() {
      const found = moments(world.ends);
      const data = guidance ? null : summed(logDensity(world.mixture, wide, CLEAN, -1));
      const row = (name, { mean, spread }) => [name, pair(mean), number(spread)];
      if (!guidance) {
        table.set([row('the data', data), row(`${SAMPLES} samples`, found)]);
        return `${SAMPLES} samples: mean ${pair(found.mean)}, spread ${number(found.spread)}; the data: mean ${pair(data.mean)}, `
          + `spread ${number(data.spread)}.`;
      }
      const own = summed(logDensity(world.mixture, wide, CLEAN, 0));
      const sharpened = summed(logSharpened(world.mixture, wide, 0, now.scale));
      const s = number(now.scale, 1);
      table.set([row('p(x | c)', own), row(`sharpened, s = ${s}`, sharpened), row(`${SAMPLES} guided samples`, found)]);
      ofClass.describe(`The density p(x | c), and over it the guided samples. Their means are ${number(apart(own.mean, found.mean))} apart.`);
      sharp.describe(`The density p(x) to the power 1 − ${s} times p(x | c) to the power ${s}, and over it the guided samples. `
        + `Their means are ${number(apart(sharpened.mean, found.mean))} apart.`);
      const off = `Here the samples' mean is ${number(apart(own.mean, found.mean))} from that of p(x | c) and `
        + `${number(apart(sharpened.mean, found.mean))} from that of the sharpened density; their spread is ${number(found.spread)}, `
        + `not ${number(own.spread)} or ${number(sharpened.spread)}.`;
      verdict.textContent = now.scale === 1 ? 'At scale 1 nothing is pushed: both densities are p(x | c), and the samples follow it as closely as these steps can.'
        : now.scale === 0 ? 'At scale 0 the class is not heard: the sharpened density is p(x), of all modes, and the samples follow it as closely as these steps can.'
          : `In general guidance samples neither. ${off}`;
      return verdict.textContent;
    }

    // Redraw: `change` when the samples change, `look` when only the view does.
    const look = () => {
      map.redraw();
      const t = number(now.t);
      readout.textContent = `Noisy point ${pair(now.probe)} at t = ${t}: ${estimates()}.`;
      const kinds = { c: guidance ? 'conditional ' : '', null: 'unconditional ', guided: 'guided ' };
      const field = now.field === 'none' ? 'No arrows.' : `Arrows of the ${kinds[now.field]}field.`;
      map.describe(`The plane at t = ${t}: density of ${now.modes.length} modes, ${SAMPLES} points on their way from noise to data, by `
        + `${now.steps} steps of ${now.sampler}. ${field}`);
    };
    let due = false;
    const change = () => {
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        follow();
        told.say(measure());
        if (guidance) [ofClass, sharp].forEach((each) => each.redraw());
        look();
      });
    };
    const set = (name, then = change) => (value) => {
      now[name] = value;
      then();
    };

    // Handles: one for each mode, and the noisy point.
    let grips = [];
    let chosen = 0;
    const named = (i) => {
      const { of } = now.modes[i];
      const nth = now.modes.slice(0, i + 1).filter((mode) => mode.of === of).length;
      return guidance ? `mode ${nth} of ${of ? 'the rest' : 'class c'}` : `mode ${nth}`;
    };
    const choose = (i) => {
      chosen = i;
      drop.node.textContent = `remove ${named(i)}`;
      drop.node.disabled = now.modes.filter((mode) => mode.of === now.modes[i].of).length === 1;
    };
    const hold = () => {
      grips.forEach((grip) => grip.remove());
      now.modes = now.modes.map((mode) => ({ ...mode }));
      grips = now.modes.map((mode, i) => map.handle({
        name: named(i), colour: mode.of ? 'b' : 'a', kind: mode.of ? 'kit-ring' : '', step: 0.1, at: () => mode.at,
        say: () => pair(mode.at), focus: () => choose(i),
        move(to) {
          mode.at = to;
          change();
        },
      }));
      const full = now.modes.length === MOST;
      adders.forEach(({ node }) => { node.disabled = full; });
      choose(Math.min(chosen, now.modes.length - 1));
      change();
    };
    const add = (of) => {
      const normal = normals(now.modes.length);
      now.modes = [...now.modes, { at: [1.4 * normal(), 1.4 * normal()].map((x) => Math.max(-3, Math.min(3, x))), of }];
      hold();
      grips.at(-1).node.focus();
    };
    const adders = guidance
      ? [button({ label: '+ mode of c', press: () => add(0) }), button({ label: '+ mode of the rest', press: () => add(1) })]
      : [button({ label: '+ mode', press: () => add(0) })];
    const drop = button({ label: 'remove', press() {
      now.modes = now.modes.filter((_, i) => i !== chosen);
      hold();
      grips[chosen].node.focus();
    } });

    const readout = h('p', { class: 'kit-note' });
    const time = slider({
      label: 'time t', min: 0.02, max: 1, step: 0.02, value: now.t, say: (t) => number(t), change: set('t', look),
    });
    const clock = player({ label: 'from noise to data', signal: at.signal, tick(seconds) {
      const t = now.t <= 0.02 ? 1 : Math.max(0.02, now.t - seconds / 4);
      time.value = now.t = t;
      look();
      return t > 0.02;
    } });
    const eta = slider({
      label: 'eta, share of fresh noise', min: 0, max: 1, step: 0.1, value: now.eta, say: (x) => number(x, 1), change: set('eta'),
    });
    const enableEta = () => eta.enable(now.sampler === 'ddim', now.sampler === 'ddpm' ? 'ddpm always has 1' : 'only for ddim');
    const fields = guidance
      ? radios({ label: 'arrows of', value: now.field, change: set('field', look), options: [
        ['c', 'conditional'], ['null', 'null'], ['guided', 'guided'], ['none', 'none']] })
      : toggle({ label: 'arrows', value: true, change: (on) => set('field', look)(on ? 'c' : 'none') });
    const controls = [
      guidance && slider({
        label: 'guidance scale s', min: 0, max: 8, step: 0.1, value: now.scale, say: (s) => number(s, 1), change: set('scale'),
      }),
      time,
      { node: h('div', { class: 'kit-row' }, clock.node) },
      fields,
      toggle({ label: `paths of ${PATHS} samples`, value: now.paths, change: set('paths', look) }),
      menu({ label: 'sampler', value: now.sampler, options: ['ddim', 'dpmpp_2m', 'heun', 'ddpm'].map((name) => [name, name]), change(name) {
        now.sampler = name;
        enableEta();
        change();
      } }),
      slider({ label: 'steps', stops: STEPS, value: now.steps, say: (n) => `${n} ${n === 1 ? 'step' : 'steps'}`, change: set('steps') }),
      eta,
      slider({ label: 'seed of the noise', min: 0, max: 9, step: 1, value: now.seed, change: set('seed') }),
      menu({ label: 'start from', options: Object.keys(presets).map((name) => [name, name]), value: first, change(name) {
        [now.modes, chosen] = [presets[name], 0];
        hold();
      } }),
      { node: h('div', { class: 'kit-row' }, ...adders.map(({ node }) => node), drop.node) },
      slider({ label: 'width of a mode', min: 0.16, max: 0.8, step: 0.02, value: now.width, say: number, change: set('width') }),
    ];
    at.controls.append(...controls.filter(Boolean).map(({ node }) => node));
    map.handle({
      name: 'noisy point x_t', colour: 'ink', kind: 'kit-probe', step: 0.1, at: () => now.probe, say: () => `${pair(now.probe)}, ${estimates()}`,
      move: set('probe', look),
    });
    at.stage.append(map.node, readout);
    const shown = (picture, text) => h('div', {}, picture.node, h('p', {}, text));
    if (guidance) {
      at.foot.append(h('div', { class: 'kit-pair' }, shown(ofClass, 'p(x | c), and the guided samples'),
        shown(sharp, 'sharpened, p(x)^(1−s) p(x | c)^s, and the same samples')));
    }
    at.foot.append(table.node, ...(guidance ? [verdict] : []));
    at.root.append(told.node);
    told.node.classList.add('kit-spoken');
    enableEta();
    follow();
    hold();
    return at.close;
  },
});
