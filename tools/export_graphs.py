"""Write the graphs of the live demos: shipped denoisers for onnxruntime-web, without weights.

    python3 -m venv .venv-graphs
    .venv-graphs/bin/pip install -r tools/graphs.txt -e .
    .venv-graphs/bin/python tools/export_graphs.py [NAME ...]

Every constant of some size is a range of the numbers in the model's own ``.safetensors`` file, so
there is one copy of the weights. The page reads them as float32 before the runtime does: it starts
sooner than with a cast behind each. The digest of that file is in the card beside
the graph: a page refuses a graph whose weights have changed, and so do the tests.
"""

import json
import struct
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
from jax2onnx import to_onnx
from onnx import TensorProto, helper, numpy_helper

from workshop_lite import checkpoints, datasets
from workshop_lite.live.assets import GRAPHS
from workshop_lite.networks import Context, convolution, layers
from workshop_lite.predictions import Denoiser
from workshop_lite.schedules import angle, over


def clothes() -> tuple:
    data = datasets.load("fashion-mnist", "test")
    return data.images.shape[1:], data.names


def notes() -> tuple:
    data = datasets.load("notes", "test")
    return data.images.shape[1:], data.family_names


#: The models, and what tells the shape of their images and the names of their labels.
MODELS = {"fashion-cfg": clothes, "fashion-cfg-weak": clothes, "notes-cfg": notes}
SMALL = 16  # numbers; shorter constants stay in the graph


def main(names: list[str]) -> None:
    GRAPHS.mkdir(exist_ok=True)
    for name in names:
        image, labels = MODELS[name]()
        graph = traced(checkpoints.load(name), image)
        graph = folded(lightened(graph, checkpoints.FOLDER / f"{name}.safetensors"))
        (GRAPHS / f"{name}.onnx").write_bytes(graph.SerializeToString())
        card = checkpoints.card(name)
        told = {key: card[key] for key in ("name", "parameters", "sha256")}
        told["labels"] = labels
        (GRAPHS / f"{name}.graph.json").write_text(json.dumps(told, indent=2) + "\n")


def normed(norm: layers.GroupNorm, x: jax.Array) -> jax.Array:
    """``GroupNorm`` as it is defined, for one image: fewer nodes than the package's short cut."""
    groups = x.reshape(-1, norm.num_groups, x.shape[-1] // norm.num_groups)
    centred = groups - groups.mean(axis=(0, 2), keepdims=True)
    variance = (centred * centred).mean(axis=(0, 2), keepdims=True)
    return (centred / jnp.sqrt(variance + norm.epsilon)).reshape(x.shape) * norm.scale + norm.bias


def traced(denoise: Denoiser, image: tuple) -> onnx.ModelProto:
    """One call of the denoiser for one image: (xt [1, h, w, c], t [1], vector [1, d]) -> x0.

    The condition enters as the network's vector; what stands for a label or for none, the demos
    look up in the weights themselves. Two calls are as fast as one with two images, so there is
    no call for more than one.
    """
    layers.convolved = convolution.slid  # the tiles of a CPU are no use to another runtime
    layers.GroupNorm.__call__ = normed
    network = denoise.network

    def call(xt, t, vector):
        level = denoise.schedule(t)
        told = Context(vector + network.time(layers.sinusoids(angle(level), network.d_cond)))
        output = network.decode(network.encode(xt, told), told)
        return denoise.prediction.to_x0(output, xt, over(level, xt))

    shapes = [(1, *image), (1,), (1, network.d_cond)]
    names = {"input_names": ["xt", "t", "vector"], "output_names": ["x0"]}
    return to_onnx(call, shapes, model_name="denoise", **names)


def lightened(model: onnx.ModelProto, weights: Path) -> onnx.ModelProto:
    """The same graph with its constants in the numbers of the file of weights, read as float32."""
    known, graph = ranges(weights.read_bytes()), model.graph
    for tensor in [t for t in graph.initializer if t.data_type == TensorProto.FLOAT]:
        values = numpy_helper.to_array(tensor)
        if values.size < SMALL or values.tobytes() not in known:
            continue
        outside = TensorProto(name=tensor.name, data_type=TensorProto.FLOAT)
        outside.dims.extend(values.shape)
        outside.data_location = TensorProto.EXTERNAL
        offset, length = (4 * n for n in known[values.tobytes()])
        where = {"location": weights.name, "offset": str(offset), "length": str(length)}
        for key, value in where.items():
            outside.external_data.add(key=key, value=value)
        graph.initializer.remove(tensor)
        graph.initializer.append(outside)
    return model


def ranges(weights: bytes) -> dict[bytes, tuple[int, int]]:
    """Where each tensor of a safetensors file stands among its numbers: the first, and how many."""
    size = struct.unpack("<Q", weights[:8])[0]
    numbers = np.frombuffer(weights[8 + size :], np.float16).astype(np.float32)
    found = {}
    for name, entry in json.loads(weights[8 : 8 + size]).items():
        if name != "__metadata__":
            first, end = (offset // 2 for offset in entry["data_offsets"])
            found[numbers[first:end].tobytes()] = first, end - first
    return found


def folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph without what is the same for all weights: a fifth of its nodes less.

    While the runtime folds, the weights are inputs, which it cannot fold.
    """
    graph = model.graph
    outside = [t for t in graph.initializer if t.data_location == TensorProto.EXTERNAL]
    for tensor in outside:
        graph.initializer.remove(tensor)
        told = helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, list(tensor.dims))
        graph.input.append(told)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "graph.onnx")
        onnxruntime.InferenceSession(model.SerializeToString(), options)
        model = onnx.load(options.optimized_model_filepath)
    names = {tensor.name for tensor in outside}
    for told in [v for v in model.graph.input if v.name in names]:
        model.graph.input.remove(told)
    model.graph.initializer.extend(outside)
    del model.graph.value_info[:]
    return model


if __name__ == "__main__":
    main(sys.argv[1:] or list(MODELS))
