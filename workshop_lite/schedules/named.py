"""The schedules that have a name, and how to move them."""

from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from workshop_lite import checks
from workshop_lite.schedules.levels import (
    Level,
    Schedule,
    check,
    clock,
    from_decay,
    hashable,
)


def cosine(t: ArrayLike) -> Level:
    """Quarter circle from data to noise; Nichol & Dhariwal (2021), Eq. 17 with offset 0."""
    # sin(pi/2 - angle), not cos(angle): exactly 0 at t = 1, where float32 makes cos -4e-8.
    t = clock(t)
    return Level(jnp.sin(jnp.pi / 2 * (1 - t)), jnp.sin(jnp.pi / 2 * t))


def linear(t: ArrayLike) -> Level:
    """DDPM's betas, 0.1 to 20 per unit time; Song et al. (2021, score SDE), Eq. 33."""
    t = clock(t)
    return from_decay(0.1 * t + 19.9 * t**2 / 2)


def sigmoid(t: ArrayLike) -> Level:
    """Betas on an S-curve from 0.1 to 20.1 per unit time: the logistic function on [-3, 3]."""
    t = clock(t)
    low, high = jax.nn.sigmoid(-3.0), jax.nn.sigmoid(3.0)
    # The logistic function's integral from 0 to t. A difference of softplus would cancel near 0.
    area = jnp.log1p(low * jnp.expm1(6 * t)) / 6
    return from_decay(0.1 * t + 20 * (area - low * t) / (high - low))


def quadratic(t: ArrayLike) -> Level:
    """Betas 0.1 + 20 t^2 per unit time: slow at first, and alpha is still 0.034 at t = 1."""
    t = clock(t)
    return from_decay(0.1 * t + 20 * t**3 / 3)


def straight(t: ArrayLike) -> Level:
    """A straight line from data to noise; Liu et al. (2023, rectified flow), Eq. 1.

    Its amplitudes sum to 1, and not their squares.
    """
    t = clock(t)
    return Level(1 - t, t)


def shifted(schedule: Schedule, log_snr_shift: float) -> Schedule:
    """The same schedule with a constant added to its log-SNR; negative means noisier.

    Hoogeboom et al. (2023), Eq. 3: an image d pixels wide wants 2 * log(d_noise / d).
    """
    checks.function("schedule", schedule, "from t to Level")
    checks.number("log_snr_shift", log_snr_shift, -50, 50)
    return Shifted(schedule, float(log_snr_shift))


@dataclass(frozen=True)  # equal numbers are equal schedules, so jit does not compile them again
class Shifted:
    """What ``shifted`` makes."""

    schedule: Schedule
    log_snr_shift: float

    def __call__(self, t: ArrayLike) -> Level:
        alpha, sigma = self.schedule(t)
        a = alpha * np.exp(self.log_snr_shift / 4)
        s = sigma * np.exp(-self.log_snr_shift / 4)
        length = jnp.hypot(alpha, sigma) / jnp.hypot(a, s)
        return Level(a * length, s * length)


def zero_terminal(schedule: Schedule) -> Schedule:
    """The same schedule, its alpha shifted and rescaled to end at exactly 0.

    Lin et al. (2024), Algorithm 1. Raises ValueError for a schedule that ``check`` refuses
    however much is left at its end.
    """
    check(schedule, alpha=1)
    return ZeroTerminal(hashable(schedule))


@dataclass(frozen=True)
class ZeroTerminal:
    """What ``zero_terminal`` makes."""

    schedule: Schedule

    def __call__(self, t: ArrayLike) -> Level:
        first, last = _ends(self.schedule)
        alpha, sigma = self.schedule(t)
        a = jnp.where(clock(t) == 1, 0.0, first / (first - last) * (alpha - last))
        # 1 - a, written with sigma so that nothing cancels near t = 0
        rest = (first * sigma**2 / (1 + alpha) - last * (1 - first)) / (first - last)
        return Level(a, jnp.sqrt((1 + a) * rest))


@lru_cache
def _ends(schedule: Schedule) -> tuple[float, float]:
    """Alpha at t = 0 and at t = 1."""
    with jax.ensure_compile_time_eval():  # also where a model is only being traced
        return tuple(float(schedule(t).alpha) for t in (0.0, 1.0))
