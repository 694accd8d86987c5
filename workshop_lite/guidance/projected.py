"""Guidance without the part that makes colours harder."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import nnx
from jaxtyping import ArrayLike, PyTree

from workshop_lite import checks
from workshop_lite.guidance.contrast import Contrast
from workshop_lite.guidance.guided import inner


class Projected(Contrast):
    """Of the difference that guidance adds, only what is orthogonal to the conditional estimate.

    APG, Sadat et al. (2025, arXiv 2410.02416), without its momentum: a denoiser keeps no memory.

    Args:
        denoise, null, scale: as ``Guided``.
        parallel: the share of the parallel part that is kept; with 1 and no ``radius`` this is
            ``Guided``.
        radius: the length to which a longer difference of a row is cut; None for no limit.
    """

    def __init__(
        self,
        denoise: Callable,
        null: Callable[[PyTree], PyTree],
        scale: ArrayLike,
        *,
        parallel: ArrayLike = 0.0,
        radius: ArrayLike | None = None,
    ):
        super().__init__(denoise, null, scale)
        checks.number("parallel", parallel)
        if radius is not None:
            checks.number("radius", radius, 0)
        self.parallel = nnx.data(jnp.float32(parallel))
        self.radius = None if radius is None else nnx.data(jnp.float32(radius))

    def mixed(self, xt, t, x0, x0_null):
        difference = x0 - x0_null
        if self.radius is not None:
            length = jnp.sqrt(jnp.maximum(inner(difference, difference), 1e-12))
            difference = difference * jnp.minimum(1.0, self.radius / length)
        parallel = x0 * inner(difference, x0) / jnp.maximum(inner(x0, x0), 1e-12)
        return x0 + (self.scale - 1) * (difference - (1 - self.parallel) * parallel)
