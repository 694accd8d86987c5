// Bend a schedule: its log-SNR by handles, and what follows from the curve.
import { button, frame, h, menu, slider, status } from '../kit.js';
import { normals } from '../maths/random.js';
import * as schedules from '../maths/schedules.js';
import { notes } from '../notes.js';
import { families, garment, note } from '../pixels.js';
import { axes, dot, line, plane } from '../plane.js';
import { sheet } from '../sheet.js';

const TIMES = [0, 0.25, 0.5, 0.75, 1];
const REACH = 12; // as far as handles go: beyond, float32 sees data or noise
const GRAIN = 0.25;
const END = 4.75; // the package wants at most a hundredth of the variance to be noise at t = 0, or signal at t = 1
const NAMED = ['linear', 'cosine', 'sigmoid', 'quadratic'];
const ROWS = [21, 30, 50, 100, 250, 500, 1000];
const FINE = Array.from({ length: 201 }, (_, i) => i / 200);
const PAD = [24, 14, 34, 44];
const LITTLE = [10, 12, 20, 50];

const minus = (text) => String(text).replace('-', '−');
const number = (x, digits = 2) => minus((Math.abs(x) < 0.5 * 10 ** -digits ? 0 : x).toFixed(digits));
const small = (x) => minus(x >= 0.01 || x === 0 ? x.toFixed(3) : x.toPrecision(2).replace(/e-0?(\d+)/, ' × 10^-$1'));
const float = (x) => (Number.isInteger(x) ? `${x}.0` : String(x)); // as Python writes it

/** Where the handles stand to follow a named schedule, as far as they reach. */
const handles = (name) => TIMES.map((t) => {
  const lam = schedules.logSnr(schedules[name](t));
  return Math.round(Math.max(-REACH, Math.min(REACH, lam)) / GRAIN) * GRAIN;
});

