// Ask for an emoji in words, and see where each word is looked at.
import { GRID, SIDE, easel, known, noise, painter, previews } from '../emoji.js';
import { button, frame, h, slider, status } from '../kit.js';
import { dpmpp_2m } from '../maths/samplers.js';
import { split } from '../maths/words.js';
import { prompt } from '../prompt.js';
import { sheet } from '../sheet.js';

const PLACES = GRID * GRID;
const VEIL = [106, 31, 176]; // one colour, light or dark: an emoji’s ground is white, and few are purple
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export default {
  async render({ el, asset }) {
    const all = await known(asset);
    const now = { prompt: 'a noto emoji of a cat face', negative: '', scale: 2, steps: 20, seed: 0, t: 0.5 };
    const at = frame(el, {
      title: 'Ask in words',
      runs: all.runs,
      caption: 'Point at a word, reach it with the tab key, or tap it: the colour says which of the 8 × 8 cells look at it, in the middle of the '
        + 'network and at the time that you set; full colour is the most that any cell looks. The percentage is the word’s share of all looking. '
        + 'Away from: another prompt, from which guidance leads away, in place of no prompt.',
    });
    const [told, looked] = [status(), status()];
    const picture = sheet({ side: SIDE });
    const veil = h('canvas', { width: GRID, height: GRID, 'aria-hidden': 'true', class: 'kit-veil' });
    const chips = h('div', { class: 'kit-row', role: 'group', 'aria-label': 'the words of the prompt, and their share of all looking' });
    picture.clear();
    picture.describe('Not drawn yet.');
    at.stage.append(h('div', { class: 'kit-over kit-face' }, picture.node, veil), told.node, chips, looked.node);

    // Where the words are looked at: the shares of every step are kept, [tokens × places] each.
    let [steps, words, pointed, pinned] = [[], [], null, null];
    const nearest = () => steps.reduce((a, b) => (Math.abs(b.t - now.t) < Math.abs(a.t - now.t) ? b : a));
    const part = (i) => nearest().looks.subarray(i * PLACES, (i + 1) * PLACES);
    const cover = () => {
      const context = veil.getContext('2d');
      context.clearRect(0, 0, GRID, GRID);
      const i = pointed ?? pinned;
      if (i === null || !steps.length) return looked.say('');
      const shares = part(i);
      const most = shares.indexOf(Math.max(...shares));
      const image = new ImageData(GRID, GRID);
      shares.forEach((share, p) => image.data.set([...VEIL, (210 * share) / shares[most]], 4 * p));
      context.putImageData(image, 0, 0);
      return looked.say(`“${words[i]}” at t = ${nearest().t.toFixed(2)}: most from row ${Math.floor(most / GRID) + 1}, column ${(most % GRID) + 1} `
        + `of the 8 × 8 cells, whose share for it is ${percent(shares[most])}.`);
    };
    const label = () => {
      [...chips.children].forEach((chip, i) => {
        const share = steps.length ? ` ${percent(part(i).reduce((sum, x) => sum + x, 0) / PLACES)}` : '';
        chip.textContent = words[i] + share;
      });
      cover();
    };
    const write = () => {
      words = ['(start)', ...split(now.prompt)];
      [pointed, pinned] = [null, null];
      chips.replaceChildren(...words.map((_, i) => {
        const point = (to) => () => {
          pointed = to;
          cover();
        };
        const chip = h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => {
          pinned = pinned === i ? null : i;
          pointed = null;
          [...chips.children].forEach((other, j) => other.setAttribute('aria-pressed', String(pinned === j)));
          cover();
        }, onfocus: point(i), onblur: point(null), onpointerleave: point(null),
        onpointerenter: (event) => { if (event.pointerType === 'mouse') point(i)(); } });
        return chip;
      }));
      label();
    };

    let studio;
    const stop = button({ label: 'Stop', press() {} });
    const { start } = easel({ at, told, stop });
    const draw = () => studio && start(async (signal) => {
      const { prompt: asked, negative, scale, seed } = now;
      const from = negative ? ` away from ${negative}` : '';
      const what = `${asked},${from} at scale ${scale}`;
      const found = [];
      const { step, end } = previews(studio, (pixels, n) => {
        if (signal.aborted) return;
        picture.paint(pixels);
        told.say(`${what}: step ${n} of ${now.steps} …`);
      });
      const seen = (one) => {
        if (one.looks) found.push(one);
        step(one);
      };
      const x = await studio.draw(dpmpp_2m, noise(seed), now, { seen, signal });
      const pixels = await studio.decode(x);
      signal.throwIfAborted();
      end();
      picture.paint(pixels);
      picture.describe(`${asked},${from} from seed ${seed} at scale ${scale}.`);
      steps = found;
      label();
      if (!steps.length) looked.say('At scale 0 the prompt is not read, and no word is looked at.');
      return `${what}: ${now.steps} steps`;
    });
    const set = (name) => (value) => {
      now[name] = value;
      draw();
    };
    at.controls.append(...[
      prompt({ label: 'prompt', known: all.words, value: now.prompt, wrong: told.say, change(text) {
        now.prompt = text;
        steps = [];
        write();
        draw();
      } }),
      prompt({ label: 'away from', known: all.words, value: '', empty: true, wrong: told.say, change: set('negative') }),
      slider({ label: 'scale', min: 0, max: 8, step: 0.5, value: now.scale, change: set('scale') }),
      slider({ label: 'steps', stops: [5, 10, 20, 50], value: now.steps, change: set('steps') }),
      slider({ label: 'seed', min: 0, max: 99, step: 1, value: now.seed, change: set('seed') }),
      slider({ label: 'words are looked at, at t =', min: 0.05, max: 1, step: 0.05, value: now.t, say: (t) => t.toFixed(2), change(t) {
        now.t = t;
        label();
      } }),
    ].map(({ node }) => node), h('div', { class: 'kit-row' }, stop.node));
    write();
    try {
      studio = await painter(asset, all, { told: told.say, signal: at.signal });
    } catch (error) {
      at.close();
      throw error;
    }
    draw();
    return at.close;
  },
};
