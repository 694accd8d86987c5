"""Classifier-free guidance, and the parts that every kind of guidance has."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, ArrayLike, Float, PyTree

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.schedules.levels import along


class Guided(Module):
    """Classifier-free guidance: x0_null + scale * (x0 - x0_null).

    Ho & Salimans (2022), Eq. 6, whose w is ``scale - 1``: here scale 1 is the conditional
    model and scale 0 the unconditional one. A scale of shape [b] guides each row its own way.
    Both passes run as one batch of 2b. With an ``interval``, only the conditional pass is paid for
    where t lies outside of it, or every scale is 1; Kynkäänniemi et al. (2024).

    Args:
        denoise: ``(xt, t, cond) -> x0``.
        null: function from a condition to its unconditional twin.
        scale: strength, a number or one per row; traced, so a slider never recompiles.
        interval: the times (low, high) at which to guide; traced. Without it guidance is on at all
            times, and a sampler compiles the network once in place of twice.
        rescale: 0 to 1, pulls the guided estimate's spread back to the conditional one's;
            Lin et al. (2024), Eqs. 14-16, here on x_0.
        weak: a weaker denoiser to be guided away from, with the same condition, in place of
            the null condition; autoguidance, Karras et al. (2024).
    """

    def __init__(
        self,
        denoise: Callable,
        null: Callable[[PyTree], PyTree] | None,
        scale: ArrayLike,
        *,
        interval: tuple[ArrayLike, ArrayLike] | None = None,
        rescale: ArrayLike = 0.0,
        weak: Callable | None = None,
    ):
        _check(scale, interval, rescale)
        checks.function("denoise", denoise, "(xt, t, cond) -> x0")
        if weak is None:
            checks.function("null", null, "from a condition to its unconditional twin")
        else:
            checks.function("weak", weak, "(xt, t, cond) -> x0")
        self.denoise = node(denoise)
        self.null = null
        self.weak = None if weak is None else node(weak)
        self.scale = nnx.data(jnp.float32(scale))
        self.interval = None if interval is None else nnx.data(jnp.float32(interval))
        self.rescale = nnx.data(jnp.float32(rescale))

    def __call__(
        self, xt: Float[Array, "b ..."], t: Float[Array, " b"], cond: PyTree
    ) -> Float[Array, "b ..."]:
        checks.state(xt, t)
        self.check(xt, cond)
        scale = jnp.broadcast_to(self.scale, t.shape)
        if self.interval is None:
            return self._guided(xt, t, cond, scale)
        low, high = self.interval
        scale = jnp.where((low <= t) & (t <= high), scale, 1.0)
        return jax.lax.cond(
            jnp.any(scale != 1.0),
            lambda: self._guided(xt, t, cond, scale),
            lambda: wide(self.denoise(xt, t, cond)),
        )

    def _guided(self, xt, t, cond, scale):
        if self.weak is None:
            x0, x0_weak = both(self.denoise, self.null, xt, t, cond)
        else:
            x0, x0_weak = wide(self.denoise(xt, t, cond)), wide(self.weak(xt, t, cond))
        x0_guided = x0_weak + along(scale, xt) * (x0 - x0_weak)
        return x0_guided * (1 + self.rescale * (_spread(x0) / _spread(x0_guided) - 1))

    def check(
        self, xt: Float[ArrayLike, "b ..."], cond: PyTree, schedule: Callable | None = None
    ) -> None:
        """Raise ValueError if the denoiser cannot take these; called outside jit."""
        checks.rows("xt", xt)
        if self.scale.shape not in ((), (len(xt),)):
            raise ValueError(
                f"scale must be one number or one per row, got shape {self.scale.shape}"
                f" for a batch of {len(xt)}"
            )
        if hasattr(self.denoise, "check"):
            self.denoise.check(xt, cond, schedule)


def both(denoise, null, xt, t, cond) -> tuple[Array, Array]:
    """The estimates with and without the condition, from one batch of twice the rows."""
    twice = lambda x: jnp.concatenate([x, x])  # noqa: E731
    pair = jax.tree.map(lambda *c: jnp.concatenate(c), cond, null(cond))
    return tuple(jnp.split(wide(denoise(twice(xt), twice(t), pair)), 2))


def inner(a: Float[Array, "b ..."], b: Float[Array, "b ..."]) -> Array:
    """The scalar product of each row, shaped to multiply it."""
    return (a * b).sum(axis=tuple(range(1, a.ndim)), keepdims=True)


def wide(x):
    """In float32 at least: what guidance adds up are small differences, many times over."""
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _spread(x):
    """Standard deviation of each row; the least of it keeps the gradient of a constant finite."""
    return jnp.sqrt(jnp.var(x, axis=range(1, x.ndim), keepdims=True) + 1e-12)


def node(denoise):
    """As a pytree: modules are; a plain function has no leaves, one with bound arrays has those."""
    if jax.tree_util.all_leaves([denoise]):
        return jax.tree_util.Partial(denoise)
    return denoise if isinstance(denoise, nnx.Module) else nnx.data(denoise)


def _check(scale, interval, rescale):
    if not checks.traced(scale):
        checks.numbers("scale", scale)
    if interval is not None and not checks.traced(interval):
        low_high = np.asarray(checks.array(interval))  # numpy sees values inside of jit too
        right = low_high.dtype.kind in "iuf" and low_high.shape == (2,)
        if not right or not 0 <= low_high[0] <= low_high[1] <= 1:
            raise ValueError(
                "interval must be two times with 0 <= low <= high <= 1,"
                f" got {checks.shown(interval)}"
            )
    checks.number("rescale", rescale, 0, 1)
