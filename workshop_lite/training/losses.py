"""What is minimised: the error of the prediction at random noise levels, weighed or not."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PyTree

from workshop_lite import checks
from workshop_lite.conditioning import dropped
from workshop_lite.predictions import Denoiser
from workshop_lite.schedules import Level, over, unit


def loss(
    denoise: Denoiser,
    x0: Float[ArrayLike, "b ..."],
    cond: PyTree,
    null: Callable[[PyTree], PyTree],
    key,
    *,
    drop: float,
    weight: Callable[[Level], Array] | None = None,
    times: Callable[[Array], Array] | None = None,
) -> Float[Array, ""]:
    """Mean squared error of the prediction at one random time an image.

    A share ``drop`` of the conditions is replaced by their unconditional twin, so that one
    network learns both models; Ho & Salimans (2022), Algorithm 1. The times are spread evenly
    over [0, 1] with one random offset, which lowers the variance; Kingma et al. (2021), App. I.1.
    ``times`` maps them to others, by default to themselves. Each error counts ``weight`` of its
    noise level times, by default once.

    Raises ValueError for data far from [-1, 1] or all but constant, as pictures are that were
    scaled never or twice, and for what the network cannot take or gives in another shape.
    """
    if not isinstance(denoise, Denoiser):
        raise ValueError(f"denoise must be a Denoiser, got {checks.shown(denoise)}")
    x0 = checks.rows("x0", x0)
    _scaled(x0)
    denoise.check(x0, cond)
    checks.function("null", null, "from a condition to its unconditional twin")
    checks.number("drop", drop, 0, 1)
    checks.key("key", key)
    k_time, k_noise, k_drop = jax.random.split(key, 3)
    x0, cond = jax.tree.map(jnp.asarray, (x0, cond))
    b, dtype = len(x0), jnp.promote_types(x0.dtype, jnp.float32)
    t = (jax.random.uniform(k_time, dtype=dtype) + jnp.arange(b) / b) % 1.0
    t = t if times is None else times(t)
    eps = jax.random.normal(k_noise, x0.shape, dtype)
    noise_level, _ = unit(denoise.schedule(t))  # as the denoiser will see it
    level = over(noise_level, x0)
    xt = level.alpha * x0 + level.sigma * eps
    output = denoise.predicted(xt, noise_level, dropped(cond, null(cond), drop, k_drop))
    error = (output - denoise.prediction.target(x0, eps, level)) ** 2
    return jnp.mean(error if weight is None else weight(level) * error)


def _scaled(x0: ArrayLike) -> None:
    """Only numbers of about the size of the noise, where they are known."""
    if checks.traced(x0):
        return
    low, high = float(np.min(x0)), float(np.max(x0))
    if max(-low, high) > 50 or 0 < high - low < 0.02:
        raise ValueError(
            "x0 must be scaled to about [-1, 1], or to a standard deviation of about 1,"
            f" got numbers from {low:.4g} to {high:.4g}"
        )


def min_snr(level: Level, gamma: float = 5.0) -> Float[Array, "..."]:
    """Weight of a velocity's squared error: min(SNR, gamma) / (SNR + 1).

    Errors of x_0 then count min(SNR, gamma) times; Hang et al. (2023), Section 3.4.
    """
    return jnp.minimum(level.alpha**2, gamma * level.sigma**2)  # alpha^2 + sigma^2 = 1


def logit_normal(u: Float[Array, " b"]) -> Float[Array, " b"]:
    """Times whose logit is normal: the middle, where the picture takes shape, is seen more often.

    Esser et al. (2024, SD3), Section 3.1, with mean 0 and deviation 1. Takes quantiles in [0, 1].
    """
    return jax.nn.sigmoid(jax.scipy.special.ndtri(u))
