"""Samplers against closed forms: the ideal denoiser of a Gaussian mixture is known exactly."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import PREDICTIONS, PURE, SCHEDULES, gaussian, normal
from numpy.testing import assert_allclose
from scipy.optimize import brentq
from scipy.stats import kstest, norm

from workshop_lite import guidance, mixtures, samplers, schedules

KEY = jax.random.key(7)
# Each with the steps after which its own error is well below the sampling error of 2,048 points.
REACH = {
    "ddpm": (partial(samplers.ddpm, key=KEY), 200),
    "ddim": (samplers.ddim, 150),
    "ddim_eta1": (partial(samplers.ddim, eta=1.0, key=KEY), 200),
    "heun": (samplers.heun, 60),
    "dpmpp_2m": (samplers.dpmpp_2m, 60),
}
# A noise prediction is refused in pure noise: see test_predictions.py.
PAIRS = [
    (schedule, prediction)
    for schedule in set(SCHEDULES) - {"straight"}
    for prediction in ("noise", "clean", "velocity")
    if not (prediction == "noise" and schedule in PURE)
]
PAIRS = [*sorted(PAIRS), ("cosine", "flow"), ("straight", "flow"), ("straight", "velocity")]
ODE = {"ddim": samplers.ddim, "heun": samplers.heun, "dpmpp_2m": samplers.dpmpp_2m}
ORDER = {"ddim": 1, "heun": 2, "dpmpp_2m": 2}


@pytest.mark.parametrize(("schedule", "prediction"), PAIRS)
@pytest.mark.parametrize("sampler", ["ddpm", "ddim", "heun", "dpmpp_2m"])
def test_reaches_mixture(triangle, sampler, schedule, prediction):
    """From pure noise every sampler arrives at the data: modes, weights, moments, classes."""
    sample, steps = REACH[sampler]
    n = 2048  # of no class, and half as many again of each class
    labels = jnp.repeat(
        jnp.array([-1, 0, 1]), jnp.array([n, n // 2, n // 2]), total_repeat_length=2 * n
    )
    denoise = mixtures.ideal(triangle, SCHEDULES[schedule], PREDICTIONS[prediction])
    x0, _ = sample(denoise, SCHEDULES[schedule], normal(2 * n, 2), labels, steps=steps)
    x0 = np.asarray(x0)
    distance = np.linalg.norm(x0[:, None] - triangle.means, axis=-1)
    # A Gaussian in 2-D leaves exp(-4^2 / 2) = 0.03 % outside of 4 std; finite steps add a few.
    assert np.mean(distance.min(1) < 4 * 0.2) > 0.995
    part = distance.argmin(1)
    assert (part[n : n + n // 2] == 0).all() and (part[n + n // 2 :] > 0).all()

    # Four standard errors of n independent points, for mean, std, weights and both margins.
    free = x0[:n]
    assert_allclose(free.mean(0), 0.0, atol=4 / np.sqrt(n))
    assert_allclose(free.std(0), 1.0, atol=4 / np.sqrt(2 * n))
    share = np.bincount(part[:n], minlength=3) / n
    assert_allclose(share, [0.5, 0.25, 0.25], atol=4 * np.sqrt(0.25 / n))
    for axis in range(2):
        cdf = lambda x, axis=axis: sum(
            w * norm.cdf(x, m[axis], 0.2)
            for w, m in zip(triangle.weights[-1], triangle.means, strict=True)
        )
        assert kstest(free[:, axis], cdf).pvalue > 1e-4


def quantile_map(noise):
    """Where the exact flow of TWO_MODES ends: it is monotone, so quantiles keep their place."""
    cdf = lambda x: 0.25 * norm.cdf(x, -1.7, 0.3) + 0.75 * norm.cdf(x, 0.6, 0.3)
    return [brentq(lambda x, p=p: cdf(x) - p, -9, 9, xtol=1e-10) for p in norm.cdf(noise[:, 0])]


TWO_MODES = mixtures.Mixture(
    jnp.float32([[-1.7], [0.6]]), jnp.full(2, 0.3, jnp.float32), jnp.float32([[0.25, 0.75]])
)


@pytest.mark.parametrize("sampler", samplers.ALL)
def test_one_call_fits_all(triangle, sampler):
    """Every sampler takes a key; those that draw nothing give the same with any."""
    denoise = mixtures.ideal(triangle, schedules.cosine)
    labels, noise = jnp.zeros(8, jnp.int32), normal(8, 2)
    a, b = (
        sampler(denoise, schedules.cosine, noise, labels, steps=4, key=jax.random.key(seed))[0]
        for seed in (0, 1)
    )
    assert bool((a == b).all()) == (sampler is not samplers.ddpm)


@pytest.mark.parametrize(("sampler", "error"), [("ddim", 1e-2), ("heun", 1e-3), ("dpmpp_2m", 1e-3)])
def test_quantiles_go_to_quantiles(sampler, error):
    """On a 1-D mixture every point lands on its own quantile; at second order ten times closer."""
    noise = norm.ppf((np.arange(256) + 0.5) / 256)[:, None]
    denoise = mixtures.ideal(TWO_MODES, schedules.cosine)
    x0, _ = ODE[sampler](denoise, schedules.cosine, jnp.float32(noise), steps=128)
    gap = np.abs(x0[:, 0] - np.array(quantile_map(noise)))
    assert gap.mean() < error
    assert gap.max() < 20 * error  # where the two modes part, the flow is steep


def inner(t):
    """The middle of the cosine schedule: at its ends log-SNR is infinite, and no step is small."""
    return schedules.cosine(0.1 + 0.8 * t)


@pytest.mark.parametrize("sampler", ODE)
@pytest.mark.parametrize(("mean", "std"), [(0.7, 0.5), (-1.0, 2.0)])
def test_order(sampler, mean, std):
    """On N(mean, std^2) the flow keeps z in x_t = alpha mean + spread z; errors fall in order."""
    z = np.linspace(-2, 2, 9)[:, None]
    start, end = (
        a * mean + np.hypot(a * std, s) * z for a, s in (np.float64(inner(t)) for t in (1.0, 0.0))
    )
    denoise = mixtures.ideal(gaussian(mean, std), inner)
    steps = np.array([32, 64, 128])
    sample = lambda n: ODE[sampler](denoise, inner, jnp.float32(start), steps=int(n))[0]
    errors = [np.abs(sample(n) - end).max() for n in steps]
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(slope - ORDER[sampler]) < 0.25, (slope, errors)


@pytest.mark.parametrize("steps", [1, 4, 32])
def test_ddim_on_unit_gaussian(steps):
    """For N(0, 1) the ideal denoiser is alpha x; N cosine steps shrink x by cos(pi/2N)**N."""
    noise = normal(64, 3)
    ideal = lambda xt, t, cond: schedules.over(schedules.cosine(t), xt).alpha * xt
    x0, _ = samplers.ddim(ideal, schedules.cosine, noise, steps=steps)
    assert_allclose(x0, np.cos(np.pi / (2 * steps)) ** steps * noise, rtol=1e-5, atol=1e-6)


def test_ddim_on_the_straight_path_is_euler(triangle):
    """Along eps - x_0, which is what the flow prediction learns."""
    denoise = mixtures.ideal(triangle, schedules.straight, PREDICTIONS["flow"])
    x, labels = normal(32, 2), jnp.arange(32) % 3 - 1
    x0, _ = samplers.ddim(denoise, schedules.straight, x, labels, steps=8)
    for t in np.linspace(1, 0, 9, dtype=np.float32)[:-1]:
        now = jnp.full(32, t)
        flow = (x - denoise(x, now, labels)) / t
        x = x - flow / 8
    assert_allclose(x0, x, atol=1e-5)


def test_exact_when_nothing_is_uncertain():
    """When the data is one single point, each deterministic sampler lands on it in one step."""
    for sampler in ODE.values():
        x0, _ = sampler(
            lambda xt, t, cond: jnp.full_like(xt, 0.25), schedules.linear, normal(4, 2), steps=1
        )
        assert_allclose(x0, 0.25)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "cosine_betas"])
@pytest.mark.parametrize("steps", [1, 6, 40])
def test_ddpm_is_ddim_with_eta_one(triangle, schedule, steps):
    """Ancestral sampling is DDIM at eta = 1: the same draws give the same points."""
    schedule = SCHEDULES[schedule]
    denoise = mixtures.ideal(triangle, schedule)
    a = samplers.ddpm(denoise, schedule, normal(16, 2), steps=steps, key=KEY)
    b = samplers.ddim(denoise, schedule, normal(16, 2), steps=steps, eta=1.0, key=KEY)
    # One formula is the other rearranged; the chain multiplies their roundings between modes.
    assert_allclose(a[0], b[0], atol=1e-4)
    assert_allclose(a[1], b[1], atol=1e-4)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("std", [0.5, 1.0])
def test_variance_on_gaussian(std, eta):
    """On N(0, std^2) each step is linear, so the variance of the samples has a closed form."""
    steps, n = 10, 20_000
    t = np.linspace(1, 0, steps + 1)
    alpha, sigma = np.sin(np.pi / 2 * (1 - t)), np.sin(np.pi / 2 * t)
    variance = 1.0
    for a, s, a2, s2 in zip(alpha, sigma, alpha[1:], sigma[1:], strict=False):
        gain = a * std**2 / (a**2 * std**2 + s**2)  # x_0 = gain * x_t
        fresh = eta**2 * (s2 / s) ** 2 * (1 - a**2 / a2**2)  # Song et al. (2021), Eq. 16
        stretch = a2 * gain + np.sqrt(s2**2 - fresh) * (1 - a * gain) / s
        variance = stretch**2 * variance + fresh
    denoise = mixtures.ideal(gaussian(0.0, std), schedules.cosine)
    noise = normal(n, 1)
    x0, _ = samplers.ddim(denoise, schedules.cosine, noise, steps=steps, eta=eta, key=KEY)
    # Against the start's own variance where nothing is random, else 4 standard errors.
    if eta == 0:
        assert_allclose(jnp.var(x0), variance * jnp.var(noise), rtol=1e-4)
    assert_allclose(jnp.mean(x0**2), variance, rtol=4 * np.sqrt(2 / n))


@pytest.mark.parametrize("sampler", ODE)
@pytest.mark.parametrize("start", [0.05, 0.4, 0.8, 1.0])
def test_start_on_gaussian(sampler, start):
    """From any time on, the ODE on N(0, std^2) divides by the growth of the deviation till then."""
    std, n = 0.5, 16
    denoise = mixtures.ideal(gaussian(0.0, std), schedules.cosine)
    alpha, sigma = schedules.cosine(start)
    xt = normal(n, 1)
    x0, path = ODE[sampler](denoise, schedules.cosine, xt, steps=200, start=start)
    exact = xt * std / jnp.sqrt((alpha * std) ** 2 + sigma**2)
    assert path.shape == (200, n, 1)
    assert_allclose(x0, exact, rtol=1e-2 if sampler == "ddim" else 1e-3)  # of first, second order


@pytest.mark.parametrize("sampler", REACH)
def test_start_is_one_and_compiles_once(triangle, sampler):
    """By default it is 1, and all times are one program."""
    sample = partial(REACH[sampler][0], mixtures.ideal(triangle, schedules.cosine))
    plain = sample(schedules.cosine, normal(4, 2), steps=5)[0]
    same = sample(schedules.cosine, normal(4, 2), steps=5, start=1.0)[0]
    assert_allclose(plain, same, rtol=1e-5, atol=1e-5)
    method = {"ddim_eta1": samplers.ddim}.get(sampler) or getattr(samplers, sampler)
    before = method._cache_size()
    for start in (0.9, 0.5, jnp.float32(0.1)):
        assert jnp.isfinite(sample(schedules.cosine, normal(4, 2), steps=5, start=start)[0]).all()
    assert method._cache_size() <= before + 1  # a number and an array differ in weak type alone


@pytest.mark.parametrize("sampler", REACH)
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("shape", [(2, 1), (1, 4, 5, 3)])
def test_shapes(sampler, steps, shape):
    """x_0 has the noise's shape, and the path holds one estimate a step, the last being x_0."""
    x = jnp.ones(shape)
    x0, path = REACH[sampler][0](lambda xt, t, cond: xt / 2, schedules.cosine, x, steps=steps)
    assert x0.shape == shape and path.shape == (steps, *shape)
    assert jnp.isfinite(path).all()
    assert_allclose(x0, path[-1], rtol=1e-6)


