"""Class labels as a condition; and for any condition, which rows go without it in training."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, ArrayLike, Int, Integer, PyTree

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.networks import Context


def null_labels(labels: Int[Array, " b"]) -> Int[Array, " b"]:
    """The unconditional twin of a batch of labels: -1 everywhere."""
    a = checks.array(labels)
    if not jnp.issubdtype(a.dtype, jnp.integer):
        raise ValueError(f"labels must be an array of whole numbers, got {checks.kind(labels)}")
    return jnp.full_like(a, -1)


def dropped(cond: PyTree, null: PyTree, share: float, key) -> PyTree:
    """``cond`` with about ``share`` of its rows replaced by those of ``null``, at random."""
    checks.number("share", share, 0, 1)
    checks.key("key", key)
    drop = jax.random.bernoulli(key, jnp.float32(share), (checks.rows_of("cond", cond),))
    swap = lambda c, n: jnp.where(drop.reshape(drop.shape + (1,) * (c.ndim - 1)), n, c)  # noqa: E731
    return jax.tree.map(swap, cond, null)


class Labels(Module):
    """A learned vector for each of n classes, and one more for "no class", label -1."""

    def __init__(self, n: int, dim: int, *, rngs):
        checks.whole("n", n)
        checks.whole("dim", dim)
        self.n, self.dim = n, dim
        self.table = nnx.Param(nnx.initializers.normal(0.1)(rngs.params(), (n + 1, dim)))

    def __call__(self, labels: Int[Array, " b"]) -> Context:
        return Context(self.table[...][labels])  # row -1 is the last row: the null class

    def check(self, labels: Integer[ArrayLike, " b"], rows: int) -> None:
        """Raise ValueError unless there is one whole-number label in [-1, n) for each row."""
        shape, kind = getattr(labels, "shape", ""), getattr(labels, "dtype", type(labels).__name__)
        if shape != (rows,) or not jnp.issubdtype(kind, jnp.integer):
            raise ValueError(
                f"labels must be an array of {rows} whole numbers, one for each row of noise,"
                f" got {kind} {shape}"
            )
        if isinstance(labels, jax.core.Tracer):
            return
        labels = np.asarray(labels)
        outside = np.unique(labels[(labels < -1) | (labels >= self.n)])
        if len(outside):
            raise ValueError(
                f"labels must lie between 0 and {self.n - 1}, or be -1 for no class,"
                f" got {outside[0]}"
            )
