// Latents drawn, watched, divided by a wrong number, mixed and edited.
import { SIDE, easel, known, latent, noise, painter, previews } from '../emoji.js';
import { button, frame, h, menu, numbers, slider, status } from '../kit.js';
import { ddim } from '../maths/samplers.js';
import { cosine } from '../maths/schedules.js';
import { prompt } from '../prompt.js';
import { sheet } from '../sheet.js';

const NOISE = 'noise';
const BEYOND = 1.05; // as in the chapter
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (values) => Math.sqrt(mean(values.map((value) => value ** 2)) - mean(values) ** 2);
const mixed = (a, one, b, other) => one.map((value, i) => a * value + b * other[i]);

export default {
  async render({ el, asset }) {
    const all = await known(asset);
    const own = +all.scale.toFixed(2);
    const now = { prompt: 'a noto emoji of a cat face', scale: 2, steps: 20, seed: 0, way: 0.5, begin: NOISE, strength: 0.6, term: 1, omega: own };
    const at = frame(el, {
      title: 'Latents, live',
      runs: all.runs,
      caption: 'Three latents and the tiny decoder’s preview of the middle one after every step of DDIM. From noise: the ends are two seeds, the middle begins '
        + 'between them. From a picture (SDEdit): first the picture itself, then edits by two seeds, from as much noise as the strength says. '
        + `ω is what the decoder divides by; ${all.scale.toFixed(4)} is its own. What lies beyond ±${BEYOND} is counted as clipped.`,
    });
    const told = status();
    const table = numbers({ label: 'the three pictures in numbers', columns: ['', 'spread of its latent', 'clipped'] });
    const shots = [0, 1, 2].map(() => {
      const face = sheet({ side: SIDE });
      const name = h('p');
      return { face, name, node: h('div', {}, face.node, name), x: null, picture: null, omega: null };
    });
    const strip = h('div');
    const apart = h('p', { class: 'kit-note' });
    const columns = 'grid-template-columns: repeat(3, minmax(0, 1fr))';
    at.stage.append(h('div', { class: 'kit-pair', style: columns }, ...shots.map(({ node }) => node)), told.node);
    (at.root.clientWidth < 600 ? at.foot : at.stage).append(strip, table.node, apart);

    let film;
    const names = () => (now.begin === NOISE
      ? [`seed ${now.seed}`, `${now.way.toFixed(2)} of the way`, `seed ${now.seed + 1}`]
      : [`${now.begin}, decoded`, `edited, seed ${now.seed}`, `edited, seed ${now.seed + 1}`]);
    const arrange = () => {
      film = sheet({ side: SIDE, count: now.steps, columns: Math.min(10, now.steps) });
      film.clear();
      film.describe('No previews yet.');
      strip.replaceChildren(h('p', { class: 'kit-note' }, `previews of the middle one, step 1 to ${now.steps}`), film.node);
    };

    /** Where each of the three begins; the picture itself is no drawing. */
    const beginning = (i) => {
      const [one, other] = [now.seed, now.seed + 1].map(noise);
      if (now.begin === NOISE) {
        const angle = (Math.PI / 2) * [0, now.way, 1][i]; // on the circle, so that the middle is as long as the ends
        return [mixed(Math.cos(angle), one, Math.sin(angle), other), 1];
      }
      const given = latent(all.latents[now.begin]);
      const { alpha, sigma } = cosine(now.strength);
      return i ? [mixed(alpha, given, sigma, [one, other][i - 1]), now.strength] : [given, 0];
    };
    const clipped = ({ picture }) => mean(picture.map((value) => +(Math.abs(value) > BEYOND)));
    const count = () => {
      const rows = shots.map((shot, i) => [names()[i], ...(shot.picture ? [spread(shot.x).toFixed(2), `${(100 * clipped(shot)).toFixed(1)} %`] : ['–', '–'])]);
      table.set(rows);
      const [a, b] = now.begin === NOISE ? [shots[0], shots[2]] : [shots[1], shots[2]];
      if (!a.picture || !b.picture) return;
      const shown = ({ picture }) => picture.map((value) => Math.min(1, Math.max(-1, value)));
      apart.textContent = `The pictures of the two seeds differ by ${Math.sqrt(mean(mixed(1, shown(a), -1, shown(b)).map((value) => value ** 2))).toFixed(2)}, root mean square.`;
    };

    let studio;
    const stop = button({ label: 'Stop', press() {} });
    const { start } = easel({ at, told, stop });
    const divisor = () => (now.omega === own ? all.scale : now.omega);
    const decoded = async (shot, i, signal) => {
      const { omega } = now;
      const picture = await studio.decode(shot.x, divisor());
      signal.throwIfAborted();
      Object.assign(shot, { picture, omega });
      shot.face.paint(shot.picture);
      shot.face.describe(`${names()[i]}${now.begin === NOISE || i ? `: ${now.prompt}` : ''}; ${(100 * clipped(shot)).toFixed(1)} % of its numbers are clipped.`);
      count();
    };
    const omega = (value) => `${value.toFixed(2)}${value === own ? ', its own' : ''}`;
    const stale = new Set(); // those that must be drawn anew; decoded anew are all of another ω
    const draw = () => studio && start(async (signal) => {
      const drawing = stale.size > 0;
      for (const i of [1, 0, 2].filter((one) => stale.has(one))) {
        const shot = shots[i];
        const [x, from] = beginning(i);
        shot.name.textContent = names()[i];
        const { step, end } = previews(studio, (pixels, n) => {
          if (signal.aborted) return;
          shot.face.paint(pixels);
          if (i === 1) film.paint(pixels, n - 1);
          told.say(`${names()[i]}: step ${n} of ${now.steps} …`);
        });
        const { prompt: asked, scale, steps, term } = now;
        const seen = (one) => step(one, divisor());
        shot.x = from ? await studio.draw(ddim, x, { prompt: asked, scale, steps, term, start: from }, { seen, signal }) : x;
        if (i === 1) film.describe(`${names()[1]}: ${steps} previews, from a blur to the picture.`);
        await decoded(shot, i, signal);
        end();
        stale.delete(i);
      }
      for (const [i, shot] of shots.entries()) {
        shot.name.textContent = names()[i];
        if (shot.omega !== now.omega) await decoded(shot, i, signal);
      }
      count();
      if (!drawing) return `Decoded with ω = ${omega(now.omega)}`;
      return `${now.prompt}${now.begin === NOISE ? '' : `, from the ${now.begin}`}: ${now.steps} steps`;
    });
    const again = (...which) => {
      for (const i of which) stale.add(i);
      if (stale.has(1)) arrange();
      draw();
    };
    const set = (name, ...which) => (value) => {
      now[name] = value;
      again(...which);
    };
    const two = (t) => t.toFixed(2);
    const way = slider({ label: 'from this seed’s noise to the next’s', min: 0, max: 1, step: 0.05, value: now.way, say: two, change: set('way', 1) });
    const strength = slider({ label: 'strength of the edit', min: 0.05, max: 1, step: 0.05, value: now.strength, say: two, change: set('strength', 1, 2) });
    const begins = () => {
      way.enable(now.begin === NOISE, 'begins with a picture');
      strength.enable(now.begin !== NOISE, 'begins with noise');
    };
    at.controls.append(...[
      prompt({ label: 'prompt', known: all.words, value: now.prompt, wrong: told.say, change: set('prompt', 0, 1, 2) }),
      slider({ label: 'scale', min: 0, max: 8, step: 0.5, value: now.scale, change: set('scale', 0, 1, 2) }),
      slider({ label: 'steps', stops: [5, 10, 20, 50], value: now.steps, change: set('steps', 0, 1, 2) }),
      slider({ label: 'seeds', min: 0, max: 98, step: 1, value: now.seed, say: (n) => `${n} and ${n + 1}`, change: set('seed', 0, 1, 2) }),
      menu({ label: 'begin with', options: [NOISE, ...Object.keys(all.latents)].map((name) => [name, name === NOISE ? name : `a picture: ${name}`]), value: NOISE, change(name) {
        now.begin = name;
        begins();
        again(0, 1, 2);
      } }),
      way,
      strength,
      slider({ label: 'noise term of a step', min: 0, max: 1, step: 0.05, value: now.term, say: (k) => (k ? two(k) : '0, missing'), change: set('term', 0, 1, 2) }),
      slider({ label: 'ω, divided by', min: 0.18, max: 1, step: 0.01, value: own, say: omega, change(value) {
        now.omega = value;
        draw();
      } }),
    ].map(({ node }) => node), h('div', { class: 'kit-row' }, stop.node));
    begins();
    for (const { face } of shots) {
      face.clear();
      face.describe('Not drawn yet.');
    }
    arrange();
    count();
    try {
      studio = await painter(asset, all, { told: told.say, signal: at.signal });
    } catch (error) {
      at.close();
      throw error;
    }
    again(0, 1, 2);
    return at.close;
  },
};
