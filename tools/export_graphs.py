"""Write the graphs of the live demos: shipped models for onnxruntime-web, without weights.

    python3 -m venv .venv-graphs
    .venv-graphs/bin/pip install -r tools/graphs.txt -e .
    .venv-graphs/bin/python tools/export_graphs.py [NAME ...]

A name is that of a graph, or of a model: then all graphs that have its weights are made.

Every constant of some size is a range of the numbers in a model's own ``.safetensors`` file, so
there is one copy of the weights. The page reads them as float32 before the runtime does: it starts
sooner than with a cast behind each. The card beside the graph names these files, each with its
digest: a page refuses a graph whose weights have changed, and so do the tests. Of a model that is
used in part, the card names the stretches of the file that the page fetches.
"""

import base64
import hashlib
import json
import struct
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import onnx
import onnxruntime
from jax2onnx import to_onnx
from onnx import TensorProto, helper, numpy_helper

from workshop_lite import checkpoints, datasets
from workshop_lite.conditioning import hints
from workshop_lite.live.assets import GRAPHS
from workshop_lite.networks import Context, convolution, layers
from workshop_lite.predictions import Denoiser
from workshop_lite.schedules import angle, over

SMALL = 16  # numbers; shorter constants stay in the graph
GAP = 200_000  # bytes; stretches that are no further apart are fetched as one


class Graph(NamedTuple):
    """One graph: how it is made, the models whose weights it has, and what else its card says.

    ``parts`` are the parts of the only model that are used, where not all are.
    """

    made: Callable[[], onnx.ModelProto]
    models: tuple[str, ...]
    told: Callable[[], dict] = dict
    parts: tuple[str, ...] = ()


def main(names: list[str]) -> None:
    GRAPHS.mkdir(exist_ok=True)
    layers.convolved = convolution.slid  # the tiles of a CPU are no use to another runtime
    layers.GroupNorm.__call__ = normed
    for name in [name for name, graph in MADE.items() if {name, *graph.models} & {*names}]:
        graph = MADE[name]
        model = folded(lightened(graph.made(), graph.models))
        (GRAPHS / f"{name}.onnx").write_bytes(model.SerializeToString())
        weights = {model: weights_of(model, graph.parts) for model in graph.models}
        told = {"name": name, "parameters": parameters(graph), "weights": weights, **graph.told()}
        (GRAPHS / f"{name}.graph.json").write_text(json.dumps(told, indent=2) + "\n")


def parameters(graph: Graph) -> int:
    """How many numbers of its models it has."""
    if not graph.parts:
        return sum(checkpoints.card(name)["parameters"] for name in graph.models)
    return sum(size for name in graph.models for _, size in placed(name, graph.parts).values())


def weights_of(name: str, parts: tuple[str, ...]) -> dict:
    """The digest of a file of weights, and the stretches that hold these parts, if not all."""
    told = {"sha256": checkpoints.card(name)["sha256"]}
    if not parts:
        return told
    body = (checkpoints.FOLDER / f"{name}.safetensors").read_bytes()
    start, stretches = 8 + struct.unpack("<Q", body[:8])[0], []
    for first, size in sorted(placed(name, parts).values()):
        low, high = (start + 2 * n for n in (first, first + size))
        if stretches and low - stretches[-1][1] <= GAP:
            stretches[-1][1] = high
        else:
            stretches.append([low, high])
    return told | {
        "numbers": (len(body) - start) // 2,
        "parts": [
            {
                "bytes": [low, high],
                "first": (low - start) // 2,
                "sha256": hashlib.sha256(body[low:high]).hexdigest(),
            }
            for low, high in stretches
        ],
    }


