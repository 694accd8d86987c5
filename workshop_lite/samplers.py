"""From noise to data: each sampler is one step, scanned.

All share one call, ``sampler(denoise, schedule, noise, cond, *, steps, key) -> (x0, path)``:

    denoise   ``(xt, t, cond) -> x0``; a module, or a plain function
    schedule  the function from t to Level on whose levels the steps stand; a ``Denoiser`` refuses
              any but its own, for it would read the times as other levels
    noise     [b, ...], standard normal: the state at t = 1
    cond      any pytree that ``denoise`` understands, rows first; or None
    steps     how many, at least 1, uniform in t
    key       for the noise that is drawn anew at every step; ``heun`` and ``dpmpp_2m`` draw none,
              and take it only so that one sampler can stand in for another
    start     optional: the time to begin at, above 0 and at most 1. ``noise`` is then x_t of this
              time, data with noise on it; so begins SDEdit, Meng et al. (2022), Algorithm 1

``x0`` is the sample, [b, ...]; ``path`` holds the estimate of x_0 at every step, [steps, b, ...].
Both are computed in the noise's precision, float32 at least. Another number of ``steps`` compiles
anew. Everything else is traced, the schedule as its levels at the steps, and may be any callable.

A sampler of your own is a function of the same call; ``jax.jit`` it with ``steps`` static.
"""

from functools import wraps
from inspect import Parameter, signature
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike

from workshop_lite import checks
from workshop_lite.schedules import Level, check


class _Spans(NamedTuple):
    """Start and end of every step: times and levels, each with leading axis [steps]."""

    t: Array
    t_then: Array
    now: Level
    then: Level


def _sampler(method):
    """Check the arguments once, in plain Python, then run the method under jit.

    In place of the schedule it gets the ``_Spans`` of the steps.
    """
    compiled = jax.jit(method, static_argnames="steps")
    key_given = signature(method).parameters.get("key")
    must_draw = key_given is not None and key_given.default is Parameter.empty

    @wraps(method)
    def sampler(denoise, schedule, noise, cond=None, *, steps, **options):
        checks.function("denoise", denoise, "(xt, t, cond) -> x0")
        checks.whole("steps", steps)
        check(schedule, sigma=1, alpha=1)
        noise = checks.rows("noise", noise)
        noise = jnp.asarray(noise, jnp.promote_types(noise.dtype, jnp.float32))
        eta, key, start = options.get("eta", 0.0), options.get("key"), options.pop("start", 1.0)
        checks.number("eta", eta, 0, 1)
        checks.number("start", start, 0.001, 1)  # at 0 nothing is left to do
        if key is None and (must_draw or isinstance(eta, jax.core.Tracer) or eta > 0):
            raise ValueError("key must be given, to draw fresh noise from at every step; got None")
        if key is not None:
            checks.key("key", key)
        if key_given is None:
            options.pop("key", None)
        if hasattr(denoise, "check"):
            denoise.check(noise, cond, schedule)
        if jax.tree_util.all_leaves([denoise]):  # a plain function: a pytree without leaves
            denoise = jax.tree_util.Partial(denoise)
        cond = jax.tree.map(checks.native, cond)
        spans = _spans(schedule, int(steps), start, noise.dtype)
        return compiled(denoise, spans, noise, cond, steps=int(steps), **options)

    sampler._cache_size = compiled._cache_size
    return sampler


def _spans(schedule, steps, start, dtype) -> _Spans:
    """The steps from ``start`` to 0, evenly spaced in time."""
    t = start * np.linspace(1.0, 0.0, steps + 1, dtype=np.float32)
    t, alpha, sigma = (jnp.asarray(a, dtype) for a in (t, *schedule(t)))
    return _Spans(t[:-1], t[1:], Level(alpha[:-1], sigma[:-1]), Level(alpha[1:], sigma[1:]))


def _estimate(denoise, x, t, cond):
    """The estimate of x_0 of all rows at one time; ValueError for another shape than theirs."""
    x0 = denoise(x, jnp.full(len(x), t), cond)
    if jnp.shape(x0) != x.shape:
        raise ValueError(
            f"denoise must give the shape that it is given, {x.shape}, got {jnp.shape(x0)}"
        )
    return x0.astype(x.dtype)


def _scanned(step, carry, spans):
    """``jax.lax.scan`` whose state keeps its types, whatever a step was computed in."""

    def kept(carry, span):
        after, out = step(carry, span)
        return jax.tree.map(lambda new, old: new.astype(old.dtype), after, carry), out

    return jax.lax.scan(kept, carry, spans)


