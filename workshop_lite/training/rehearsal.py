"""Before the first step: the loss on a batch of the data, traced, not computed."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import PyTree

from workshop_lite import checks
from workshop_lite.training.parameters import named


def rehearse(model: nnx.Module, loss: Callable, data: PyTree, batch: int) -> None:
    """Raise ValueError where the first step would go wrong, or worse, would not.

    The batch has the rows in which each array is largest and smallest, and it is known: so the
    checks of values that jit skips are made, and what is out of range anywhere is out of range in
    it. Nothing is compiled.
    """
    at = _telling(data, batch)
    rows = jax.tree.map(lambda a: np.asarray(a[at]), data)
    try:
        value, changed = _traced(model, lambda model, key: loss(model, rows, key))
    except (AttributeError, TypeError):  # a loss that asks for what only JAX's arrays have
        value, changed = _traced(model, loss, rows)
    if getattr(value, "shape", None) != () or not jnp.issubdtype(value.dtype, jnp.floating):
        raise ValueError(f"loss must give one number, got {checks.shown(value)}")
    if changed:
        raise ValueError(
            f"model must hold no state that its call changes, got {', '.join(changed[:3])}; fit"
            " trains parameters alone, so BatchNorm and Dropout have to be left out or in eval mode"
        )


def _traced(model: nnx.Module, loss: Callable, *rows: PyTree) -> tuple[PyTree, list[str]]:
    """The shape of the loss, and where the model is another after the call."""
    changed = []

    def call(model, key, *rows):
        before = jax.tree.leaves(model)
        value = loss(model, *rows, key)
        after = jax.tree_util.tree_leaves_with_path(model)
        changed.extend(
            named(path) for old, (path, new) in zip(before, after, strict=True) if old is not new
        )
        return value

    return jax.eval_shape(call, model, jax.random.key(0), *rows), changed


def _telling(data: PyTree, batch: int) -> np.ndarray:
    """Which rows: those with the extremes of every array in memory, then the first ones."""
    leaves = jax.tree.leaves(data)
    rows: dict[int, None] = {}
    for leaf in leaves:
        if not isinstance(leaf, np.memmap) and leaf.size:
            flat = np.asarray(leaf).reshape(len(leaf), -1)
            rows |= dict.fromkeys(
                int(find(flat) // flat.shape[1]) for find in (np.argmin, np.argmax)
            )
    rows |= dict.fromkeys(range(min(len(leaves[0]), batch + len(rows))))
    return np.array(list(rows)[:batch])
