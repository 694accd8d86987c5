"""Pictures of pictures: every image lands in its place."""

import io

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from workshop_lite.figures.images import gallery, mosaic, scale_curves
from workshop_lite.metrics import Scores
from workshop_lite.widgets.guidance import png

IMAGES = np.linspace(-1, 1, 6, dtype=np.float32)[:, None, None, None] * np.ones((1, 4, 3, 1), "f")


@pytest.mark.parametrize("gap", [0, 1, 2])
def test_mosaic_puts_each_image_in_its_place(gap):
    """Row by row, with white gaps between and none at the edge."""
    sheet = mosaic(IMAGES, 3, gap)
    assert sheet.shape == (2 * (4 + gap) - gap, 3 * (3 + gap) - gap)
    corners = sheet[:: 4 + gap, :: 3 + gap].ravel()
    np.testing.assert_array_equal(corners, np.round(np.linspace(0, 255, 6)))


def test_mosaic_fills_a_short_last_row_with_white():
    """Five images in rows of three leave one white place."""
    assert (mosaic(IMAGES[:5], 3, 0)[4:, 6:] == 255).all()


def test_png_is_enlarged_dark_on_white():
    """Background -1 becomes white, and every pixel becomes zoom x zoom."""
    picture = np.asarray(Image.open(io.BytesIO(png(-jnp.ones((2, 4, 3, 1)), 2, zoom=3))))
    assert picture.shape == (12, 18) and (picture == 255).all()


def test_gallery_names_its_rows_and_columns():
    """The names stand on the axes, in order."""
    (axes,) = gallery(IMAGES, ["up", "down"], ["a", "b", "c"]).axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["up", "down"]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", "b", "c"]


def test_scale_curves_show_all_points():
    """One line of Fréchet distances, one line a yardstick, three shares."""
    scores = {s: Scores(9, 1.0 + s, 0.9, 0.8, 0.7 / (1 + s), 0.0) for s in (0.0, 1.0, 4.0)}
    left, right = scale_curves(scores, {"real": scores[0.0]}).axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [1, 2, 5])
    assert len(left.lines) == 2 and len(right.lines) == 3
