"""Checks of the exercises about noise schedules and the tables of DDPM."""

import jax.numpy as jnp
import numpy as np

from workshop_lite.exercises.oracles import Asked, best, landed, noise
from workshop_lite.exercises.verdicts import finite, same, shape
from workshop_lite.schedules import cosine, cosine_betas, linear_betas, log_snr


def draws_from_the_posterior(weights) -> str:
    """Whether the three weights of a DDPM step are those of the posterior."""
    betas = jnp.float32(linear_betas(100))
    kept = jnp.cumprod(1 - betas)
    before = jnp.append(1.0, kept[:-1])
    signal, rest, fresh = weights(betas)
    if not (finite(signal) and finite(rest) and finite(fresh)):
        return "the last step, to the data, takes the root of a negative number: its weight is NaN"
    if not same(rest**2 + fresh**2, 1 - before):
        return "the noise kept and the noise drawn must add up to what the next level has"
    right = jnp.sqrt(betas * (1 - before) / (1 - kept))
    if not same(fresh, right):
        return f"fresh noise at index 50 weighs {fresh[50]:.3f}; the posterior's is {right[50]:.3f}"
    return "" if same(signal, jnp.sqrt(before)) else "x_0 has the weight of the next level's signal"


def ends_in_noise(alpha_bar) -> str:
    """Whether a table of any length ends with as little signal as that of 1,000 steps."""
    for steps in (50, 1000):
        left = alpha_bar(steps)
        if shape(left) != (steps,):
            return f"a table of {steps} steps has shape {shape(left)}"
        if not float(left[-1]) < 1e-3:
            return (
                f"after {steps} steps {left[-1]:.2f} of the signal's variance is left,"
                " where sampling starts from pure noise"
            )
    right = np.cumprod(1 - linear_betas(1000))[-1]
    ends = float(left[-1])
    return "" if same(ends, right, right / 2) else f"after 1,000 steps 4e-5 is left, not {ends:.1g}"


def is_capped(betas) -> str:
    """Whether the cosine's table is the paper's, cap and all."""
    ours, right = jnp.asarray(betas(1000)), jnp.float32(cosine_betas(1000))
    if shape(ours) != (1000,):
        return f"a table of 1,000 steps has shape {shape(ours)}"
    if float(ours.max()) >= 1:
        return "the last beta is 1: no signal is left, and reading noise as x_0 divides by it"
    if float(ours.max()) > 0.9991:
        error = 1 / float(jnp.sqrt(jnp.prod(1 - ours)))
        return f"at the last step an error of 1 in the noise is one of {error:.1g} in x_0"
    alike = same(ours, right) and same(ours[:9], right[:9], 1e-5)
    return "" if alike else "the betas are not those of the paper"


def suits_the_width(log_snr_for) -> str:
    """Whether a large picture, averaged down, is as noisy as a small one."""
    for width, t in ((64, 0.5), (128, 0.3), (32, 0.7)):
        averaged = float(log_snr_for(width, t)) + 2 * float(np.log(width / 32))
        right = float(log_snr(cosine, t))
        if abs(averaged - right) > 0.01:
            return (
                f"at t = {t:g} pictures of {width} pixels, averaged to 32, have log-SNR"
                f" {averaged:.1f}, and pictures of 32 have {right:.1f}"
            )
    return ""


def ends_at_zero(without_leak) -> str:
    """Whether a curve begins where it began and ends at zero."""
    alpha = jnp.cos(jnp.linspace(0.01, 1.53, 20))
    ours = without_leak(alpha)
    if shape(ours) != (20,) or not same(ours[-1], 0.0, 1e-6):
        return "the curve must keep its length and end at 0"
    if not same(ours[0], alpha[0], 1e-4):
        return f"your curve begins at {ours[0]:.2f}, and it began at {alpha[0]:.2f}"
    middle = (alpha - alpha[-1]) * alpha[0] / (alpha[0] - alpha[-1])
    return "" if same(ours, middle) else "between its ends the curve must be moved and stretched"


def reads_one_clock(sample) -> str:
    """Whether a network is asked about the times that it was trained on."""
    asked = Asked(lambda x, t: best(x, jnp.clip(t, 0, 1)))
    x = sample(asked, noise(), 10)
    late = max(float(jnp.max(call[1])) for call in asked.calls)
    if late > 1:
        return f"the network was trained on times from 0 to 1, and you ask it about t = {late:g}"
    share = landed(x)
    return "" if share > 0.9 else f"with a perfect network only {share:.0%} of samples land on data"


CHECKS = {
    "schedule-1": draws_from_the_posterior,
    "schedule-2": ends_in_noise,
    "schedule-3": is_capped,
    "schedule-4": suits_the_width,
    "schedule-5": ends_at_zero,
    "schedule-6": reads_one_clock,
}
