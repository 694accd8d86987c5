"""Schedules drawn as curves of log-SNR."""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike

from workshop_lite import checks
from workshop_lite.schedules.levels import Level, Schedule, check, clock, from_log_snr

Row = Sequence[float | int] | np.ndarray


def from_points(t: Row, log_snr: Row) -> Schedule:
    """The schedule whose log-SNR runs straight from point to point.

    Raises ValueError unless ``t`` rises from 0 to 1 and the curve passes ``check``.
    """
    t, log_snr = (np.asarray(checks.numbers(*a), float) for a in (("t", t), ("log_snr", log_snr)))
    if t.ndim != 1 or t.shape != log_snr.shape or len(t) < 2:
        raise ValueError(
            "t and log_snr must be rows of equally many numbers, at least two,"
            f" got {checks.kind(t)} and {checks.kind(log_snr)}"
        )
    if not (np.diff(log_snr) < 0).all():
        i = int(np.diff(log_snr).argmax())
        raise ValueError(
            f"log_snr must fall from point to point, got {log_snr[i]:g} at t = {t[i]:g}"
            f" and {log_snr[i + 1]:g} at t = {t[i + 1]:g}"
        )
    if t[0] != 0 or t[-1] != 1 or not (np.diff(t) > 0).all():
        raise ValueError(f"t must rise from 0 to 1, got {checks.shown(t.tolist())}")
    schedule = Points(tuple(t.tolist()), tuple(log_snr.tolist()))
    check(schedule)
    return schedule


@dataclass(frozen=True)  # equal numbers are equal schedules, so jit does not compile them again
class Points:
    """What ``from_points`` makes."""

    t: tuple[float, ...]
    log_snr: tuple[float, ...]

    def __call__(self, t: ArrayLike) -> Level:
        return from_log_snr(jnp.interp(clock(t), jnp.array(self.t), jnp.array(self.log_snr)))


def uniform_log_snr(high: float | int, low: float | int) -> Schedule:
    """Evenly spaced in log-SNR, from ``high`` at t = 0 to ``low`` at t = 1; Lu et al. (2022)."""
    return from_points((0.0, 1.0), (high, low))


def karras(rho: float | int = 7, sigma_min: float = 0.002, sigma_max: float | int = 80) -> Schedule:
    """Evenly spaced in (sigma / alpha)^(1/rho); Karras et al. (2022), Eq. 5 and Table 1.

    The paper's last step, from ``sigma_min`` to 0, is left out: 0.002 is a quarter of a grey level.
    """
    checks.number("rho", rho, 1, 1000)
    checks.number("sigma_min", sigma_min, 1e-6, 0.1)
    checks.number("sigma_max", sigma_max, 10, 1e6)
    return Karras(float(rho), float(sigma_min), float(sigma_max))


@dataclass(frozen=True)
class Karras:
    """What ``karras`` makes."""

    rho: float
    sigma_min: float
    sigma_max: float

    def __call__(self, t: ArrayLike) -> Level:
        low, high = (sigma ** (1 / self.rho) for sigma in (self.sigma_min, self.sigma_max))
        return from_log_snr(-2 * self.rho * jnp.log(low + clock(t) * (high - low)))
