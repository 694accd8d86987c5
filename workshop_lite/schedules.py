"""How much noise: functions from time to the amplitudes of signal and noise.

Time runs from 0 (data) to 1 (noise). A schedule is a plain function ``schedule(t) -> Level``.
Those of this module raise ValueError for a time outside of [0, 1].
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from workshop_lite import checks


class Level(NamedTuple):
    """Amplitudes in  x_t = alpha * x_0 + sigma * eps."""

    alpha: Float[Array, "*t"]
    sigma: Float[Array, "*t"]


Schedule = Callable[[ArrayLike], Level]


def over(level: Level, x: Float[Array, "b ..."]) -> Level:
    """The level of each row of ``x``, shaped to multiply it: [b] becomes [b, 1, ..., 1]."""
    return Level(*(a.reshape(a.shape + (1,) * (x.ndim - a.ndim)) for a in level))


def log_snr(schedule: Schedule, t: ArrayLike) -> Float[Array, "*t"]:
    """log(alpha^2 / sigma^2); Kingma et al. (2021), Eq. 3. +inf where no noise is left."""
    alpha, sigma = schedule(t)
    return 2 * (jnp.log(alpha) - jnp.log(sigma))


# Schedules on continuous time ------------------------------------------------------------------


def cosine(t: ArrayLike) -> Level:
    """Quarter circle from data to noise; Nichol & Dhariwal (2021), Eq. 17 with offset 0."""
    # sin(pi/2 - angle), not cos(angle): exactly 0 at t = 1, where float32 makes cos -4e-8.
    t = _time(t)
    return Level(jnp.sin(jnp.pi / 2 * (1 - t)), jnp.sin(jnp.pi / 2 * t))


def linear(t: ArrayLike) -> Level:
    """DDPM's betas, 0.1 to 20 per unit time; Song et al. (2021, score SDE), Eq. 33."""
    t = _time(t)
    return _from_decay(0.1 * t + 19.9 * t**2 / 2)


def sigmoid(t: ArrayLike) -> Level:
    """Betas on an S-curve from 0.1 to 20.1 per unit time: the logistic function on [-3, 3]."""
    t = _time(t)
    low, high = jax.nn.sigmoid(-3.0), jax.nn.sigmoid(3.0)
    # The logistic function's integral from 0 to t. A difference of softplus would cancel near 0.
    area = jnp.log1p(low * jnp.expm1(6 * t)) / 6
    return _from_decay(0.1 * t + 20 * (area - low * t) / (high - low))


def quadratic(t: ArrayLike) -> Level:
    """Betas 0.1 + 20 t^2 per unit time: slow at first, and alpha is still 0.034 at t = 1."""
    t = _time(t)
    return _from_decay(0.1 * t + 20 * t**3 / 3)


def _time(t: ArrayLike) -> Float[Array, "*t"]:
    """``t`` in float32. Raises ValueError outside of [0, 1] where the values are known."""
    if not isinstance(t, jax.core.Tracer):
        times = np.asarray(checks.array(t))  # numpy sees values inside of jit too
        right = times.size and checks.real(times) and times.dtype != bool
        if not right or not ((times >= 0) & (times <= 1)).all():
            raise ValueError(f"t must lie between 0 (data) and 1 (noise), got {checks.shown(t)}")
    return jnp.asarray(t, jnp.float32)


def _from_decay(decay: Float[Array, "*t"]) -> Level:
    """The level at which alpha^2 = exp(-decay); expm1 keeps sigma exact near t = 0."""
    return Level(jnp.exp(-decay / 2), jnp.sqrt(-jnp.expm1(-decay)))


def shifted(schedule: Schedule, log_snr_shift: float) -> Schedule:
    """The same schedule with a constant added to its log-SNR; negative means noisier.

    Hoogeboom et al. (2023), Eq. 3: an image d pixels wide wants 2 * log(d_noise / d).
    """
    checks.function("schedule", schedule, "from t to Level")
    checks.number("log_snr_shift", log_snr_shift, -50, 50)
    return _shifted(schedule, float(log_snr_shift))


@lru_cache  # equal arguments return the same function, so jit does not compile it again
def _shifted(schedule: Schedule, log_snr_shift: float) -> Schedule:
    def moved(t: ArrayLike) -> Level:
        alpha, sigma = schedule(t)
        a, s = alpha * np.exp(log_snr_shift / 4), sigma * np.exp(-log_snr_shift / 4)
        length = jnp.hypot(alpha, sigma) / jnp.hypot(a, s)
        return Level(a * length, s * length)

    return moved


# Beta tables -----------------------------------------------------------------------------------


def from_betas(betas: Float[ArrayLike, " T"]) -> Schedule:
    """The schedule whose alpha_bar after step i of T is prod(1 - beta_1 ... beta_i).

    Step i of the table sits at t = i / T; between steps log(alpha_bar) is interpolated.
    Raises ValueError unless the betas are a row of numbers strictly between 0 and 1.
    """
    table = checks.array(betas)
    table = np.asarray(table, np.float64) if table.dtype.kind in "iuf" else np.zeros(0)
    if table.ndim != 1 or not len(table) or not ((table > 0) & (table < 1)).all():
        raise ValueError(
            "betas must be a row of numbers strictly between 0 and 1,"
            f" got {checks.shown(betas)} of shape {np.shape(checks.array(betas))}"
        )
    decays = jnp.asarray(np.append(0.0, -np.log1p(-table).cumsum()), jnp.float32)
    times = jnp.linspace(0.0, 1.0, len(decays))
    return lambda t: _from_decay(jnp.interp(_time(t), times, decays))


def linear_betas(T: int = 1000) -> np.ndarray:
    """Ho et al. (2020): 1e-4 to 0.02 at T = 1000, rescaled by 1000 / T to end equally noisy."""
    return _rescaled(T, lambda u: 1e-4 + 0.0199 * u)


def sigmoid_betas(T: int = 1000) -> np.ndarray:
    """The logistic function on [-3, 3], scaled to run from 1e-4 to 0.0201 at T = 1000."""
    low, high = 1 / (1 + np.exp(3)), 1 / (1 + np.exp(-3))
    return _rescaled(T, lambda u: 1e-4 + 0.02 * (1 / (1 + np.exp(3 - 6 * u)) - low) / (high - low))


def quadratic_betas(T: int = 1000) -> np.ndarray:
    """A parabola from 1e-4 to 0.0201 at T = 1000."""
    return _rescaled(T, lambda u: 1e-4 + 0.02 * u**2)


def cosine_betas(T: int = 1000) -> np.ndarray:
    """Nichol & Dhariwal (2021), Eq. 17 with offset 0.008; betas capped at 0.999 as there."""
    _check_length(T)
    alpha_bar = np.cos((np.arange(T + 1) / T + 0.008) / 1.008 * np.pi / 2) ** 2
    return np.minimum(1 - alpha_bar[1:] / alpha_bar[:-1], 0.999)


def _rescaled(T: int, curve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """T points of a curve over [0, 1] that is made for T = 1000."""
    _check_length(T)
    return curve(np.linspace(0, 1, T)) * (1000 / T)


def _check_length(T: int) -> None:
    if not isinstance(T, int | np.integer) or T < 21:
        raise ValueError(
            "T must be a whole number of at least 21, or a rescaled beta reaches 1;"
            f" got {' '.join(repr(T).split())[:80]}"
        )
