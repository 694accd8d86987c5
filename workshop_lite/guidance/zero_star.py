"""Guidance of a flow, away from as much of the unconditional one as fits."""

from collections.abc import Callable

import jax.numpy as jnp
from flax import nnx
from jaxtyping import ArrayLike, PyTree

from workshop_lite import checks
from workshop_lite.guidance.contrast import Contrast
from workshop_lite.guidance.guided import inner
from workshop_lite.schedules import Schedule, over
from workshop_lite.schedules.levels import along


class ZeroStar(Contrast):
    """CFG-Zero*: the unconditional flow times the number that brings it nearest to the conditional.

    And no flow at all where it is least known, at the beginning; Fan et al. (2025, arXiv
    2503.18886). The flow is eps - x_0.

    Args:
        denoise, null, scale: as ``Guided``.
        schedule: that of the denoiser.
        still: where t is above this, nothing flows; at 1 never, as t is at most that.
    """

    def __init__(
        self,
        denoise: Callable,
        null: Callable[[PyTree], PyTree],
        scale: ArrayLike,
        *,
        schedule: Schedule,
        still: ArrayLike = 1.0,
    ):
        super().__init__(denoise, null, scale, schedule)
        checks.number("still", still, 0, 1)
        self.still = nnx.data(jnp.float32(still))

    def mixed(self, xt, t, x0, x0_null):
        alpha, sigma = over(self.schedule(t), xt)
        flow, flow_null = ((xt - (alpha + sigma) * x) / sigma for x in (x0, x0_null))
        nearest = inner(flow, flow_null) / jnp.maximum(inner(flow_null, flow_null), 1e-12)
        guided = nearest * flow_null + self.scale * (flow - nearest * flow_null)
        guided = jnp.where(along(t, xt) > self.still, 0.0, guided)
        return (xt - sigma * guided) / (alpha + sigma)
