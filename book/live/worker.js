// Runs networks. A message brings the runtime, weights or a graph, or asks for one pass for one image.
const sessions = {};
const weights = {};
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

async function add({ name, graph, files }) {
  sessions[name] = await ort.InferenceSession.create(new Uint8Array(graph), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'basic', // the graph is folded already, but for what depends on weights
    externalData: files.map((file) => ({ path: `${file}.safetensors`, data: new Uint8Array(weights[file].buffer) })),
  });
}

async function run({ name, inputs }) {
  const session = sessions[name];
  const feeds = session.inputMetadata.map(({ name: input, type, shape }) => [input, new ort.Tensor(type, inputs[input], shape)]);
  const outputs = await session.run(Object.fromEntries(feeds));
  return Object.fromEntries(Object.entries(outputs).map(([output, { data }]) => [output, data]));
}

const hold = ({ file, numbers }) => { weights[file] = numbers; };

let last = Promise.resolve(); // questions are answered one after the other
onmessage = ({ data }) => {
  last = last
    .then(() => (data.runtime ? start(data.runtime) : data.numbers ? hold(data) : data.graph ? add(data) : run(data)))
    .then((answer) => postMessage({ answer }), (error) => postMessage({ error: String(error?.message ?? error) }));
};
