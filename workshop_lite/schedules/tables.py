"""Tables of betas, as DDPM has them, and the schedule behind a table."""

from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float

from workshop_lite import checks
from workshop_lite.schedules.levels import Level, Schedule, clock, from_decay


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
    return Betas(tuple(table.tolist()))


@dataclass(frozen=True)  # equal numbers are equal schedules, so jit does not compile them again
class Betas:
    """What ``from_betas`` makes."""

    betas: tuple[float, ...]

    def __call__(self, t: ArrayLike) -> Level:
        decays = np.append(0.0, -np.log1p(-np.array(self.betas)).cumsum()).astype(np.float32)
        times = np.linspace(0.0, 1.0, len(decays), dtype=np.float32)
        return from_decay(jnp.interp(clock(t), times, decays))


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
    alpha_bar = np.cos((np.arange(int(T) + 1) / T + 0.008) / 1.008 * np.pi / 2) ** 2
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
