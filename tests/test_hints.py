"""Hints made from pictures, and how well a picture keeps to one."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from workshop_lite.conditioning import hints


def square(left: int) -> np.ndarray:
    """A black square of 12 pixels on white."""
    x = np.ones((1, 32, 32, 3), np.float32)
    x[:, 10:22, left : left + 12] = -1
    return x


def test_edges_of_a_square():
    """A closed line around the square, nothing elsewhere."""
    edge = hints.edges(square(10))[0, ..., 0]
    assert set(np.unique(edge)) == {0.0, 1.0}
    rows, columns = np.nonzero(edge)
    assert rows.min() in (9, 10) and rows.max() in (21, 22)
    assert columns.min() in (9, 10) and columns.max() in (21, 22)
    assert not edge[13:19, 13:19].any()


def test_f1_within_one_pixel():
    """1 for its own hint and for one moved by a pixel; low for one moved by five."""
    hint = hints.edges(square(10))
    assert_allclose(hints.edge_f1(square(10), hint), 1)
    assert_allclose(hints.edge_f1(square(11), hint), 1)
    assert hints.edge_f1(square(15), hint)[0] < 0.8
    assert hints.edge_f1(np.ones((1, 32, 32, 3), np.float32), hint)[0] == 0


def test_f1_by_counting():
    """Half of the wanted edges drawn, all of them right: 2 * 1 * 1/2 / (1 + 1/2)."""
    hint = np.concatenate(
        [hints.edges(square(2))[:, :, :16], hints.edges(square(18))[:, :, 16:]], 2
    )
    one = square(2)
    both = (hint[..., 0] > 0).sum()
    alone = (hints.edges(one)[..., 0] > 0).sum()
    assert both == 2 * alone
    assert_allclose(hints.edge_f1(one, hint), 2 / 3, rtol=1e-6)


def test_layout_is_the_mean_of_each_cell():
    """At the image's size, in [0, 1], one colour a cell."""
    x = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    cells = hints.layout(x, 8)
    assert cells.shape == x.shape
    assert_allclose(cells[0, 3, 12], x[0, :8, 8:].mean((0, 1)) / 2 + 0.5, rtol=1e-5)
    assert_array_equal(cells[:, :8, :8], np.broadcast_to(cells[:, :1, :1], (2, 8, 8, 3)))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: hints.edges(x[..., :1]), "images must have 3 channels"),
        (lambda x: hints.edges(x.astype(np.uint8)), "images must be floating point"),
        (lambda x: hints.edges(x * np.nan), "images must be finite"),
        (lambda x: hints.layout(x, 5), "cell must divide height and width, got 5 for 32 x 32"),
        (lambda x: hints.layout(x, 0), "cell must be a whole number"),
        (lambda x: hints.edge_f1(x, np.zeros((1, 8, 8, 1), np.float32)), "hint must have shape"),
    ],
)
def test_bad_input(call, message, unchecked):
    """One sentence each."""
    with pytest.raises(ValueError, match=message):
        call(square(10))
