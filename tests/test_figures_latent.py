"""Figures and panels of latents: every number in its place, and a panel that compiles once."""

from functools import cache

import numpy as np
import pytest
from conftest import complaint, filled, parts, shown
from flax import nnx
from numpy.testing import assert_allclose

from workshop_lite import samplers
from workshop_lite.autoencoder import Autoencoder, TinyDecoder
from workshop_lite.figures import latent as figures
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.text import TextEncoder, vocabulary
from workshop_lite.unet import UNet
from workshop_lite.widgets import latent as widgets

WORDS = vocabulary(["a red dot"])
PICTURES = {
    name: np.random.default_rng(i).uniform(-1, 1, (16, 16, 3)).astype(np.float32)
    for i, name in enumerate(["one", "two"])
}


@cache
def models():
    """A model that draws in latents of two channels, its autoencoder, a decoder of previews."""

    def network():
        rngs = nnx.Rngs(0)
        encoder = TextEncoder(len(WORDS), d=8, d_vector=8, depth=1, heads=2, rngs=rngs)
        size = {"d_cond": 8, "d_tokens": 8, "widths": (8, 8), "blocks": (1, 1), "patch": 1}
        return UNet(2, encoder, **size, rngs=rngs)

    ae = filled(lambda: Autoencoder(3, 2, widths=(8, 8), rngs=nnx.Rngs(1)))
    tiny = filled(lambda: TinyDecoder(2, 3, factor=4, rngs=nnx.Rngs(2)))
    return Denoiser(filled(network), cosine, VELOCITY), ae, tiny


def test_channels_share_one_scale():
    """A picture and a map for each channel; zero is white, and the largest value is the end."""
    z = np.arange(2 * 4 * 4 * 3, dtype=np.float32).reshape(2, 4, 4, 3) - 40
    figure = figures.channels(z, np.zeros((2, 16, 16, 3), np.float32))
    shown_maps = [axes.images[0] for axes in figure.axes if axes.images]
    maps = [image for image in shown_maps if image.get_array().ndim == 2]
    assert len(shown_maps) == 8 and len(maps) == 6
    assert all(image.get_clim() == (-55, 55) for image in maps)
    assert_allclose(maps[4].get_array(), z[1, ..., 1])


def test_curves_are_means_over_seeds():
    """A point for each value of ``at``: the mean of both numbers; a line for each name."""
    rows = [
        {"model": name, "kl": kl, "seed": seed, "nats": 10 / kl + seed, "psnr": kl + 2 * seed}
        for name in ("a", "b")
        for kl in (1.0, 10.0)
        for seed in (0, 1)
    ]
    fields = {"psnr": "PSNR", "nats": "nats"}
    figure = figures.curves(
        rows, fields, by="model", across="nats", label="nats", at="kl", log="x",
        lines={"psnr": {"real": 3.0}},
    )  # fmt: skip
    left, right = figure.axes
    x, y = np.array(left.lines[0].get_data(), float)
    assert_allclose(x, [10.5, 1.5])
    assert_allclose(y, [2.0, 11.0])
    assert left.get_xscale() == "log" and left.get_yscale() == "linear"
    assert left.get_title() == "PSNR" and right.get_title() == "nats"
    assert [text.get_text() for text in left.texts] == ["real"] and not right.texts
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b"]


def test_the_box_draws_what_is_typed_and_compiles_once():
    """A new prompt, scale or seed is the same program; an unknown word leaves the picture."""
    panel = widgets.latent_box(*models(), WORDS, "a dot", size=16, count=1)
    before, knobs, programs = shown(panel), parts(panel), samplers.ddim._cache_size()
    knobs["prompt"].value = "a red dot"
    assert shown(panel) != before and "a red dot" in shown(panel) and not complaint(panel)
    after = shown(panel)
    knobs["prompt"].value = "a cat"
    assert "cat" in complaint(panel) and shown(panel) == after
    knobs["prompt"].value, knobs["seed"].value, knobs["scale"].value = "a dot", 7, 2.0
    assert shown(panel) != before and samplers.ddim._cache_size() == programs


def test_the_editor_keeps_more_at_low_strength():
    """Strength and picture move the edits, and compile nothing."""
    denoise, ae, _ = models()
    panel = widgets.edit_box(denoise, ae, WORDS, PICTURES, "a dot", count=1)
    first, knobs, programs = shown(panel), parts(panel), samplers.ddim._cache_size()
    knobs["strength"].value = 0.2
    second = shown(panel)
    knobs["picture"].value = "two"
    assert len({first, second, shown(panel)}) == 3 and not complaint(panel)
    assert samplers.ddim._cache_size() == programs
    knobs["picture"].value, knobs["strength"].value = "one", 0.6
    assert shown(panel) == first


def box(**changed):
    denoise, ae, tiny = models()
    given = {"denoise": denoise, "ae": ae, "tiny": tiny, "words": WORDS, "prompt": "a dot"}
    return widgets.latent_box(**(given | {"size": 16} | changed))


def editor(**changed):
    denoise, ae, _ = models()
    given = {"denoise": denoise, "ae": ae, "words": WORDS, "prompt": "a dot"}
    return widgets.edit_box(**(given | {"pictures": PICTURES} | changed))


@pytest.mark.parametrize(
    ("call", "change", "message"),
    [
        (box, {"ae": None}, "ae must be an Autoencoder, got None"),
        (box, {"tiny": "small"}, "tiny must be a TinyDecoder, got 'small'"),
        (box, {"prompt": "a cat"}, "got 'cat' in 'a cat'"),
        (box, {"size": 3}, "size must be a whole number of at least 4, got 3"),
        (editor, {"denoise": None}, "denoise must be a Denoiser, got None"),
        (editor, {"pictures": {}}, "pictures must be images by their names, got {}"),
        (
            editor,
            {"pictures": {"a": np.full((16, 16, 3), 2.0, np.float32)}},
            "images must lie between -1 and 1, got 2 to 2",
        ),
        (
            editor,
            {"pictures": {"a": np.zeros((15, 16, 3), np.float32)}},
            r"images must have shape \[b, h, w, 3\] with h and w multiples of 4",
        ),
    ],
)
def test_what_the_panels_refuse(unchecked, call, change, message):
    """One sentence each."""
    with pytest.raises(ValueError, match=message) as error:
        call(**change)
    assert "\n" not in str(error.value)


def test_what_the_figures_refuse(unchecked):
    """One sentence each."""
    with pytest.raises(ValueError, match="^images must be one in colour for each latent, got "):
        figures.channels(np.zeros((2, 4, 4, 3), "f"), np.zeros((1, 16, 16, 3), "f"))
    rows = [{"model": i, "x": 1, "y": 1} for i in range(6)]
    with pytest.raises(ValueError, match="^by must have at most 5 values in rows, got 6$"):
        figures.curves(rows, {"y": "y"}, by="model", across="x", label="x")
