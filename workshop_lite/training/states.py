"""The state of a training run as a file: whole, or refused."""

from pathlib import Path

import jax
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack

from workshop_lite import checks, files


def save(path: Path, state: PyTree, losses: list, seconds: float, recipe: str) -> None:
    """Replace the file in one step: a kill at any moment leaves one whole file."""
    leaves = {f"{i:04d}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    leaves["losses"] = np.array(losses, np.float32)
    notes = {"recipe": recipe, "seconds": f"{seconds:.3f}"}
    files.swap(path, pack(leaves, {**notes, "sha256": files.arrays_digest(leaves, notes)}))


def restored(path: Path, state: PyTree, recipe: str) -> tuple[PyTree, list, float]:
    """The state in the file, in the shape of ``state``, its losses and its seconds.

    Raises ValueError for a file that is damaged, or of another recipe or shape.
    """
    try:
        with safe_open(path, "np") as file:
            notes = file.metadata() or {}
            leaves = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as error:
        raise ValueError(
            f"directory holds a damaged state, {path}: {checks.shown(error)}"
        ) from None
    if notes.pop("sha256", "") != files.arrays_digest(leaves, notes):
        raise ValueError(f"directory holds a damaged state, {path}: its digest does not match")
    losses = leaves.pop("losses", np.zeros(0)).tolist()
    old, new = jax.tree.leaves(state), [leaves[name] for name in sorted(leaves)]
    same = [a.shape for a in old] == [a.shape for a in new]
    if notes.get("recipe") != recipe or not same:
        raise ValueError(
            f"directory holds the state of recipe {notes.get('recipe')!r},"
            f" not of {recipe!r}: {path}"
        )
    return jax.tree.unflatten(jax.tree.structure(state), new), losses, float(notes["seconds"])
