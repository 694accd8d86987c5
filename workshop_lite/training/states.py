"""The state of a training run as a file: whole, or refused."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as pack

from workshop_lite import checks, files


class Progress(NamedTuple):
    """How far a run has come: the loss of each step, the images seen, and the seconds they took."""

    losses: list
    images: int
    seconds: float


def save(path: Path, state: PyTree, progress: Progress, recipe: str, terms: dict) -> None:
    """Replace the file in one step: a kill at any moment leaves one whole file."""
    leaves = {f"{i:04d}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(state))}
    leaves["losses"] = np.array(progress.losses, np.float32)
    notes = {"recipe": recipe, "seconds": f"{progress.seconds:.3f}"}
    notes |= {"images": str(progress.images)} | terms
    files.swap(path, pack(leaves, {**notes, "sha256": files.arrays_digest(leaves, notes)}))


def restored(
    path: Path, state: PyTree, recipe: str, terms: dict, changed: Sequence[str] = ()
) -> tuple[PyTree, Progress]:
    """The state in the file, in the shape of ``state``, and how far it came.

    With another optimizer, named in ``changed``, that part of the state is the given one.
    Raises ValueError for a file that is damaged or of another recipe or model, and for terms that
    differ from those of the file and are not in ``changed``.
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
    if notes.get("recipe") != recipe:
        raise ValueError(
            f"directory holds the state of recipe {notes.get('recipe')!r},"
            f" not of {recipe!r}: {path}"
        )
    others = {name for name, term in terms.items() if notes.get(name, term) != term}
    if others - set(changed):
        told = [f"{name} ({notes[name]}, not {terms[name]})" for name in sorted(others)]
        raise ValueError(
            f"directory holds a run with other {', '.join(told)}: {path}; to go on with these all"
            f" the same, give changed={tuple(sorted(others))}"
        )
    losses = leaves.pop("losses", np.zeros(0)).tolist()
    new, anew = [leaves[name] for name in sorted(leaves)], "optimizer" in others
    old = jax.tree.leaves(state._replace(optimizer=()) if anew else state)
    if anew:
        new = new[: len(old)] + jax.tree.leaves(state.optimizer)
        old = jax.tree.leaves(state)
    if [a.shape for a in old] != [a.shape for a in new]:
        raise ValueError(
            f"directory holds the state of another model, with {sum(a.size for a in new):,} numbers"
            f" where this one's has {sum(a.size for a in old):,}: {path}"
        )
    images = int(notes.get("images", len(losses) * int(terms["batch"])))
    state = jax.tree.unflatten(jax.tree.structure(state), new)
    return state, Progress(losses, images, float(notes["seconds"]))


class Kept(NamedTuple):
    """Where the state of a run is, and what run it is."""

    folder: Path
    recipe: str
    terms: dict
    changed: Sequence[str]

    @property
    def path(self) -> Path:
        return self.folder / "state.safetensors"

    def begun(self, state, progress):
        """What the file holds; without one, the file is made: better no room now than later."""
        if self.path.exists():
            return restored(self.path, state, self.recipe, self.terms, self.changed)
        try:
            save(self.path, state, progress, self.recipe, self.terms)
        except OSError as why:
            raise ValueError(
                f"directory {self.folder} must have room for the state of the run, got"
                f" {why.strerror or why}"
            ) from None
        return state, progress

    def save(self, state, progress) -> None:
        """Replace the file; where that cannot be, the old one stays, and the run goes on."""
        try:
            save(self.path, state, progress, self.recipe, self.terms)
        except OSError as why:
            told = f"state could not be saved, {why.strerror or why}; the one before is in"
            warnings.warn(f"{told} {self.path}", stacklevel=2)
