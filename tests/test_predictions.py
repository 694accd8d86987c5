"""The predictions are one thing said in several ways."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import PREDICTIONS, PURE, SCHEDULES, normal
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from workshop_lite import mixtures, predictions, schedules

numbers = st.floats(-100, 100, width=32)


@pytest.mark.parametrize("name", PREDICTIONS)
@settings(max_examples=50)
@given(x0=numbers, eps=numbers, t=st.floats(0, 0.9375, width=32))
def test_round_trip(name, x0, eps, t):
    """Reading the right output gives x_0 back, whatever the data, the noise and the level."""
    level = schedules.Level(*np.float64(schedules.cosine(t)))
    xt = level.alpha * x0 + level.sigma * eps
    prediction = PREDICTIONS[name]
    back = prediction.to_x0(prediction.target(x0, eps, level), xt, level)
    # alpha^2 + sigma^2 is 1 to float32 rounding, 1e-7; x_0 is at most 100.
    assert_allclose(back, x0, rtol=1e-6, atol=1e-6 * (1 + abs(xt)))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_ideal_networks_agree(triangle, schedule):
    """Perfect networks for each prediction give the same x_0."""
    xt, labels = normal(64, 2), jnp.arange(64) % 3 - 1
    t = jnp.linspace(0.01, 1.0, 64)
    clean = mixtures.ideal(triangle, SCHEDULES[schedule])(xt, t, labels)
    for name in PREDICTIONS:
        if name == "noise" and schedule in PURE:
            continue
        denoise = mixtures.ideal(triangle, SCHEDULES[schedule], PREDICTIONS[name])
        # A noise prediction is divided by alpha, down to 0.0066: so are its roundings.
        atol = 2e-4 if name == "noise" else 1e-5
        assert_allclose(denoise(xt, t, labels), clean, atol=atol)


def test_ideal_is_the_posterior_mean(triangle):
    """The ideal denoiser is E[x_0 | x_t]: Tweedie's formula holds against importance sampling."""
    x0 = triangle.draw(jnp.full(40_000, 1), jax.random.key(3))
    level = schedules.cosine(jnp.float32(0.5))
    xt = jnp.float32([[0.5, 0.6]])
    weight = jnp.exp(-jnp.sum((xt - level.alpha * x0) ** 2, axis=1) / (2 * level.sigma**2))
    mean = weight @ x0 / weight.sum()
    error = jnp.sqrt((weight**2) @ (x0 - mean) ** 2) / weight.sum()
    ideal = mixtures.ideal(triangle, schedules.cosine)(xt, jnp.float32([0.5]), jnp.array([1]))
    assert (jnp.abs(ideal[0] - mean) < 4 * error).all()


@pytest.mark.parametrize("schedule", sorted(PURE))
def test_noise_prediction_is_refused_in_pure_noise(triangle, schedule):
    """Where alpha ends at 0, predicted noise says nothing about x_0, and that is said."""
    with pytest.raises(ValueError, match="schedule ends in pure noise: at t = 1 alpha is"):
        mixtures.ideal(triangle, SCHEDULES[schedule], predictions.NOISE)


@pytest.mark.parametrize("schedule", sorted(set(SCHEDULES) - PURE))
def test_noise_prediction_is_accepted(triangle, schedule):
    """Where some signal is left, down to DDPM's 0.6 %, predicted noise will do."""
    denoise = mixtures.ideal(triangle, SCHEDULES[schedule], predictions.NOISE)
    assert jnp.isfinite(denoise(normal(4, 2), jnp.ones(4), None)).all()


@pytest.mark.parametrize("prediction", ["velocity", "flow"])
def test_a_network_of_one_path_is_one_of_the_other(prediction):
    """On the straight path at equal log-SNR: the same estimate, to rounding, of any network."""
    network = lambda xt, t, cond: jnp.sin(3 * xt) + t[:, None]
    t, xt = jnp.linspace(0.05, 1.0, 20), normal(20, 4)
    curved, straight = (
        predictions.Denoiser(network, schedule, PREDICTIONS[prediction])
        for schedule in (schedules.cosine, schedules.straight)
    )
    level, length = schedules.unit(schedules.straight(t))
    angle = schedules.angle(level)
    there = straight(xt * length[:, None], t, None)
    assert_allclose(there, curved(xt, angle, None), rtol=1e-4, atol=1e-5)


def test_network_is_told_the_noise_level():
    """A network sees the angle of the level, so one network serves every schedule."""
    t = jnp.linspace(0, 1, 5)
    report = lambda xt, t, cond: jnp.broadcast_to(t[:, None], xt.shape)
    for name in SCHEDULES:
        denoise = predictions.Denoiser(report, SCHEDULES[name], predictions.CLEAN)
        seen = denoise(jnp.ones((5, 1)), t, None)[:, 0]
        level, _ = schedules.unit(SCHEDULES[name](t))
        assert_allclose(jnp.sin(jnp.pi / 2 * seen), level.sigma, atol=1e-6)
        assert_allclose(jnp.cos(jnp.pi / 2 * seen), level.alpha, atol=1e-6)
        assert name != "cosine" or np.allclose(seen, t, atol=1e-6)
