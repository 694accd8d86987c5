// The shipped networks, run by onnxruntime-web in workers of their own: one thread each, no more than two of them.
//
//   const engine = await open(asset, ['fashion-cfg'], { told: (text) => {…}, signal });
//   const x0 = await engine.denoise('fashion-cfg', { x, t, vector });   // one image, one pass
//   engine.tensor('fashion-cfg', 'network/condition/table/value');      // {shape, data} from the weights themselves
//   await engine.add('fashion-cfg-weak');                               // one more, when it is wanted
//   const { parameters, labels } = await card(asset, 'fashion-cfg');
//
// One call is one pass for one image, so that a picture can be shown as it comes and be stopped at any step. The
// weights are the package's own safetensors file: the constants of a graph are ranges of its numbers.
import source from './worker.js';

const RUNTIME = ['ort.wasm.bundle.min.mjs', 'ort-wasm-simd-threaded.wasm.gz'];

const read = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

/** What is known of a graph: {name, parameters, sha256 of its weights, labels}. */
export const card = async (asset, name) => read(await asset(`${name}.graph.json`));

export async function open(asset, names, { told = () => {}, signal } = {}) {
  const count = new Map();
  const get = (name) =>
    asset(name, (loaded) => {
      count.set(name, loaded);
      const bytes = [...count.values()].reduce((sum, n) => sum + n, 0);
      told(`Loading: ${(bytes / 1e6).toFixed(1)} MB …`);
    });
  const crew = Array.from({ length: Math.min(2, navigator.hardwareConcurrency || 1) }, () => connect(signal));
  const all = (question) => Promise.all(crew.map((worker) => worker.ask(question)));
  const started = Promise.all(RUNTIME.map(get)).then((runtime) => all({ runtime }));

  const models = {};
  const fetched = async (name) => {
    const [{ sha256 }, graph, weights] = await Promise.all([card(asset, name), get(`${name}.onnx`), get(`${name}.safetensors`)]);
    await check(name, weights, sha256);
    models[name] = unpacked(weights);
    await started;
    await all({ name, graph, numbers: models[name].numbers });
  };
  const added = {};
  const add = (name) =>
    (added[name] ??= fetched(name).catch((error) => {
      delete added[name]; // it may be asked for again
      throw error;
    }));
  await Promise.all([started, ...names.map(add)]);

  return {
    add,
    tensor: (name, key) => tensor(models[name], key),
    denoise(name, question) {
      const idle = crew.reduce((a, b) => (b.waiting < a.waiting ? b : a));
      return idle.ask({ name, ...question });
    },
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
  return { header, numbers: Float32Array.from(new Uint16Array(weights, 8 + length), (bits) => HALVES[bits]) };
}

function tensor({ header, numbers }, key) {
  const { shape, data_offsets } = header[key];
  return { shape, data: numbers.slice(...data_offsets.map((offset) => offset / 2)) };
}

const HALVES = Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024);
  return bits >> 15 ? -size : size;
});