export default {
  render({ el, asset }) {
    const now = { lams: handles('cosine'), t: 0.4, rows: 50, from: 'cosine', seed: 0, family: 0, scale: 2, steps: 10 };
    const at = frame(el, {
      title: 'Bend a schedule',
      runs: 'Curves and noise need no network. Sampling a note loads one, notes-cfg, into this page.',
      caption: 'Five handles on the log-SNR: drag them up and down, or choose one with the tab key and use the arrow keys. From the curve follow '
        + 'alpha and sigma, the table of betas of a sampler with T steps (dots: the levels that this table reaches), and how much of a garment and '
        + 'of a note is left at time t. Dashed: the named schedule that you started from. '
        + 'The network samples a note by dpmpp_2m, with guidance, on times that are even on your curve.',
    });
    let [schedule, betas, reached] = [];
    const follow = () => {
      schedule = schedules.fromPoints(TIMES, now.lams);
      betas = schedules.table(schedule, now.rows);
      reached = schedules.levels(betas);
    };
    const timeLine = (context, on, colours) => line(context, on, [[now.t, on.y[0]], [now.t, on.y[1]]], colours.faint, 1);
    const lam = (t) => schedules.logSnr(schedule(t));

    const curve = plane({
      at, label: '', x: [0, 1], y: [-13, 13], aspect: 1.2, pad: PAD,
      paint(context, on, colours) {
        axes(context, on, colours, { xs: TIMES, ys: [-12, -8, -4, 0, 4, 8, 12], below: 'time t', above: 'log-SNR', gap: 14 });
        const start = FINE.map((t) => [t, schedules.logSnr(schedules[now.from](t))]).filter(([, y]) => Math.abs(y) < 13);
        line(context, on, start, colours.faint, 1.5, [5, 4]);
        timeLine(context, on, colours);
        line(context, on, TIMES.map((t, i) => [t, now.lams[i]]), colours.a, 2.5);
        dot(context, on, now.t, lam(now.t), colours.ink, 4);
      },
    });
    const amplitudes = plane({
      at, label: '', x: [0, 1], y: [0, 1], aspect: 1.1, pad: LITTLE,
      paint(context, on, colours) {
        axes(context, on, colours, { xs: [0, 0.5, 1], ys: [0, 0.5, 1] });
        timeLine(context, on, colours);
        for (const [part, colour] of [['alpha', colours.a], ['sigma', colours.b]]) {
          line(context, on, FINE.map((t) => [t, schedule(t)[part]]), colour);
          if (now.rows <= 50) reached.forEach((level, i) => dot(context, on, (i + 1) / now.rows, level[part], colour, 2));
          dot(context, on, now.t, schedule(now.t)[part], colours.ink, 4);
        }
      },
    });
    const rates = plane({
      at, label: '', x: [0, 1], y: [0, 1], aspect: 1.1, pad: LITTLE,
      paint(context, on, colours) {
        const most = Math.max(...betas);
        const unit = 10 ** Math.floor(Math.log10(most));
        const top = [1, 2, 5, 10].map((n) => +(n * unit).toPrecision(1)).find((n) => n >= most);
        on.y = [0, top];
        axes(context, on, colours, { xs: [0, 0.5, 1], ys: [0, +(top / 2).toPrecision(2), top] });
        const rows = betas.map((beta, i) => [(i + 1) / now.rows, beta]);
        line(context, on, rows, colours.c);
        if (now.rows <= 50) rows.forEach(([t, beta]) => dot(context, on, t, beta, colours.c, 2));
      },
    });

    const pictures = Object.entries({ garment, note }).map(([name, { side, pixels }], i) => {
      const { node, paint, describe } = sheet({ side });
      const show = () => {
        const { alpha, sigma } = schedule(now.t);
        const normal = normals(now.seed + 100 * i);
        paint(pixels.map((x0) => alpha * x0 + sigma * normal()));
        describe(`A ${name} at t = ${number(now.t)}: ${Math.round(100 * alpha ** 2)} % of the variance is signal, the rest noise.`);
      };
      return { node, show };
    });

    // The network, once it has been asked for. A change stops what is being sampled and begins anew.
    const [heard, sampled] = [status(), sheet({ side: note.side })];
    let [network, busy] = [null, new AbortController()];
    const describe = (text) => {
      heard.say(text);
      sampled.describe(text);
    };
    const draw = async () => {
      busy = new AbortController();
      const { steps } = now;
      const what = `${families[now.family]}, scale ${number(now.scale, 1)}`;
      const noise = Float32Array.from({ length: note.side ** 2 }, normals(now.seed));
      const seen = (x0, step) => {
        sampled.paint(x0);
        describe(`Estimate after step ${step} of ${steps}: ${what}.`);
      };
      sampled.paint(await network.draw(schedule, noise, now, { seen, signal: busy.signal }));
      describe(`Sampled in ${steps} steps on this curve: ${what}.`);
    };
    // While a hand moves, one run at a time: the next begins when the network has answered the last question of this one.
    let [running, wanted] = [false, false];
    const again = async () => {
      wanted = Boolean(network);
      busy.abort();
      if (running) return;
      running = true;
      while (wanted) {
        wanted = false;
        await draw().catch((error) => { if (error.name !== 'AbortError') describe(`It stopped: ${error.message}.`); });
      }
      running = false;
    };
    const load = button({ label: 'Sample a note here', async press() {
      load.node.disabled = true;
      try {
        network = await notes(asset, (text) => heard.say(text), at.signal);
        load.node.replaceWith(h('p', { class: 'kit-note' }, `notes-cfg, ${network.parameters.toLocaleString('en')} parameters, in this page.`));
        asks[0].select.focus({ preventScroll: true }); // where the button was
        await again();
      } catch (error) {
        load.node.disabled = false;
        describe(`It could not be loaded: ${error.message}.`);
      }
    } });

    const [told, python] = [status(), h('code')];
    const [readout, table] = [0, 1].map(() => h('p', { class: 'kit-note' }));
    const look = () => {
      const { alpha, sigma } = schedule(now.t);
      const [t, left] = [number(now.t), Math.round(100 * alpha ** 2)];
      const [first, last] = [now.lams[0], now.lams.at(-1)];
      const even = FINE.find((time) => lam(time) <= 0);
      readout.textContent = `At t = ${t}: log-SNR ${number(lam(now.t), 1)}, alpha ${number(alpha, 3)}, sigma ${number(sigma, 3)}; `
        + `${left} % of the variance is signal. Signal and noise are equal at t = ${number(even)}.`;
      table.textContent = `Table of ${now.rows} rows: beta from ${small(Math.min(...betas))} to ${small(Math.max(...betas))}; `
        + `what the table leaves of the signal, alpha-bar, is ${small(reached.at(-1).alpha ** 2)}, for every T.`;
      python.textContent = `schedule = schedules.from_points([${TIMES.map(float).join(', ')}], [${now.lams.map(float).join(', ')}])`;
      curve.describe(`Log-SNR over time: it falls from ${number(first)} at t = 0 through ${now.lams.slice(1, -1).map((x) => number(x)).join(', ')} to `
        + `${number(last)} at t = 1. At t = ${t} it is ${number(lam(now.t), 1)}.`);
      amplitudes.describe(`Alpha falls and sigma rises; at t = ${t} they are ${number(alpha, 3)} and ${number(sigma, 3)}.`);
      rates.describe(`The betas of ${now.rows} rows, from ${small(Math.min(...betas))} to ${small(Math.max(...betas))}.`);
      pictures.forEach(({ show }) => show());
      [curve, amplitudes, rates].forEach((each) => each.redraw());
    };
    const change = () => {
      follow();
      look();
      again();
    };
    const set = (name, then) => (value) => {
      now[name] = value;
      then();
    };

    TIMES.forEach((t, i) => curve.handle({
      name: `log-SNR at t = ${t}`, colour: 'a', axis: 'y', step: GRAIN, at: () => [t, now.lams[i]], say: () => number(now.lams[i]),
      move([, wanted]) {
        const high = i ? now.lams[i - 1] - GRAIN : REACH;
        const low = i < TIMES.length - 1 ? now.lams[i + 1] + GRAIN : -REACH;
        const [least, most] = [i ? low : Math.max(low, END), i < TIMES.length - 1 ? high : Math.min(high, -END)];
        const to = Math.round(wanted / GRAIN) * GRAIN;
        now.lams[i] = Math.max(least, Math.min(most, to));
        if (to === now.lams[i]) told.say('');
        else if (!i && to < END) told.say(`Held: at t = 0 the log-SNR is at least ${END}, or the schedule does not begin in data.`);
        else if (i === TIMES.length - 1 && to > -END) told.say(`Held: at t = 1 the log-SNR is at most ${minus(-END)}, or the schedule does not end in noise.`);
        else if (Math.abs(to) > REACH) told.say(`Held: handles go from ${minus(-REACH)} to ${REACH}.`);
        else told.say('Held: the log-SNR must fall from handle to handle.');
        change();
      },
    }));
    const controls = [
      menu({ label: 'start from', options: NAMED.map((name) => [name, name]), value: now.from, change(name) {
        [now.from, now.lams] = [name, handles(name)];
        told.say('');
        change();
      } }),
      slider({ label: 'time t', min: 0, max: 1, step: 0.01, value: now.t, say: number, change: set('t', look) }),
      slider({ label: 'rows of the table, T', stops: ROWS, value: now.rows, say: (T) => `${T} rows`, change: set('rows', () => { follow(); look(); }) }),
      slider({ label: 'seed of the noise', min: 0, max: 9, step: 1, value: 0, change: set('seed', change) }),
    ];
    const asks = [
      menu({ label: 'sample', options: families.map((name, i) => [i, name]), value: 0, change: (i) => set('family', again)(+i) }),
      slider({ label: 'guidance scale', min: 0, max: 5, step: 0.5, value: now.scale, say: (s) => number(s, 1), change: set('scale', again) }),
      slider({ label: 'steps of the sampler', stops: [5, 10, 20, 50], value: now.steps, say: (n) => `${n} steps`, change: set('steps', again) }),
    ];
    const shown = (picture, text) => h('div', {}, picture.node, h('p', {}, text));
    at.stage.append(curve.node, told.node);
    at.controls.append(...controls.map(({ node }) => node), readout, table, h('p', { class: 'kit-note' }, 'In Python: ', python));
    at.foot.append(
      h('div', { class: 'kit-pair' }, shown(amplitudes, 'alpha (falls) and sigma (rises), against t'), shown(rates, 'the betas, against i / T')),
      h('div', { class: 'kit-pair kit-small' }, shown(pictures[0], 'a garment at time t'), shown(pictures[1], 'a note at time t: time runs right, pitch up, dark is loud')),
      h('div', { class: 'kit-pair kit-small' }, h('div', {}, sampled.node, heard.node),
        h('div', { class: 'kit-controls' }, ...asks.map(({ node }) => node), load.node)),
    );
    describe('No note is sampled yet.');
    sampled.clear();
    change();
    return () => {
      network = null;
      busy.abort();
      at.close();
    };
  },
};
