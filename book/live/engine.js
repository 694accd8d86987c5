// The shipped networks, run by onnxruntime-web in workers of their own: one thread each, no more than two of them.
//
//   const engine = await open(asset, ['fashion-cfg'], { told: (text) => {…}, signal });
//   const { x0 } = await engine.run('fashion-cfg', { xt, t: [t], vector });   // one pass: inputs and outputs by their names
//   const x0 = await engine.denoise('fashion-cfg', { x, t, vector });         // the same, where there are no others
//   engine.tensor('fashion-cfg', 'network/condition/table/value');      // {shape, data} from the weights themselves
//   await engine.add('fashion-cfg-weak');                               // one more, when it is wanted
//   const { parameters, weights, labels } = await card(asset, 'fashion-cfg');
//
// One call is one pass for one image, so that a picture can be shown as it comes and be stopped at any step. The
// weights are the package's own safetensors files: the constants of a graph are ranges of their numbers. A card names
// each file with its digest; of a file that is used in part, it names the stretches, and no others are fetched.
import source from './worker.js';

const RUNTIME = ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm.gz'];

const read = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

/** What is known of a graph: {name, parameters, weights, and what belongs to it}. */
export const card = async (asset, name) => read(await asset(`${name}.graph.json`));

export async function open(asset, names, { told = () => {}, signal } = {}) {
  const count = new Map();
  const get = (name, stretch) =>
    asset(name, (loaded) => {
      count.set(`${name} ${stretch}`, loaded);
      const bytes = [...count.values()].reduce((sum, n) => sum + n, 0);
      told(`Loading: ${(bytes / 1e6).toFixed(1)} MB …`);
    }, stretch);
  const crew = Array.from({ length: Math.min(2, navigator.hardwareConcurrency || 1) }, () => connect(signal));
  const all = (question) => Promise.all(crew.map((worker) => worker.ask(question)));
  const started = Promise.all(RUNTIME.map((name) => get(name))).then((runtime) => all({ runtime }));

  const models = {};
  const once = (f) => {
    const made = {};
    return (name, ...rest) =>
      (made[name] ??= f(name, ...rest).catch((error) => {
        delete made[name]; // it may be asked for again
        throw error;
      }));
  };
  const held = once(async (file, { sha256, numbers, parts }) => {
    const name = `${file}.safetensors`;
    if (parts) models[file] = { numbers: new Float32Array(numbers) };
    else {
      const weights = await get(name);
      await check(file, weights, sha256);
      models[file] = unpacked(weights);
    }
    const fill = async ({ bytes, first, sha256 }) => {
      const found = await get(name, bytes);
      await check(file, found, sha256);
      models[file].numbers.set(halves(found), first);
    };
    await Promise.all((parts ?? []).map(fill));
    await started;
    await all({ file, numbers: models[file].numbers });
  });
  const add = once(async (name) => {
    const { weights } = await card(asset, name);
    const files = Object.keys(weights);
    const [graph] = await Promise.all([get(`${name}.onnx`), ...files.map((file) => held(file, weights[file]))]);
    await all({ name, graph, files });
  });
  await Promise.all([started, ...names.map((name) => add(name))]);

  const run = (name, inputs) => {
    const idle = crew.reduce((a, b) => (b.waiting < a.waiting ? b : a));
    return idle.ask({ name, inputs });
  };
  return {
    add,
    run,
    tensor: (name, key) => tensor(models[name], key),
    denoise: async (name, { x, t, vector }) => (await run(name, { xt: x, t: [t], vector })).x0,
  };
}

/** Refuse a graph that was made for other weights. */
async function check(name, weights, sha256) {
  if (!globalThis.crypto?.subtle) return; // only pages that come over https, or from this machine, may count digests
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', weights));
  const found = [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  if (found !== sha256) throw new Error(`the graph of ${name} was made for other weights; reload the page, or make it anew`);
}

/** A worker that answers questions in their order. */
function connect(signal) {
  const address = URL.createObjectURL(new Blob([source], { type: 'text/javascript' }));
  const worker = new Worker(address, { type: 'module' });
  const waiting = [];
  worker.onmessage = ({ data }) => {
    const { keep, fail } = waiting.shift();
    if (data.error) fail(new Error(data.error));
    else keep(data.answer);
  };
  worker.onerror = (event) => waiting.splice(0).forEach(({ fail }) => fail(new Error(event.message || 'the worker did not start')));
  const end = () => {
    worker.terminate();
    URL.revokeObjectURL(address);
    waiting.splice(0).forEach(({ fail }) => fail(signal.reason));
  };
  signal?.addEventListener('abort', end, { once: true });
  return {
    get waiting() { return waiting.length; },
    ask: (question) =>
      new Promise((keep, fail) => {
        waiting.push({ keep, fail });
        worker.postMessage(question);
      }),
  };
}

/** A safetensors file of float16: where its tensors are, and all its numbers. */
function unpacked(weights) {
  const length = Number(new DataView(weights).getBigUint64(0, true));
  const header = read(new Uint8Array(weights, 8, length));
  return { header, numbers: halves(weights, 8 + length) };
}

function tensor({ header, numbers }, key) {
  const { shape, data_offsets } = header[key];
  return { shape, data: numbers.slice(...data_offsets.map((offset) => offset / 2)) };
}

/** Numbers of 16 bits as those of 32. */
export const halves = (buffer, from = 0) => Float32Array.from(new Uint16Array(buffer, from), (bits) => HALVES[bits]);

const HALVES = Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024);
  return bits >> 15 ? -size : size;
});
