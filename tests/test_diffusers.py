"""Step for step, the samplers do what those of ``diffusers`` do on the same betas.

The trajectories were recorded by tools/make_reference.py, with the exact network of a small
mixture; see tests/reference/diffusers.json for the versions.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from workshop_lite import mixtures, predictions, samplers, schedules

HOME = Path(__file__).parent / "reference"
CARD = json.loads((HOME / "diffusers.json").read_text())
OUTPUT = {"linear": predictions.NOISE, "cosine": predictions.VELOCITY}
KEY = jax.random.key(CARD["seed"])
METHODS = {
    "ddim": (samplers.ddim, {}),
    "ddim_eta1": (samplers.ddim, {"eta": 1.0, "key": KEY}),
    "ddpm": (samplers.ddpm, {"key": KEY}),
    "dpmpp_2m": (samplers.dpmpp_2m, {}),
    "heun": (samplers.heun, {}),
}


@pytest.fixture(scope="module")
def record():
    with np.load(HOME / "diffusers.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.mark.parametrize("steps", CARD["steps"])
@pytest.mark.parametrize("table", OUTPUT)
@pytest.mark.parametrize("method", METHODS)
def test_steps_agree(record, method, table, steps):
    """Every estimate of x_0 and the sample agree with diffusers to float32 rounding."""
    betas = record[f"betas/{table}"]
    if (method, table) == ("heun", "cosine"):
        betas = betas[:900]  # see tools/make_reference.py
    schedule = schedules.from_betas(betas)
    means, stds, weights = (jnp.float32(record[k]) for k in ("means", "stds", "weights"))
    mixture = mixtures.Mixture(means, stds, weights[None])
    denoise = mixtures.ideal(mixture, schedule, OUTPUT[table])
    sampler, options = METHODS[method]
    x0, path = sampler(denoise, schedule, jnp.float32(record["start"]), steps=steps, **options)

    expected = record[f"{method}/{table}/{steps}/path"]
    # Over 20 steps the roundings of float32, 6e-8 each at a size of 1.5, add up to 6e-6. Besides,
    # an estimate read from predicted noise carries two roundings of x_t, at most 3, over alpha.
    tolerance = np.full(steps, 2e-5)
    if OUTPUT[table] is predictions.NOISE:
        alpha = np.asarray(schedule(jnp.linspace(1.0, 0.0, steps + 1)[:-1]).alpha)
        tolerance += 2 * 3 * 2**-24 / alpha
    error = np.abs(path - expected).max(axis=(1, 2))
    assert (error < tolerance).all(), (error / tolerance).round(2)
    np.testing.assert_allclose(x0, record[f"{method}/{table}/{steps}/x0"], rtol=0, atol=2e-5)


@pytest.mark.parametrize("table", OUTPUT)
def test_tables_agree(record, table):
    """The beta tables are those of diffusers ("linear" and "squaredcos_cap_v2")."""
    ours = {"linear": schedules.linear_betas, "cosine": schedules.cosine_betas}[table]()
    np.testing.assert_allclose(ours, record[f"betas/{table}"], rtol=1e-12)
