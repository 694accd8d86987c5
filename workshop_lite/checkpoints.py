"""Trained weights: one safetensors file and one JSON card a model, both in the package."""

import hashlib
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors.numpy import load as unpack
from safetensors.numpy import save as pack

from workshop_lite import checks, files
from workshop_lite.architectures import built, described, reader
from workshop_lite.conditioning import Control, Labels, TextEncoder
from workshop_lite.networks import Autoencoder, Classifier
from workshop_lite.recipes import RECIPES, Recipe, described_by

FOLDER = Path(__file__).parent / "weights"


def names(folder: str | Path = FOLDER) -> list[str]:
    """The models that ``load`` knows."""
    return sorted(path.stem for path in _folder(folder).glob("*.json"))


def card(name: str, folder: str | Path = FOLDER) -> dict:
    """How a model was made, what it is and what it reaches.

    Raises ValueError for an unknown name, and for a card that is damaged, another model's, or does
    not say what the model is.
    """
    checks.one_of("name", name, names(folder))
    notes = files.read_card(_folder(folder) / f"{name}.json")
    if notes.get("name") != name:
        raise ValueError(f"card {name}.json is that of {notes.get('name')!r}; restore it")
    if not {"model", "shape", "sha256", "parameters"} <= set(notes):
        raise ValueError(f"card {name}.json must say what the model is; save the model again")
    return notes


def recipe(name: str, folder: str | Path = FOLDER) -> Recipe:
    """The recipe that a model was made by, or one for its data if it was made without.

    Raises ValueError as ``card`` does, and for a card that names neither recipe nor data.
    """
    notes = card(name, folder)
    made_by = RECIPES.get(notes.get("recipe"))
    return made_by if made_by is not None else described_by(notes)


def bases(name: str, folder: str | Path = FOLDER) -> tuple[nnx.Module, ...]:
    """The model that this one was trained on and belongs to, then that one's, down to the last.

    A branch has its U-Net and the autoencoder of that, say. Each is looked for in the same folder,
    then among the shipped models. Raises ValueError where one is missing or of another digest than
    the card names.
    """
    notes = card(name, folder)
    home = _home_of_base(name, notes, _folder(folder))
    if home is None:
        return ()
    below = notes["base"]["name"]
    return (load(below, home), *bases(below, home))


def load(name: str, folder: str | Path = FOLDER) -> nnx.Module:
    """A trained model, built as its card says; in float32.

    Raises ValueError for an unknown name, for a card that is damaged, for weights that are
    missing, altered or of another shape than the card's, and for a base that is missing or is not
    its own.
    """
    notes = card(name, folder)
    blank = _blank(name, notes, _folder(folder))
    path = _folder(folder) / f"{name}.safetensors"
    body = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(body).hexdigest() != notes["sha256"]:
        raise ValueError(f"weights of {name!r} are missing or do not match their card; reinstall")
    weights, state = unpack(body), nnx.state(blank, nnx.Variable)
    wanted = _shapes(_named(state))
    if wanted != _shapes(weights):
        raise ValueError(f"weights of {name!r} are not those of the model on its card")
    leaves = [jnp.asarray(weights[path], jnp.float32) for path in wanted]
    nnx.update(blank, jax.tree.unflatten(jax.tree.structure(state), leaves))
    return blank


def save(name: str, model: nnx.Module, notes: dict, folder: str | Path = FOLDER) -> None:
    """Write the weights in float16 and the card that vouches for them.

    The card says what the model is, so that ``load`` needs nothing else: what it is made of, its
    words if it reads, and from ``notes``

    - ``shape``, [h, w, c]: of the pictures that it draws or sees, or of the latents;
    - ``classes``: the name of each, where it knows classes;
    - ``base``: the name of the model that it was trained on, if there is one.

    A shipped recipe, ``notes["recipe"]``, says the first two itself. All else that JSON can hold
    is kept: ``data``, ``licence``, ``steps``, ``metrics``, whatever helps.

    Raises ValueError, and writes nothing, for what ``load`` would not take back.
    """
    folder = _folder(folder)
    path = _path(name, notes, folder)
    what = described(model)
    state = _named(nnx.state(model, nnx.Variable)) if isinstance(model, nnx.Module) else {}
    with np.errstate(over="ignore"):  # infinity is looked for on the next lines
        state = {path: np.asarray(leaf, np.float16) for path, leaf in state.items()}
    if not state or not all(np.isfinite(leaf).all() for leaf in state.values()):
        raise ValueError(
            "model must be a module with parameters that are finite in float16,"
            f" got {checks.shown(type(model).__name__)}"
        )
    notes = complete(model, {**notes, "name": name}, folder)
    if _shapes(state) != _shapes(_named(nnx.state(_blank(name, notes, folder), nnx.Variable))):
        raise ValueError(
            "model must have the parameters that its arguments say, got one changed by hand:"
            f" {checks.shown(what)}"
        )
    said = {"format": "flax", **{key: json.dumps(notes[key]) for key in ("model", "shape")}}
    body, size = pack(state, said), sum(leaf.size for leaf in state.values())
    notes |= {"parameters": size, "sha256": hashlib.sha256(body).hexdigest()}
    files.swap(path.with_name(f"{name}.safetensors"), body)
    write_card(name, notes, folder)