def normed(norm: layers.GroupNorm, x: jax.Array) -> jax.Array:
    """``GroupNorm`` as it is defined, for one image: fewer nodes than the package's short cut."""
    groups = x.reshape(-1, norm.num_groups, x.shape[-1] // norm.num_groups)
    centred = groups - groups.mean(axis=(0, 2), keepdims=True)
    variance = (centred * centred).mean(axis=(0, 2), keepdims=True)
    return (centred / jnp.sqrt(variance + norm.epsilon)).reshape(x.shape) * norm.scale + norm.bias


def labelled(name: str) -> onnx.ModelProto:
    """One call of a denoiser for one image: (xt [1, h, w, c], t [1], vector [1, d]) -> x0.

    The condition enters as the network's vector; what stands for a label or for none, the demos
    look up in the weights themselves. Two calls are as fast as one with two images, so there is
    no call for more than one.
    """
    denoise, image = checkpoints.load(name), checkpoints.card(name)["shape"]

    def call(xt, t, vector):
        told = leveled(denoise, t, Context(vector))
        output = denoise.network.decode(denoise.network.encode(xt, told), told)
        return estimate(denoise, output, xt, t)

    shapes = {"xt": (1, *image), "t": (1,), "vector": (1, denoise.network.d_cond)}
    return traced(call, shapes, ["x0"])


def reader() -> onnx.ModelProto:
    """What a prompt becomes, once for all steps: tokens [1, n] -> vector, states [1, n, d]."""
    encoder = checkpoints.load("emoji-text").network.condition

    def call(tokens):
        told = encoder(tokens)
        return told.vector, told.tokens

    return traced(call, {"tokens": whole(1, encoder.length)}, ["vector", "states"])


def prompted() -> onnx.ModelProto:
    """One call: (xt, t, vector, states, tokens) -> x0, and ``looks`` [1, n, h, w].

    ``looks`` is how much each place of the middle looks at each token; the tokens say where a
    prompt ends.
    """
    denoise = checkpoints.load("emoji-text")
    network = denoise.network

    def call(xt, t, vector, states, tokens):
        told = leveled(denoise, t, Context(vector, states, tokens != 0))
        *features, _ = network.encode(xt, told)
        h = network.middle.before_words(features[-1], told)
        looks = network.middle.cross.maps(h, told.tokens, told.mask)
        features.append(network.middle.cross(h, told.tokens, told.mask))
        return estimate(denoise, network.decode(features, told), xt, t), looks

    return traced(call, shapes_of(denoise), ["x0", "looks"])


def hinted() -> onnx.ModelProto:
    """The same with a control branch, told the hint [1, h, w, 1] and its strength [1] -> x0."""
    denoise, control = (checkpoints.load(name) for name in ("emoji-text", "emoji-control"))
    network = denoise.network

    def call(xt, t, vector, states, tokens, hint, strength):
        told = leveled(denoise, t, Context(vector, states, tokens != 0))
        extra, features = control(xt, told, hint), network.encode(xt, told)
        summed = [h + strength * e for h, e in zip(features, extra, strict=True)]
        return estimate(denoise, network.decode(summed, told), xt, t)

    h, w, _ = checkpoints.card("emoji-text")["shape"]
    hint = (1, h * control.factor, w * control.factor, control.channels)
    return traced(call, shapes_of(denoise) | {"hint": hint, "strength": (1,)}, ["x0"])


def decoder(name: str) -> onnx.ModelProto:
    """The picture [1, h, w, 3] of a latent z, which is not scaled."""
    model, shape = checkpoints.load(name), checkpoints.card("emoji-text")["shape"]
    return traced(model.decode, {"z": (1, *shape)}, ["picture"])


def shapes_of(denoise: Denoiser) -> dict:
    encoder = denoise.network.condition
    image = (1, *checkpoints.card("emoji-text")["shape"])
    states = {"states": (1, encoder.length, encoder.d), "tokens": whole(1, encoder.length)}
    return {"xt": image, "t": (1,), "vector": (1, encoder.d_vector)} | states


def whole(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.int32)


def leveled(denoise: Denoiser, t, told: Context) -> Context:
    """The context with the noise level of t added to its vector."""
    network, level = denoise.network, denoise.schedule(t)
    time = network.time(layers.sinusoids(angle(level), network.d_cond))
    return told._replace(vector=told.vector + time)


def estimate(denoise: Denoiser, output, xt, t):
    return denoise.prediction.to_x0(output, xt, over(denoise.schedule(t), xt))


def traced(call: Callable, shapes: dict, outputs: list[str]) -> onnx.ModelProto:
    names = {"input_names": list(shapes), "output_names": outputs}
    return to_onnx(call, list(shapes.values()), model_name="call", **names)


def lightened(model: onnx.ModelProto, names: tuple[str, ...]) -> onnx.ModelProto:
    """The same graph with its constants in the numbers of the models' files, read as float32."""
    known, graph = {}, model.graph
    for name in names:
        for values, place in ranges(name).items():
            known.setdefault(values, (f"{name}.safetensors", *place))
    for tensor in [t for t in graph.initializer if t.data_type == TensorProto.FLOAT]:
        values = numpy_helper.to_array(tensor)
        if values.size < SMALL or values.tobytes() not in known:
            continue
        outside = TensorProto(name=tensor.name, data_type=TensorProto.FLOAT)
        outside.dims.extend(values.shape)
        outside.data_location = TensorProto.EXTERNAL
        file, *place = known[values.tobytes()]
        offset, length = (4 * n for n in place)
        where = {"location": file, "offset": str(offset), "length": str(length)}
        for key, value in where.items():
            outside.external_data.add(key=key, value=value)
        graph.initializer.remove(tensor)
        graph.initializer.append(outside)
    return model


def ranges(name: str) -> dict[bytes, tuple[int, int]]:
    """Where each tensor of a model stands among the numbers of its file: the first, how many."""
    body = (checkpoints.FOLDER / f"{name}.safetensors").read_bytes()
    size = struct.unpack("<Q", body[:8])[0]
    numbers = np.frombuffer(body[8 + size :], np.float16).astype(np.float32)
    parts = MADE[name].parts if name in MADE else ()
    found = {}
    for first, count in placed(name, parts).values():
        found[numbers[first : first + count].tobytes()] = first, count
    return found


def placed(name: str, parts: tuple[str, ...] = ()) -> dict[str, tuple[int, int]]:
    """The tensors of a model, or of some parts of it, each with its first number and how many."""
    body = (checkpoints.FOLDER / f"{name}.safetensors").read_bytes()
    entries = json.loads(body[8 : 8 + struct.unpack("<Q", body[:8])[0]])
    entries.pop("__metadata__", None)
    ends = {key: [n // 2 for n in entry["data_offsets"]] for key, entry in entries.items()}
    return {
        key: (first, end - first)
        for key, (first, end) in ends.items()
        if not parts or key.split("/")[0] in parts
    }


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


def fashion() -> dict:
    return {"labels": datasets.load("fashion-mnist", "test").names}


def families() -> dict:
    return {"labels": datasets.load("notes", "test").family_names}


def vocabulary() -> dict:
    """The words, in the order of their tokens."""
    words = checkpoints.load("emoji-text").network.condition.vocabulary.words
    return {"words": " ".join(words)}


#: Held-out pictures: those whose edges chapter 2.2 begins with, and those that chapter 4 edits.
OUTLINES = {"sauropod": 64, "cat": 176, "house": 389, "cherries": 552}
EDITED = {"monkey": 54, "dancer": 40, "boat": 44, "hug": 53}


def pictures(numbers: dict[str, int]):
    emoji = datasets.load("emoji", "test", size=64)
    return datasets.signed(emoji.images[list(numbers.values())])


def outlines() -> dict:
    """Edges of pictures, eight places a byte."""
    drawn = hints.edges(pictures(OUTLINES))[..., 0] > 0
    return {"outlines": dict(zip(OUTLINES, (text(np.packbits(d)) for d in drawn), strict=True))}


def latents() -> dict:
    """What the latents are multiplied by, and those of some pictures, so multiplied."""
    ae = checkpoints.load("emoji-vae-f8")
    scale = float(ae.scale[...])
    coded = np.asarray(scale * ae.encode(pictures(EDITED)).mean, np.float16)
    return {"scale": scale, "latents": dict(zip(EDITED, map(text, coded), strict=True))}


def text(numbers: np.ndarray) -> str:
    return base64.b64encode(numbers.tobytes()).decode()


#: All graphs, by their names.
MADE = {
    name: Graph(partial(labelled, name), (name,), told)
    for name, told in {
        "fashion-cfg": fashion,
        "fashion-cfg-weak": fashion,
        "notes-cfg": families,
    }.items()
} | {
    "emoji-words": Graph(reader, ("emoji-text",), vocabulary),
    "emoji-text": Graph(prompted, ("emoji-text",)),
    "emoji-tiny": Graph(partial(decoder, "emoji-tiny"), ("emoji-tiny",)),
    "emoji-vae-f8": Graph(
        partial(decoder, "emoji-vae-f8"),
        ("emoji-vae-f8",),
        latents,
        parts=("decoder", "entry", "head", "norm_out", "up"),
    ),
    "emoji-control": Graph(hinted, ("emoji-text", "emoji-control"), outlines),
}


if __name__ == "__main__":
    main(sys.argv[1:] or list(MADE))