@_sampler
def ddim(
    denoise,
    schedule,
    noise,
    cond=None,
    *,
    steps: int,
    eta: ArrayLike = 0.0,
    key=None,
    start: ArrayLike = 1.0,
):
    """Song et al. (2021, DDIM), Eqs. 12 and 16: re-noise the estimate of x_0 to the next level.

    ``eta`` 0 is deterministic; 1 has the variance of ``ddpm``. Any eta needs a ``key``.
    """

    def step(x, span):
        (t, _, now, then), key = span
        x0 = _estimate(denoise, x, t, cond)
        eps = (x - now.alpha * x0) / now.sigma
        std = eta * _posterior_std(now, then)
        fresh = 0.0 if key is None else jax.random.normal(key, x.shape, x.dtype)
        # sqrt(then.sigma^2 - std^2), written out so that nothing cancels near pure noise
        kept = now.alpha * then.sigma / (then.alpha * now.sigma)
        rest = then.sigma * _root(1 - eta**2 + (eta * kept) ** 2)
        return then.alpha * x0 + rest * eps + std * fresh, x0

    keys = None if key is None else jax.random.split(key, steps)
    return _scanned(step, noise, (schedule, keys))


@_sampler
def ddpm(denoise, schedule, noise, cond=None, *, steps: int, key, start: ArrayLike = 1.0):
    """Ho et al. (2020), Eqs. 6 and 7: a draw from the posterior q(x_then | x_now, x_0).

    The variance is the posterior's (beta tilde); between levels further apart than one step
    of a table it is the same formula with alpha_now / alpha_then for sqrt(1 - beta).
    """

    def step(x, span):
        (t, _, now, then), key = span
        x0 = _estimate(denoise, x, t, cond)
        decay = now.alpha / then.alpha
        beta = now.sigma**2 - (decay * then.sigma) ** 2
        mean = (decay * then.sigma**2 * x + then.alpha * beta * x0) / now.sigma**2
        return mean + _posterior_std(now, then) * jax.random.normal(key, x.shape, x.dtype), x0

    return _scanned(step, noise, (schedule, jax.random.split(key, steps)))


@_sampler
def heun(denoise, schedule, noise, cond=None, *, steps: int, start: ArrayLike = 1.0):
    """Karras et al. (2022), Algorithm 1 without churn: predict, look again, average.

    Costs 2 * steps - 1 evaluations, fewer by one from pure noise. The ODE is
    d(x / alpha) / d(sigma / alpha) = eps, so a step that touches sigma = 0 or an alpha below
    1/1000, where that axis ends or is so stretched that an average means nothing, is a plain
    DDIM step.
    """

    def step(x, span):
        t, t_then, now, then = span
        x0 = _estimate(denoise, x, t, cond)
        eps = (x - now.alpha * x0) / now.sigma
        guess = then.alpha * x0 + then.sigma * eps

        def look_again():
            x0_then = _estimate(denoise, guess, t_then, cond)
            eps_then = (guess - then.alpha * x0_then) / then.sigma
            stretch = then.alpha / now.alpha
            return stretch * x + (then.sigma - stretch * now.sigma) * (eps + eps_then) / 2

        inside = (now.alpha > 1e-3) & (then.sigma > 0)
        return jax.lax.cond(inside, look_again, lambda: guess), x0

    return _scanned(step, noise, schedule)


@_sampler
def dpmpp_2m(denoise, schedule, noise, cond=None, *, steps: int, start: ArrayLike = 1.0):
    """DPM-Solver++(2M), Lu et al. (2022), Algorithm 2: DDIM on x_0 extrapolated from two steps.

    One evaluation a step. The first step, and the last one to sigma = 0, have no second
    point on the log-SNR axis and are plain DDIM steps.
    """

    def step(carry, span):
        x, x0_last, width_last = carry
        t, _, now, then = span
        x0 = _estimate(denoise, x, t, cond)
        inside = (now.alpha > 0) & (then.sigma > 0)
        width = jnp.where(inside, _half_log_snr(then) - _half_log_snr(now), jnp.inf)
        ahead = jnp.where(inside, width, 0.0) / (2 * width_last)
        x0_ahead = x0 + ahead * (x0 - x0_last)
        keep = then.sigma / now.sigma
        return (keep * x + (then.alpha - keep * now.alpha) * x0_ahead, x0, width), x0

    first = (noise, jnp.zeros_like(noise), jnp.array(jnp.inf, noise.dtype))
    (x, *_), path = _scanned(step, first, schedule)
    return x, path


ALL = (dpmpp_2m, ddim, ddpm, heun)


def _posterior_std(now, then):
    """Standard deviation of q(x_then | x_now, x_0); the square root of beta tilde."""
    beta = now.sigma**2 - (now.alpha / then.alpha * then.sigma) ** 2
    return then.sigma / now.sigma * _root(jnp.maximum(beta, 0.0))


def _half_log_snr(level):
    """log(alpha / sigma), and anything where one of them is 0; its gradient is finite there too."""
    alpha, sigma = (jnp.where(a > 0, a, 1.0) for a in level)
    return jnp.log(alpha) - jnp.log(sigma)


def _root(x):
    """The square root, whose gradient at 0 is 0 and not infinite."""
    return jnp.where(x > 0, jnp.sqrt(jnp.where(x > 0, x, 1.0)), 0.0)