def write_card(name: str, notes: dict, folder: str | Path = FOLDER) -> None:
    """Replace the card of a model; whoever edits one by hand seals it with this."""
    files.write_card(_path(name, notes, _folder(folder)), {"name": name, **notes} | {"name": name})


def complete(model: nnx.Module, notes: dict, folder: str | Path = FOLDER) -> dict:
    """The notes with all that a card must say; ValueError for what is missing or does not fit."""
    folder, name = _folder(folder), notes["name"]
    if isinstance(notes.get("base"), str):
        home = _folder(folder if notes["base"] in names(folder) else FOLDER)
        notes["base"] = {"name": notes["base"], "sha256": card(notes["base"], home)["sha256"]}
    home = _home_of_base(name, notes, folder)
    below = None if home is None else card(notes["base"]["name"], home)
    seen = RECIPES[notes["recipe"]].shown() if notes.get("recipe") in RECIPES else {}
    if below is not None and "shape" not in notes:
        seen["shape"] = below["shape"]
        if below["model"]["class"] == Autoencoder.__name__ and reader(model) is not None:
            ae, (h, w, _) = nnx.eval_shape(lambda: built(below["model"])), below["shape"]
            seen["shape"] = [h // ae.factor, w // ae.factor, ae.latent]
    told = model if isinstance(model, Classifier) else reader(model)
    n = told.n if isinstance(told, Classifier | Labels) else 0
    notes = {**seen, **notes}
    shape, classes = notes.get("shape"), list(notes.get("classes") or ())
    checks.wholes("shape in notes, [h, w, c]", shape, 3)
    part = getattr(model, "network", getattr(model, "sight", model))
    c, side = getattr(part, "channels", shape[2]), getattr(part, "patch", 1)
    if isinstance(part, Control):  # its channels are the hint's
        c = shape[2]
    if shape[2] != c or shape[0] % side or shape[1] % side:
        raise ValueError(
            f"shape in notes must be [h, w, {c}] with h and w multiples of {side}, got {shape}"
        )
    if len(classes) != n or not all(isinstance(one, str) for one in classes):
        raise ValueError(
            f"classes in notes must be {n} names, one for each class, got {checks.shown(classes)}"
        )
    if isinstance(told, TextEncoder) and told.vocabulary is None:
        raise ValueError(
            "model must keep its words: TextEncoder(len(words), vocabulary=words, ...), got a"
            " TextEncoder without vocabulary"
        )
    notes = {**notes, "model": described(model), "shape": list(shape)}
    notes.pop("classes", None)
    return notes | ({"classes": classes} if n else {})


def _home_of_base(name: str, notes: dict, folder: Path) -> Path | None:
    """The folder of a model's base, if it has one; ValueError unless the base is its own."""
    wanted = notes.get("base")
    if wanted is None:
        return None
    homes = [home for home in (folder, FOLDER) if wanted["name"] in names(home)]
    found = [card(wanted["name"], home)["sha256"] for home in homes]
    if wanted["sha256"] in found:
        return homes[found.index(wanted["sha256"])]
    if found:
        raise ValueError(
            f"base of {name!r} must be the {wanted['name']!r} with digest"
            f" {wanted['sha256'][:8]}, got one with {found[0][:8]}"
        )
    raise ValueError(
        f"base of {name!r} must be there too: {wanted['name']!r} is neither in {folder} nor among"
        f" the shipped models, got {names(folder)}"
    )


def _path(name: str, notes: dict, folder: Path) -> Path:
    """Where the card of a model goes; ValueError for a name or notes that make none."""
    if not isinstance(name, str) or not name or Path(name).name != name or "\0" in name:
        raise ValueError(f"name must be that of a file, without a folder, got {checks.shown(name)}")
    try:
        files.digest({**notes})
    except (TypeError, ValueError):
        raise ValueError(
            f"notes must be a dict that JSON can hold, got {checks.shown(notes)}"
        ) from None
    return folder / f"{name}.json"


def _folder(folder: str | Path) -> Path:
    if not isinstance(folder, str | Path):
        raise ValueError(f"folder must be a path, got {checks.shown(folder)}")
    return Path(folder)


def _blank(name: str, notes: dict, folder: Path) -> nnx.Module:
    """The model on a card, shapes alone."""
    home = _home_of_base(name, notes, folder)
    below = None if home is None else card(notes["base"]["name"], home)["model"]
    made = nnx.eval_shape(lambda: built(notes["model"], below and built(below)))
    if not isinstance(made, nnx.Module):
        raise ValueError(
            f"model must be described on the card of {name!r}, got {checks.shown(made)}"
        )
    return made


def _shapes(leaves: dict) -> dict:
    return {path: leaf.shape for path, leaf in leaves.items()}


def _named(state) -> dict:
    """The leaves of a state by their path, in the order of ``jax.tree.leaves``."""
    flat, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in flat}
