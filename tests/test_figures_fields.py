"""Arrows point where a denoiser sends a point, and each denoiser has its panel."""

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.quiver import Quiver

from workshop_lite.conditioning import null_labels
from workshop_lite.figures.fields import arrows, fields
from workshop_lite.guidance import Guided
from workshop_lite.mixtures import Mixture, ideal
from workshop_lite.schedules import cosine

PAIR = Mixture(
    jnp.array([[-1.0, 0.0], [1.0, 0.0]]), jnp.full(2, 0.3), jnp.array([[1, 0], [0, 1], [0.5, 0.5]])
)
BEST = ideal(PAIR, cosine)


def test_arrows_point_at_the_estimate():
    """For one bell the estimate lies between its mean and the point; with a scale, beyond."""
    start = np.array([[-2.0, 0.0], [0.0, 0.0], [-1.0, 1.0]], np.float32)
    plain = np.asarray(arrows(BEST, cosine, start, 0.3, 0))
    towards = np.array([[-1.0, 0.0]]) - start
    cosines = (plain * towards).sum(1) / np.linalg.norm(plain, axis=1)
    np.testing.assert_allclose(cosines, np.linalg.norm(towards, axis=1), rtol=1e-4)
    guided = arrows(Guided(BEST, null_labels, 3.0), cosine, start[1:2], 0.3, 0)
    assert guided[0, 0] < plain[1, 0] < 0  # further away from the other class


@pytest.mark.parametrize("count", [1, 2, 3])
def test_every_denoiser_has_its_panel(count):
    """A title, arrows and the samples, two panels to a row."""
    points = {f"scale {s}": np.full((7, 2), s / 4) for s in range(count)}
    denoisers = {name: Guided(BEST, null_labels, float(i)) for i, name in enumerate(points)}
    figure = fields(PAIR, denoisers, points, cosine)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in panels] == list(points)
    for axes, expected in zip(panels, points.values(), strict=True):
        assert any(isinstance(c, Quiver) for c in axes.collections)
        assert any(np.array_equal(c.get_offsets(), expected) for c in axes.collections)
    assert not plt.get_fignums()  # an open one would show twice in a notebook


def test_names_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match=r"^samples must have the names of denoisers, \['a'\]"):
        fields(PAIR, {"a": BEST}, {"b": np.zeros((3, 2))}, cosine)
