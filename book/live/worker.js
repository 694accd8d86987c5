// Runs networks. A message brings the runtime, or a model, or asks for one pass for one image.
const sessions = {};
let ort;

async function unpacked(bytes) {
  const head = new Uint8Array(bytes, 0, 2);
  if (head[0] !== 0x1f || head[1] !== 0x8b) return bytes; // a server has unpacked it on the way
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}

async function start([script, binary]) {
  const address = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  const found = await Promise.all([import(address), unpacked(binary)]);
  ort = found[0];
  ort.env.wasm.wasmBinary = found[1];
  ort.env.wasm.numThreads = 1; // more need headers that static hosts do not send
}

async function add({ name, graph, numbers }) {
  sessions[name] = await ort.InferenceSession.create(new Uint8Array(graph), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'basic', // the graph is folded already, but for what depends on weights
    externalData: [{ path: `${name}.safetensors`, data: new Uint8Array(numbers.buffer) }],
  });
}

async function denoise({ name, x, t, vector }) {
  const session = sessions[name];
  const { shape } = session.inputMetadata.find((input) => input.name === 'xt');
  const { x0 } = await session.run({
    xt: new ort.Tensor('float32', x, shape),
    t: new ort.Tensor('float32', [t], [1]),
    vector: new ort.Tensor('float32', vector, [1, vector.length]),
  });
  return x0.data;
}

let last = Promise.resolve(); // questions are answered one after the other
onmessage = ({ data }) => {
  last = last
    .then(() => (data.runtime ? start(data.runtime) : data.graph ? add(data) : denoise(data)))
    .then((answer) => postMessage({ answer }), (error) => postMessage({ error: String(error?.message ?? error) }));
};
