"""Each kind of guidance makes of two predictions what the guider of ``diffusers`` makes of them.

The numbers were recorded by tools/make_guider_reference.py; see tests/reference/guiders.json.
"""

from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from workshop_lite import guidance, schedules

SCALE, TIME = 3.0, 0.5  # five steps of ten


@pytest.fixture(scope="module")
def record():
    path = Path(__file__).parent / "reference" / "guiders.npz"
    with np.load(path, allow_pickle=False) as file:
        return {name: np.float32(array) for name, array in file.items()}


def guided(kind, cond, uncond, **options):
    """What a kind of guidance makes of two estimates, from x_t = 0 at half time."""

    def denoise(xt, t, asked):
        return jnp.where(
            asked[:, None, None, None], *(jnp.tile(a, (2, 1, 1, 1)) for a in (cond, uncond))
        )

    t, asked = jnp.full(len(cond), TIME), jnp.ones(len(cond), bool)
    return kind(denoise, jnp.zeros_like, SCALE, **options)(jnp.zeros_like(cond), t, asked)


@pytest.mark.parametrize(
    ("name", "kind"),
    {
        "cfg": guidance.Guided,
        "rescale": partial(guidance.Guided, rescale=0.7),
        "projected": partial(guidance.Projected, parallel=0.25, radius=5.0),
        "projected_unbounded": guidance.Projected,
    }.items(),
)
def test_estimates_agree(record, name, kind):
    """These mix whatever they are given, so the recorded predictions stand for estimates of x_0."""
    ours = guided(kind, record["cond"], record["uncond"])
    np.testing.assert_allclose(ours, record[name], rtol=0, atol=2e-6)


@pytest.mark.parametrize(("name", "still"), {"zero_star": 1.0, "zero_star_still": 0.4}.items())
def test_flows_agree(record, name, still):
    """CFG-Zero* mixes flows, which are the recorded predictions: -x_0 / t on the straight path."""
    x0, x0_null = (-TIME * record[flow] for flow in ("cond", "uncond"))
    how = {"schedule": schedules.straight, "still": still}
    ours = guided(guidance.ZeroStar, x0, x0_null, **how)
    np.testing.assert_allclose(-ours / TIME, record[name], rtol=0, atol=2e-6)
