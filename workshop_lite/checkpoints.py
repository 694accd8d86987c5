"""Trained weights: one safetensors file and one JSON card a model, both in the package."""

import hashlib
import json
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors.numpy import load as unpack
from safetensors.numpy import save as pack

from workshop_lite.recipes import RECIPES

FOLDER = Path(__file__).parent / "weights"


def names(folder: Path = FOLDER) -> list[str]:
    """The models that ``load`` knows."""
    return sorted(path.stem for path in folder.glob("*.json"))


def card(name: str, folder: Path = FOLDER) -> dict:
    """How a model was made and what it reaches. Raises ValueError for an unknown name."""
    if name not in names(folder):
        raise ValueError(f"name must be one of {names(folder)}, got {name!r}")
    return json.loads((folder / f"{name}.json").read_text())


def load(name: str, folder: Path = FOLDER) -> nnx.Module:
    """A trained model, in float32.

    Raises ValueError for an unknown name, and for weights that are missing, altered or of
    another shape than the recipe's.
    """
    notes = card(name, folder)
    path = folder / f"{name}.safetensors"
    body = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(body).hexdigest() != notes["sha256"]:
        raise ValueError(f"weights of {name!r} are missing or do not match their card; reinstall")
    model = nnx.eval_shape(lambda: RECIPES[notes["recipe"]].build(nnx.Rngs(0)))
    weights, state = unpack(body), nnx.state(model, nnx.Param)
    wanted = {path: leaf.shape for path, leaf in _named(state).items()}
    if wanted != {path: array.shape for path, array in weights.items()}:
        raise ValueError(f"weights of {name!r} are not those of recipe {notes['recipe']!r}")
    leaves = [jnp.asarray(weights[path], jnp.float32) for path in wanted]
    nnx.update(model, jax.tree.unflatten(jax.tree.structure(state), leaves))
    return model


def save(name: str, model: nnx.Module, notes: dict, folder: Path = FOLDER) -> None:
    """Write the weights in float16 and the card that vouches for them."""
    state = _named(nnx.state(model, nnx.Param))
    body = pack({path: np.asarray(leaf, np.float16) for path, leaf in state.items()})
    size = sum(leaf.size for leaf in state.values())
    notes = {**notes, "parameters": size, "sha256": hashlib.sha256(body).hexdigest()}
    folder.mkdir(parents=True, exist_ok=True)
    _swap(folder / f"{name}.safetensors", body)
    write_card(name, notes, folder)


def write_card(name: str, notes: dict, folder: Path = FOLDER) -> None:
    """Replace the card of a model."""
    _swap(folder / f"{name}.json", (json.dumps(notes, indent=2) + "\n").encode())


def _named(state) -> dict:
    """The leaves of a state by their path, in the order of ``jax.tree.leaves``."""
    flat, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in flat}


def _swap(path: Path, body: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(body)
    os.replace(part, path)
