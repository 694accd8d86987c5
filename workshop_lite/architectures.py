"""A model as data: which of our classes with which arguments, and from that the model again.

A class keeps each argument of its constructor as an attribute of the same name; ``rngs`` and
``dtype`` are no part of what it is. So a description is read off a model, whoever built it, and
holds names of the list below, numbers and words: no code.
"""

from inspect import signature
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from workshop_lite import checks, predictions
from workshop_lite.conditioning import (
    Control,
    Controlled,
    DualEncoder,
    Labels,
    TextEncoder,
    Vocabulary,
)
from workshop_lite.conditioning.minilm import Projected
from workshop_lite.networks import Autoencoder, Classifier, TinyDecoder, Transformer, UNet
from workshop_lite.predictions import Denoiser, Prediction
from workshop_lite.schedules import curves, named, tables

#: What a model may be made of.
CLASSES = {
    kind.__name__: kind
    for kind in (Denoiser, UNet, Transformer, Control, Controlled)
    + (Autoencoder, TinyDecoder, Classifier)
    + (Labels, TextEncoder, Vocabulary, Projected, DualEncoder)
    + (named.Shifted, named.ZeroTerminal, curves.Points, curves.Karras, tables.Betas)
}
SCHEDULES = (named.cosine, named.linear, named.quadratic, named.sigmoid, named.straight)
#: What is there once, and called by its name.
NAMED = {f.__name__: f for f in SCHEDULES}
NAMED |= {name: one for name, one in vars(predictions).items() if isinstance(one, Prediction)}
TOLD = {"rngs", "dtype", "link_init"}  # how it is made, not what it is


def described(model: Any) -> dict | list | str | float | int | None:
    """The model as data that JSON can hold.

    Raises ValueError for what is made of other classes than ours, naming the first.
    """
    for name, one in NAMED.items():
        if model is one:
            return name
    if isinstance(model, tuple | list):
        return [described(part) for part in model]
    if isinstance(model, bool | int | float | None):
        return model
    name = type(model).__name__
    if CLASSES.get(name) is not type(model):
        got = checks.shown(name if isinstance(model, nnx.Module) else model)
        raise ValueError(
            "model must be made of what architectures.CLASSES lists, and of schedules and"
            f" predictions that have a name, got {got}; a schedule of your own can be drawn with"
            " schedules.from_points"
        )
    if isinstance(model, Vocabulary):  # in one line, not in one for each word
        return {"class": name, "words": " ".join(model.words), "length": model.length}
    own = getattr(model, "arguments", None) or {
        part: getattr(model, part) for part in _parameters(type(model))
    }
    return {"class": name, **{part: described(value) for part, value in own.items()}}


def built(what: Any, base: nnx.Module | None = None) -> Any:
    """What ``described`` described, with fresh weights, in the type that the device is fast in.

    A ``Control`` is a copy of part of a U-Net, of ``base``'s if it is not beside one.
    Raises ValueError for what describes no model.
    """
    try:
        return _built(what, base)
    except (AttributeError, KeyError, TypeError) as why:
        raise ValueError(
            f"model must be described as architectures.described does, got {checks.shown(what)}:"
            f" {checks.shown(str(why))}"
        ) from None


def _built(what: Any, base: nnx.Module | None) -> Any:
    if isinstance(what, str):
        return NAMED[what]
    if isinstance(what, list):
        return tuple(_built(part, base) for part in what)
    if not isinstance(what, dict):
        return what
    kind = CLASSES[what["class"]]
    if kind is Vocabulary:
        return Vocabulary(tuple(what["words"].split()), what["length"])
    given, takes = {}, signature(kind.__init__).parameters
    if kind is Control:
        given["base"] = base.network if isinstance(base, Denoiser) else base
    for part, value in what.items():
        if part != "class":
            given[part] = _built(value, given.get("base", base))
    if "rngs" in takes:
        given["rngs"] = nnx.Rngs(0)
    if "dtype" in takes:
        given["dtype"] = fast_dtype(jax.devices()[0])
    return kind(**given)


def vocabulary_in(what: Any) -> Vocabulary | None:
    """The words of a model that is described, if it reads."""
    if not isinstance(what, dict):
        return None
    if what["class"] == Vocabulary.__name__:
        return built(what)
    return next((found for part in what.values() if (found := vocabulary_in(part))), None)


def reader(denoise: Any) -> nnx.Module | None:
    """The module that reads the condition of a denoiser, however it is wrapped, or a judge's.

    None where there is no such module.
    """
    if isinstance(denoise, DualEncoder):
        return denoise.reading
    while hasattr(denoise, "denoise"):
        denoise = denoise.denoise
    network = getattr(denoise, "network", None)
    while hasattr(network, "base"):
        network = network.base
    return getattr(network, "condition", None)


def fast_dtype(device):
    """What a network computes in: bfloat16 where the device has units for it, else float32.

    TPUs have them, and NVIDIA's GPUs from compute capability 8 on. Parameters stay float32.
    """
    capable = float(getattr(device, "compute_capability", 0)) >= 8
    return jnp.bfloat16 if device.platform == "tpu" or capable else None


def _parameters(kind: type) -> list[str]:
    _, *names = signature(kind.__init__).parameters  # nnx hides them from that of the class
    return [name for name in names if name not in TOLD]
