"""Estimates that reach beyond the data's range, brought back into it."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, ArrayLike, Float, PyTree

from workshop_lite import checks
from workshop_lite.guidance.guided import node, wide
from workshop_lite.modules import Module


class Thresholded(Module):
    """Dynamic thresholding: an estimate that reaches beyond [-1, 1] is clipped and shrunk.

    Per image, the reach is the quantile ``share`` of |x_0|, but at least 1; the estimate is
    clipped to it and divided by it. Saharia et al. (2022, Imagen), Section 2.3.
    """

    def __init__(self, denoise: Callable, share: ArrayLike = 0.995):
        checks.function("denoise", denoise, "(xt, t, cond) -> x0")
        checks.number("share", share, 0.5, 1)
        self.denoise = node(denoise)
        self.share = nnx.data(jnp.float32(share))

    def __call__(
        self, xt: Float[Array, "b ..."], t: Float[Array, " b"], cond: PyTree
    ) -> Float[Array, "b ..."]:
        checks.state(xt, t)
        x0 = wide(self.denoise(xt, t, cond))
        axes = tuple(range(1, x0.ndim))
        reach = jnp.maximum(jnp.quantile(jnp.abs(x0), self.share, axis=axes, keepdims=True), 1.0)
        return jnp.clip(x0, -reach, reach) / reach

    def check(
        self, xt: Float[ArrayLike, "b ..."], cond: PyTree, schedule: Callable | None = None
    ) -> None:
        """Raise ValueError if the denoiser cannot take these; called outside jit."""
        if hasattr(self.denoise, "check"):
            self.denoise.check(xt, cond, schedule)
