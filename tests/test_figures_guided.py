"""What guidance makes of a mixture: a panel for each entry, and each point where it belongs."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from workshop_lite.conditioning import null_labels
from workshop_lite.figures import guided
from workshop_lite.guidance import Guided
from workshop_lite.mixtures import Mixture, ideal
from workshop_lite.schedules import cosine

PAIR = Mixture(
    np.float32([[-1, 0], [1, 0]]), np.full(2, 0.3), np.float32([[1, 0], [0, 1], [0.5, 0.5]])
)
POINTS = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)


def titles(figure):
    return [axes.get_title() for axes in figure.axes if axes.get_visible()]


@pytest.fixture(autouse=True)
def closed():
    """An open figure would show twice in a notebook."""
    yield
    assert not plt.get_fignums()


@pytest.mark.parametrize("count", [1, 3, 4])
def test_every_set_of_samples_has_its_panel(count):
    samples = {f"scale {s}": POINTS + s for s in range(count)}
    figure = guided.ends(PAIR, samples)
    assert titles(figure) == list(samples)
    for axes, points in zip(figure.axes, samples.values(), strict=False):
        assert any(np.array_equal(c.get_offsets(), points) for c in axes.collections)


def test_ways_end_in_dots():
    """A row for each time, and one for the ways; their last points are marked."""
    best = ideal(PAIR, cosine)
    denoisers = {"a": best, "b": Guided(best, null_labels, 3.0)}
    paths = {name: np.stack([0 * POINTS, POINTS]) for name in denoisers}
    figure = guided.ways(PAIR, denoisers, paths, cosine, (0.7, 0.3))
    rows = ("{}, t = 0.7", "{}, t = 0.3", "{}, the ways")
    assert titles(figure) == [row.format(name) for row in rows for name in denoisers]
    *lines, dots = figure.axes[-1].lines
    np.testing.assert_array_equal(dots.get_xydata(), POINTS)
    assert len(lines) == len(POINTS)
    with pytest.raises(ValueError, match="^paths must have the names of denoisers"):
        guided.ways(PAIR, denoisers, {}, cosine, (0.5,))


def test_histograms_and_costs_are_drawn():
    x = np.linspace(-2, 2, 9)
    panel = ({"ddim": POINTS[:, 0], "ddpm": POINTS[:, 1]}, {"p": 0 * x, "q": x**2})
    figure = guided.histograms({"one": panel, "two": panel}, x)
    assert titles(figure) == ["one", "two"] and len(figure.axes[0].lines) == 2
    found = {"cfg": {1: (0.1, 2.0), 2: (0.3, 1.0)}, "auto": {1: (0.1, 2.0), 2: (0.31, 1.0)}}
    [axes] = guided.costs(found, "spread", "strays").axes
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[0.1, 2.0], [0.3, 1.0]])
    assert [text.get_text() for text in axes.texts] == ["1", "2", "2"], "the first is shared"
    *_, one, other = (text.get_position() for text in axes.texts)
    assert np.hypot(*np.subtract(one, other)) > 8, "numbers of near points are on different sides"
