"""Trained weights: one safetensors file and one JSON card a model, both in the package."""

import hashlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from safetensors.numpy import load as unpack
from safetensors.numpy import save as pack

from workshop_lite import checks, files
from workshop_lite.recipes import RECIPES, Recipe

FOLDER = Path(__file__).parent / "weights"


def names(folder: str | Path = FOLDER) -> list[str]:
    """The models that ``load`` knows."""
    return sorted(path.stem for path in _folder(folder).glob("*.json"))


def card(name: str, folder: str | Path = FOLDER) -> dict:
    """How a model was made and what it reaches.

    Raises ValueError for an unknown name, and for a card that is damaged or another model's.
    """
    checks.one_of("name", name, names(folder))
    notes = files.read_card(_folder(folder) / f"{name}.json")
    if notes.get("name") != name:
        raise ValueError(f"card {name}.json is that of {notes.get('name')!r}; restore it")
    return notes


def recipe(name: str, folder: str | Path = FOLDER) -> Recipe:
    """The recipe that a model was made by. Raises ValueError as ``card`` does."""
    made_by = card(name, folder).get("recipe")
    checks.one_of(f"recipe of {name!r}", made_by, sorted(RECIPES))
    return RECIPES[made_by]


def base(name: str, folder: str | Path = FOLDER) -> nnx.Module | None:
    """The model that this one was trained on and belongs to: a latent's autoencoder, say.

    It is looked for in the same folder, then among the shipped models. Raises ValueError for one
    of another digest than the card names.
    """
    home = _home_of_base(name, folder)
    return None if home is None else load(card(name, folder)["base"]["name"], home)


def load(name: str, folder: str | Path = FOLDER) -> nnx.Module:
    """A trained model, in float32.

    Raises ValueError for an unknown name, for a card that is damaged, for weights that are
    missing, altered or of another shape than the recipe's, and for a base that is not its own.
    """
    _home_of_base(name, folder)
    notes = card(name, folder)
    path = _folder(folder) / f"{name}.safetensors"
    body = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(body).hexdigest() != notes.get("sha256"):
        raise ValueError(f"weights of {name!r} are missing or do not match their card; reinstall")
    model = _blank(recipe(name, folder))
    weights, state = unpack(body), nnx.state(model, nnx.Variable)
    wanted = _shapes(_named(state))
    if wanted != _shapes(weights):
        raise ValueError(f"weights of {name!r} are not those of recipe {notes['recipe']!r}")
    leaves = [jnp.asarray(weights[path], jnp.float32) for path in wanted]
    nnx.update(model, jax.tree.unflatten(jax.tree.structure(state), leaves))
    return model


def save(name: str, model: nnx.Module, notes: dict, folder: str | Path = FOLDER) -> None:
    """Write the weights in float16 and the card that vouches for them.

    Raises ValueError, and writes nothing, for what ``load`` would not take back.
    """
    folder = _folder(folder)
    path = _path(name, notes, folder)
    checks.one_of("recipe in notes", notes.get("recipe"), sorted(RECIPES))
    state = _named(nnx.state(model, nnx.Variable)) if isinstance(model, nnx.Module) else {}
    with np.errstate(over="ignore"):  # infinity is looked for on the next lines
        state = {path: np.asarray(leaf, np.float16) for path, leaf in state.items()}
    if not state or not all(np.isfinite(leaf).all() for leaf in state.values()):
        raise ValueError(
            "model must be a module with parameters that are finite in float16,"
            f" got {checks.shown(type(model).__name__)}"
        )
    blank = nnx.state(_blank(RECIPES[notes["recipe"]]), nnx.Variable)
    if _shapes(state) != _shapes(_named(blank)):
        raise ValueError(
            f"model must be one of recipe {notes['recipe']!r}, got one of other shapes"
        )
    body, size = pack(state), sum(leaf.size for leaf in state.values())
    notes = {**notes, "parameters": size, "sha256": hashlib.sha256(body).hexdigest()}
    files.swap(path.with_name(f"{name}.safetensors"), body)
    write_card(name, notes, folder)


def write_card(name: str, notes: dict, folder: str | Path = FOLDER) -> None:
    """Replace the card of a model; whoever edits one by hand seals it with this."""
    files.write_card(_path(name, notes, _folder(folder)), {"name": name, **notes} | {"name": name})


def _home_of_base(name: str, folder: str | Path) -> Path | None:
    """The folder of a model's base, if it has one; ValueError unless the base is its own."""
    wanted = card(name, folder).get("base")
    if wanted is None:
        return None
    home = _folder(folder if wanted["name"] in names(folder) else FOLDER)
    found = card(wanted["name"], home)["sha256"]
    if found != wanted["sha256"]:
        raise ValueError(
            f"base of {name!r} must be the {wanted['name']!r} with digest"
            f" {wanted['sha256'][:8]}, got one with {found[:8]}"
        )
    return home


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


def _blank(made_by: Recipe) -> nnx.Module:
    """A model of the recipe, shapes alone."""
    return nnx.eval_shape(lambda: made_by.build(nnx.Rngs(0)))


def _shapes(leaves: dict) -> dict:
    return {path: leaf.shape for path, leaf in leaves.items()}


def _named(state) -> dict:
    """The leaves of a state by their path, in the order of ``jax.tree.leaves``."""
    flat, _ = jax.tree_util.tree_flatten_with_path(state)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in flat}
