// The shipped model that draws emoji in latents: a prompt is read once, each step is a pass with it and one without,
// a tiny decoder shows the steps, and the decoder of the autoencoder the end.
import { card, halves, open } from './engine.js';
import { normals } from './maths/random.js';
import { cosine } from './maths/schedules.js';
import { tokens } from './maths/words.js';
import { guided, sample } from './network.js';

export const [SIDE, GRID, CHANNELS] = [64, 8, 16]; // of a picture, and of its latent
const [TEXT, WORDS, TINY, DECODER] = ['emoji-text', 'emoji-words', 'emoji-tiny', 'emoji-vae-f8'];

export const noise = (seed) => Float32Array.from({ length: GRID * GRID * CHANNELS }, normals(seed));

/** The numbers of 16 bits, or the bytes, of a text. */
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
export const latent = (text) => halves(bytes(text).buffer);
export const bits = (text) => Uint8Array.from({ length: SIDE * SIDE }, ((packed) => (_, i) => (packed[i >> 3] >> (7 - (i & 7))) & 1)(bytes(text)));

const million = (n) => `${(n / 1e6).toFixed(1)} M`;

/** What is known before a network is loaded: the words, what the cards say, how many bytes the decoder has, what runs. */
export async function known(asset, ...branches) {
  const [text, words, decoder, tiny, ...further] = await Promise.all([TEXT, WORDS, DECODER, TINY, ...branches].map((name) => card(asset, name)));
  const branch = further.map(({ name, parameters }) => `, ${name} beside it (${million(parameters - text.parameters)})`).join('');
  const [large, small] = [`the decoder of emoji-vae-f8 (${million(decoder.parameters)})`, `emoji-tiny (${tiny.parameters.toLocaleString('en')})`];
  return {
    words: words.words.split(' '),
    scale: decoder.scale,
    latents: decoder.latents,
    outlines: further[0]?.outlines,
    more: decoder.weights[DECODER].parts.reduce((sum, { bytes: [low, high] }) => sum + high - low, 0),
    runs: `In this page: emoji-text draws 8 × 8 × 16 numbers (${million(text.parameters)} parameters)${branch}; `
      + (branch ? `${small} makes a picture of them, or ${large} where you ask for it.` : `${large} makes a picture of them, and ${small} the previews.`),
  };
}

/** Fetch all of it: {draw, preview, decode}; with a branch, the decoder only when it is wanted. */
export async function painter(asset, { words, scale }, { told, signal, branch }) {
  const engine = await open(asset, [WORDS, TINY, ...(branch ? [branch] : [TEXT, DECODER])], { told, signal });
  const read = {}; // prompt -> promise of what the network is told
  const heard = (prompt) => (read[prompt] ??= (async (row) => ({ tokens: row, ...(await engine.run(WORDS, { tokens: row })) }))(tokens(words, prompt)));
  const shown = (name) => async (x, divisor = scale) => {
    await engine.add(name);
    return (await engine.run(name, { z: x.map((value) => value / divisor) })).picture;
  };
  return {
    preview: shown(TINY),
    decode: shown(DECODER),
    /**
     * Sample a latent: `how` is {prompt, negative, scale, steps} and what the sampler takes. `seen({x0, step, t, looks})`
     * hears each step: `looks` are 64 cells for each token. A branch is told `beside`.
     */
    async draw(sampler, start, { prompt, negative = '', scale: firmly, ...how }, { seen = () => {}, signal: stop, beside = {} } = {}) {
      const [own, none] = await Promise.all([heard(prompt), heard(negative)]);
      let last = {};
      const pass = (told) => async (xt, t) => {
        const { x0, looks } = await engine.run(branch ?? TEXT, { xt, t: [t], ...told, ...beside });
        if (told === own) last = { t, looks };
        return x0;
      };
      const denoise = guided(pass(own), pass(none), firmly, [0, 1]);
      return sample(sampler(cosine, start, how), denoise, { signal: stop, seen: (x0, step) => seen({ x0, step, ...last }) });
    },
  };
}

/** What a picture shows while it is drawn: previews in their order, none after the end. */
export function previews(studio, show) {
  let last = 0;
  return {
    async step({ x0, step }, divisor) {
      const picture = await studio.preview(x0, divisor).catch(() => null); // where the demo has been closed
      if (picture && step > last) show(picture, (last = step));
    },
    end: () => { last = Infinity; },
  };
}

const STOPPED = new DOMException('stopped by the reader', 'AbortError');

/** One job at a time: `start(job)` ends the one before; `job(signal)` answers with what to say when it is done. */
export function easel({ at, told, stop }) {
  let run;
  at.signal.addEventListener('abort', () => run?.abort());
  stop.node.disabled = true;
  stop.node.addEventListener('click', () => {
    run?.abort(STOPPED);
    stop.node.disabled = true;
  });
  return {
    async start(job) {
      run?.abort();
      const { signal } = (run = new AbortController());
      const begun = performance.now();
      stop.node.disabled = false;
      try {
        const done = await job(signal);
        signal.throwIfAborted();
        stop.node.disabled = true;
        told.say(`${done} in ${((performance.now() - begun) / 1000).toFixed(1)} s.`);
      } catch (error) {
        if (signal.reason === STOPPED) told.say('Stopped.');
        else if (!signal.aborted) told.say(`It stopped: ${error.message}.`);
      }
    },
  };
}
