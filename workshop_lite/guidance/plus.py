"""Guidance that leaves the noise unguided."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import ArrayLike, PyTree

from workshop_lite import checks
from workshop_lite.guidance.contrast import Contrast
from workshop_lite.schedules import Schedule
from workshop_lite.schedules.levels import along


class PlusPlus(Contrast):
    """CFG++: a DDIM step to a guided estimate, with the noise of the unconditional one.

    Chung et al. (2025, arXiv 2406.08070). That step is one of ``ddim`` with a scale that depends on
    both of its ends, so the denoiser has to know how many steps are taken; other samplers, or
    another number of steps, make something else of it.

    Args:
        denoise, null: as ``Guided``.
        scale: how far the estimate goes from the unconditional one, 0, to the conditional, 1.
        schedule: that of the sampler.
        steps: of the sampler, from pure noise.
    """

    def __init__(
        self,
        denoise: Callable,
        null: Callable[[PyTree], PyTree],
        scale: ArrayLike,
        *,
        schedule: Schedule,
        steps: int,
    ):
        super().__init__(denoise, null, scale, schedule)
        checks.whole("steps", steps)
        self.steps = steps

    def mixed(self, xt, t, x0, x0_null):
        now, then = self.schedule(t), self.schedule(jnp.maximum(t - 1 / self.steps, 0.0))
        # the noise that ddim reads off a guided estimate brings back then.sigma * alpha / sigma
        gain = then.alpha / (then.alpha - then.sigma * now.alpha / now.sigma)
        return x0_null + along(self.scale * gain, xt) * (x0 - x0_null)