@pytest.mark.parametrize("sampler", REACH)
def test_jit_changes_nothing(triangle, sampler):
    """Under an outer jit, or with jit off, the samples are the same to rounding."""
    denoise = mixtures.ideal(triangle, schedules.cosine)
    sample = partial(REACH[sampler][0], steps=4)
    x = normal(8, 2)
    plain, _ = sample(denoise, schedules.cosine, x)
    inside, _ = jax.jit(lambda x: sample(denoise, schedules.cosine, x))(x)
    with jax.disable_jit():
        without, _ = sample(denoise, schedules.cosine, x)
    assert_allclose(inside, plain, atol=1e-5)
    assert_allclose(without, plain, atol=1e-5)


def test_same_key_same_samples(triangle):
    """A key gives the same samples every time, and another key others."""
    denoise = mixtures.ideal(triangle, schedules.cosine)
    draw = lambda key: samplers.ddpm(denoise, schedules.cosine, normal(8, 2), steps=5, key=key)[0]
    assert (draw(KEY) == draw(KEY)).all()
    assert (draw(KEY) != draw(jax.random.key(8))).all()


def test_nothing_recompiles(triangle):
    """Condition, noise, key, eta and the network's parameters are traced: one compilation."""
    compiled = samplers.ddim._cache_size()
    for i in range(3):
        shrunk = triangle._replace(means=triangle.means * (1 - 0.1 * i))
        denoise = mixtures.ideal(shrunk, schedules.cosine)
        labels = jnp.full(5, i - 1)
        options = {"eta": 0.1 * i, "key": jax.random.key(i)}
        samplers.ddim(denoise, schedules.cosine, normal(5, 2, i), labels, steps=7, **options)
    assert samplers.ddim._cache_size() == compiled + 1


