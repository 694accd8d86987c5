"""What a schedule gives, a level of noise, and what makes a good one."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
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
    return Level(*(along(a, x) for a in level))


def along(a: Float[Array, "*t"], x: Float[Array, "b ..."]) -> Array:
    """A number for each row of ``x``, shaped to multiply it: [b] becomes [b, 1, ..., 1]."""
    return a.reshape(a.shape + (1,) * (x.ndim - a.ndim))


def unit(level: Level) -> tuple[Level, Float[Array, "*t"]]:
    """The level whose squares sum to 1 at the same log-SNR, and how many times it was as long.

    x_t divided by that is x_t of the new level.
    """
    length = jnp.hypot(level.alpha, level.sigma)
    return Level(level.alpha / length, level.sigma / length), length


def log_snr(schedule: Schedule, t: ArrayLike) -> Float[Array, "*t"]:
    """log(alpha^2 / sigma^2); Kingma et al. (2021), Eq. 3. +inf where no noise is left."""
    alpha, sigma = schedule(t)
    return 2 * (jnp.log(alpha) - jnp.log(sigma))


def angle(level: Level) -> Float[Array, "*t"]:
    """The noise level on a scale from 0 (data) to 1 (noise), whatever the schedule."""
    return 2 / jnp.pi * jnp.arctan2(level.sigma, level.alpha)


def check(schedule: Schedule, sigma: float | int = 0.1, alpha: float | int = 0.1) -> None:
    """Raise ValueError, naming a time t, unless signal is lost all the way from data to noise.

    Data is where at most this ``sigma`` is there, noise where at most this ``alpha`` is left, by
    default a hundredth of the variance; with 1 and 1 any stretch of a schedule will do.
    """
    checks.function("schedule", schedule, "from t to Level")
    checks.number("sigma", sigma, 0, 1)
    checks.number("alpha", alpha, 0, 1)
    _check(hashable(schedule), float(sigma), float(alpha))


@lru_cache  # a schedule that has passed is not looked at again
def _check(schedule: Schedule, least: float, left: float) -> None:
    t = np.linspace(0, 1, 1001)
    with jax.ensure_compile_time_eval():  # also where a model is only being traced
        level = schedule(t)
    if not isinstance(level, Level) or any(np.shape(a) != t.shape for a in level):
        raise ValueError(f"schedule must give a Level for each t, got {checks.shown(level)}")
    alpha, sigma = (np.asarray(a, float) for a in level)
    with np.errstate(all="ignore"):
        log_snr = 2 * np.log(alpha / sigma)
        rises = np.append(False, ~(np.diff(log_snr) < 0))

    def refuse(where: np.ndarray, what: str) -> None:
        if where.any():
            i = int(where.argmax())
            got = f"alpha {alpha[i]:.3g} and sigma {sigma[i]:.3g} at t = {t[i]:.3g}"
            raise ValueError(f"schedule must {what}, got {got}")

    refuse(~np.isfinite([alpha, sigma]).all(axis=0), "be finite")
    refuse((alpha < 0) | (sigma < 0), "have no negative amplitudes")
    refuse((t == 0) & (sigma > least), f"begin in data, with sigma at most {least:g}")
    refuse(rises, "lose signal all the way, and its log-SNR fall")
    refuse((t == 1) & (alpha > left), f"end in noise, with alpha at most {left:g}")


@dataclass(frozen=True)
class _ByLevels:
    """A schedule that cannot be hashed, equal to any of its kind that gives the same levels."""

    schedule: Schedule = field(compare=False)
    kind: type
    levels: bytes

    def __call__(self, t: ArrayLike) -> Level:
        return self.schedule(t)


def hashable(schedule: Schedule) -> Schedule:
    """The schedule itself, or what stands for it where jit cannot tell whether it is the same."""
    try:
        hash(schedule)
    except TypeError:
        pass
    else:
        return schedule
    schedule = copy.deepcopy(schedule)  # what may be changed is no key
    with jax.ensure_compile_time_eval():
        levels = schedule(np.linspace(0, 1, 1001))
    return _ByLevels(schedule, type(schedule), b"".join(np.asarray(a).tobytes() for a in levels))


def agree(schedule: Schedule, denoised: Schedule) -> None:
    """Raise ValueError, naming a time t, where a sampler's schedule is not its denoiser's."""
    _agree(hashable(schedule), hashable(denoised))


@lru_cache  # two that agree are not compared again
def _agree(schedule: Schedule, denoised: Schedule) -> None:
    t = np.linspace(0, 1, 101)
    with jax.ensure_compile_time_eval():  # also where a model is only being traced
        levels = np.asarray([schedule(t), denoised(t)])  # [2, alpha and sigma, t]
    apart = np.abs(levels[0] - levels[1]).max(axis=0)
    i = int(apart.argmax())
    if apart[i] > 0.01:
        raise ValueError(
            "schedule must be the denoiser's own, got alpha {:.3g} and sigma {:.3g} at t = {:.3g},"
            " where the denoiser has {:.3g} and {:.3g}; build a Denoiser around its network with"
            " this schedule".format(*levels[0, :, i], t[i], *levels[1, :, i])
        )


def clock(t: ArrayLike) -> Float[Array, "*t"]:
    """``t`` in float32. Raises ValueError outside of [0, 1] where the values are known."""
    if not isinstance(t, jax.core.Tracer):
        times = np.asarray(checks.array(t))  # numpy sees values inside of jit too
        right = times.size and checks.real(times) and times.dtype != bool
        if not right or not ((times >= 0) & (times <= 1)).all():
            raise ValueError(f"t must lie between 0 (data) and 1 (noise), got {checks.shown(t)}")
    return jnp.asarray(t, jnp.float32)


def from_decay(decay: Float[Array, "*t"]) -> Level:
    """The level at which alpha^2 = exp(-decay); expm1 keeps sigma exact near t = 0."""
    return Level(jnp.exp(-decay / 2), jnp.sqrt(-jnp.expm1(-decay)))


def from_log_snr(log_snr: Float[Array, "*t"]) -> Level:
    """The level at which alpha^2 / sigma^2 = exp(log_snr); Kingma et al. (2021), Sec. 3.2."""
    return Level(*(jnp.sqrt(jax.nn.sigmoid(a)) for a in (log_snr, -log_snr)))
