"""Pictures of pictures: every image lands in its place."""

import base64
import io

import jax.numpy as jnp
import numpy as np
import pytest
from conftest import shown
from PIL import Image

from workshop_lite.evaluation import Scores
from workshop_lite.figures.images import gallery, mosaic, scale_curves, step_curves, tradeoff
from workshop_lite.predictions import CLEAN, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.widgets.guidance import guidance_explorer, png

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


def row(by, value, seed):
    number = value if by != "method" else 0.0
    scores = Scores(9, 1.0 + number + seed, 0.9, 0.8, 0.7 / (1 + number), 0.0, 3.0)
    return {by: value, "seed": seed, **scores._asdict()}


def runs(by, values):
    return [row(by, value, seed) for value in values for seed in (0, 1)]


def lines(axes):
    """The lines through the points, without the caps of the error bars."""
    return [
        line for line in axes.lines if line.get_marker() in "os^Dv" or len(line.get_xdata()) == 2
    ]


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
    """Distances with a yardstick beside them; shares; diversity as a part of the real one."""
    figure = scale_curves(runs("scale", (0.0, 1.0, 4.0)), [row("method", "real", 0)])
    distance, _, variety, _ = figure.axes
    line, yardstick = lines(distance)[0], lines(distance)[-1]
    np.testing.assert_allclose(line.get_ydata(orig=False), [1.5, 2.5, 5.5])
    np.testing.assert_allclose(yardstick.get_ydata(orig=False), 1.0)
    _, shares = lines(variety)
    np.testing.assert_allclose(shares.get_ydata(orig=False), 1.0)


def test_tradeoff_has_a_point_for_each_scale():
    """One line a method, labelled with its scales."""
    (axes,) = tradeoff({"one": runs("scale", (1.0, 4.0)), "two": runs("scale", (2.0,))}).axes
    assert [t.get_text() for t in axes.texts] == ["1", "4", "2"]
    np.testing.assert_allclose(lines(axes)[0].get_xdata(orig=False), [0.35, 0.14])


def test_step_curves_have_a_line_for_each_sampler():
    """Means over the seeds against steps."""
    rows = [{**r, "sampler": name} for name in ("a", "b") for r in runs("steps", (5, 20))]
    (axes,) = step_curves(rows, {"frechet": "distance"}).axes
    assert [x.get_label() for x in axes.containers] == ["a", "b"]
    np.testing.assert_allclose(lines(axes)[0].get_ydata(orig=False), [6.5, 21.5])


def test_the_guidance_panel_draws_any_size_and_names_any_class():
    """Three channels, no square, latents that are shown otherwise; quotes in a name."""
    drawn = []
    still = Denoiser(lambda xt, t, cond: jnp.zeros_like(xt), cosine, CLEAN)
    name = 'o\'clock "<b>"'

    def shown_as(x0):
        drawn.append(x0.shape)
        return jnp.repeat(x0[..., :3], 2, axis=1)

    panel = guidance_explorer(still, [name], count=2, shape=(3, 5, 4), shown=shown_as)
    assert drawn == [(2, 3, 5, 4)]
    picture = shown(panel)
    assert 'alt="Samples of class o&#x27;clock &quot;&lt;b&gt;&quot;.' in picture
    body = base64.b64decode(picture.split("base64,")[1].split('"')[0])
    with Image.open(io.BytesIO(body)) as image:
        assert image.size == (3 * 2 * 5, 3 * 6) and image.mode == "RGB"