def test_equal_shifts_compile_once(triangle):
    """A schedule shifted twice by the same amount is one schedule, and compiles once."""
    compiled = samplers.heun._cache_size()
    for _ in range(2):
        schedule = schedules.shifted(schedules.cosine, -0.75)
        samplers.heun(mixtures.ideal(triangle, schedule), schedule, normal(5, 2), steps=3)
    assert samplers.heun._cache_size() == compiled + 1


WRAPS = {
    "bare": lambda denoise: denoise,
    "guided": lambda denoise: guidance.Guided(denoise, jnp.zeros_like, 1.0),
    "clipped guided": lambda denoise: guidance.Thresholded(WRAPS["guided"](denoise)),
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_two_clocks_are_refused(triangle, wrap):
    """A denoiser reads t on its own schedule, so a sampler on another is a mistake."""
    ours, theirs = schedules.cosine, schedules.karras()
    denoise = wrap(mixtures.ideal(triangle, ours))
    noise, labels = normal(4, 2), jnp.zeros(4, jnp.int32)
    x0, _ = samplers.ddim(denoise, lambda t: ours(t), noise, labels, steps=2)  # the same levels
    assert jnp.isfinite(x0).all()
    with pytest.raises(ValueError, match="^schedule must be the denoiser's own, got alpha"):
        samplers.ddim(denoise, theirs, noise, labels, steps=2)
    with pytest.raises(ValueError, match="^schedule must be the denoiser's own, got alpha"):
        jax.jit(lambda x: samplers.ddim(denoise, theirs, x, labels, steps=2)[0])(noise)
    of_function = jax.tree_util.Partial(lambda *asked: denoise(*asked))  # has no clock to compare
    assert jnp.isfinite(samplers.ddim(of_function, theirs, noise, labels, steps=2)[0]).all()


@pytest.mark.parametrize(("sampler", "evaluations"), [("ddim", 6), ("dpmpp_2m", 6), ("heun", 10)])
def test_evaluations(sampler, evaluations):
    """One evaluation a step; Heun looks twice, except from pure noise and to data."""
    calls = []

    def denoise(xt, t, cond):
        jax.debug.callback(lambda: calls.append(1))
        return xt / 2

    x0, _ = ODE[sampler](denoise, schedules.cosine, normal(2, 2), steps=6)
    x0.block_until_ready()
    jax.effects_barrier()
    assert len(calls) == evaluations
