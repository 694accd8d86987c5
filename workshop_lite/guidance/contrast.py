"""What those kinds of guidance share that make one estimate of two."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, ArrayLike, Float, PyTree

from workshop_lite import checks
from workshop_lite.guidance.guided import both, node
from workshop_lite.modules import Module
from workshop_lite.schedules import Schedule, agree, check, hashable


class Contrast(Module):
    """A denoiser that makes one estimate of two: ``mixed(xt, t, x0, x0_null)`` says how.

    Args:
        denoise: ``(xt, t, cond) -> x0``.
        null: function from a condition to its unconditional twin.
        scale: strength, one number; traced.
        schedule: that of the sampler and the denoiser, for those that ask for it.
    """

    def __init__(
        self,
        denoise: Callable,
        null: Callable[[PyTree], PyTree],
        scale: ArrayLike,
        schedule: Schedule | None = None,
    ):
        checks.function("denoise", denoise, "(xt, t, cond) -> x0")
        checks.function("null", null, "from a condition to its unconditional twin")
        checks.number("scale", scale)
        if schedule is not None:
            check(schedule, sigma=1, alpha=1)
            schedule = hashable(schedule)
        self.denoise, self.null, self.schedule = node(denoise), null, schedule
        self.scale = nnx.data(jnp.float32(scale))

    def __call__(
        self, xt: Float[Array, "b ..."], t: Float[Array, " b"], cond: PyTree
    ) -> Float[Array, "b ..."]:
        checks.state(xt, t)
        return self.mixed(xt, t, *both(self.denoise, self.null, xt, t, cond))

    def check(
        self, xt: Float[ArrayLike, "b ..."], cond: PyTree, schedule: Callable | None = None
    ) -> None:
        """Raise ValueError if the denoiser cannot take these; called outside jit."""
        if schedule is not None and self.schedule is not None:
            agree(schedule, self.schedule)
        if hasattr(self.denoise, "check"):
            self.denoise.check(xt, cond, schedule)
