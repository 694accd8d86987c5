"""Figures and panels of latents: every number in its place, and a panel that compiles once."""

import base64
import io
import re
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import complaint, filled, parts, shown
from flax import nnx
from numpy.testing import assert_allclose
from PIL import Image

from workshop_lite import samplers
from workshop_lite.conditioning import TextEncoder, null_prompts, vocabulary
from workshop_lite.datasets import pixels
from workshop_lite.figures import latent as figures
from workshop_lite.guidance import Guided
from workshop_lite.networks import Autoencoder, TinyDecoder, UNet
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.widgets import latent as widgets

WORDS = vocabulary(["a red dot"])
PICTURES = {
    name: np.random.default_rng(i).uniform(-1, 1, (16, 16, 3)).astype(np.float32)
    for i, name in enumerate(["one", "two"])
}

MUTE = Denoiser(lambda xt, t, cond: xt, cosine, VELOCITY)
WIDE = Autoencoder(3, 4, widths=(8, 8), rngs=nnx.Rngs(0))
WIDE_TINY = TinyDecoder(4, 3, factor=4, rngs=nnx.Rngs(0))
WRONG_CHANNELS = r"must have shape \[b, h, w, 2\] .* got \(3, 4, 4, 4\)$"


@cache
def models():
    """A model that draws in latents of two channels, its autoencoder, a decoder of previews."""

    def network():
        rngs = nnx.Rngs(0)
        encoder = TextEncoder(len(WORDS), d=8, d_vector=8, depth=1, heads=2, rngs=rngs)
        size = {"d_cond": 8, "d_tokens": 8, "widths": (8, 8), "blocks": (1, 1), "patch": 1}
        return UNet(2, encoder, **size, rngs=rngs)

    ae = filled(lambda: Autoencoder(3, 2, widths=(8, 8), rngs=nnx.Rngs(1)))
    ae.scale[...] = jnp.float32(2)
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


def test_many_channels_stand_in_rows_beside_their_picture():
    """Sixteen channels are two rows of eight, and the picture is as tall as both."""
    z = np.random.default_rng(0).normal(size=(2, 8, 8, 16)).astype(np.float32)
    figure = figures.channels(z, np.zeros((2, 64, 64, 3), np.float32))
    figure.draw_without_rendering()
    panels = [axes for axes in figure.axes if axes.images]
    first, second = panels[:17], panels[17:]
    for i, row in enumerate((first, second)):
        maps = [axes.images[0].get_array() for axes in row[1:]]
        assert_allclose(np.stack(maps, axis=2), z[i])
    tall, low = (axes.get_window_extent().height for axes in first[:2])
    assert tall > 2 * low
    places = [axes.get_window_extent() for axes in first[1:]]
    assert_allclose([places[7].y0, places[8].x0], [places[0].y0, places[0].x0])
    assert places[8].y1 < places[0].y0
    titles = [axes.get_title() for axes in panels if axes.get_title()]
    assert titles == ["picture", *(f"{i}, {i + 8}" for i in range(8))]


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


def test_points_are_named_in_the_first_panel():
    """By the value of ``at`` that they share, in the colour of their line."""
    rows = [{"way": w, "kl": kl, "nats": 1 / kl, "y": kl} for w in "ab" for kl in (1e-3, 0.1)]
    fields = {"y": "first", "nats": "second"}
    how = {"by": "way", "across": "nats", "label": "nats", "at": "kl"}
    first, second = figures.curves(rows, fields, **how, named=True).axes
    assert [text.get_text() for text in first.texts] == ["0.001", "0.1"] * 2 and not second.texts
    assert [text.xy for text in first.texts[:2]] == [(1e3, 1e-3), (10, 0.1)]
    colours = [text.get_color() for text in first.texts]
    assert colours[0] == colours[1] == first.lines[0].get_color() != colours[2] == colours[3]
    assert not figures.curves(rows, fields, **how).axes[0].texts


def test_ticks_are_what_was_measured_or_few():
    """A few sizes are the ticks themselves; an axis of many decades keeps the powers of ten."""
    rows = [{"model": "a", "size": n, "cost": n**2 / 1e3} for n in (64, 128, 256, 512)]
    how = {"by": "model", "label": "size", "log": "xy"}
    (axes,) = figures.curves(rows, {"cost": "cost"}, across="size", **how).axes
    assert axes.get_xticks().tolist() == [64, 128, 256, 512]
    assert axes.get_yticks().tolist() == [5, 10, 20, 50, 100, 200]
    rows.append({"model": "a", "size": 8192, "cost": 8192**2 / 1e3})
    (axes,) = figures.curves(rows, {"cost": "cost"}, across="size", **how).axes
    assert axes.get_xticks().tolist() == [64, 128, 256, 512, 8192]
    assert axes.get_yticks().tolist() == [10, 100, 1000, 10_000]
    rows = [row | {"minutes": row["size"] / 10} for row in rows]
    (axes,) = figures.curves(rows, {"cost": "cost"}, across="minutes", at="size", **how).axes
    assert axes.get_xticks().tolist() == [10, 100, 1000]


def programs():
    """How many have been compiled, of all that the panels run."""
    runs = samplers.ddim, widgets._encoded, widgets._decoded, widgets._previewed
    return [run._cache_size() for run in runs]


def drawn(panel):
    """The picture of a panel."""
    png = base64.b64decode(re.search('base64,([^"]+)', shown(panel)).group(1))
    return np.asarray(Image.open(io.BytesIO(png)))


def test_the_box_shows_previews_and_then_the_picture():
    """A row for each picture: the small decoder's, ever later on the path; then the large one's."""
    denoise, ae, tiny = models()
    panel = widgets.latent_box(denoise, ae, tiny, WORDS, "a dot", size=16, count=2)
    value = {name: parts(panel)[name].value for name in ("scale", "steps", "seed")}
    noise = jax.random.normal(jax.random.key(value["seed"]), (2, 4, 4, 2))
    guided = Guided(denoise, null_prompts, value["scale"])
    tokens = jnp.asarray(WORDS(["a dot"] * 2))
    z, path = samplers.ddim(guided, cosine, noise, tokens, steps=value["steps"])
    columns = [tiny.decode(path[i] / ae.scale[...]) for i in (0, 2, 4, 6)]
    columns.append(ae.decode(z / ae.scale[...]))
    sheet = pixels(np.concatenate(np.concatenate(columns, axis=2)))
    assert value["steps"] == 10 and drawn(panel).shape == (64, 160, 3)
    assert np.abs(drawn(panel)[::2, ::2] - sheet.astype(int)).max() <= 1


def test_the_box_draws_what_is_typed_and_compiles_once():
    """A new prompt, scale or seed is the same program; an unknown word leaves the picture."""
    panel = widgets.latent_box(*models(), WORDS, "a dot", size=16, count=1)
    before, knobs, compiled = shown(panel), parts(panel), programs()
    knobs["prompt"].value = "a red dot"
    assert shown(panel) != before and "a red dot" in shown(panel) and not complaint(panel)
    after = shown(panel)
    knobs["prompt"].value = "a cat"
    assert "cat" in complaint(panel) and shown(panel) == after
    knobs["prompt"].value, knobs["seed"].value, knobs["scale"].value = "a dot", 7, 4.0
    assert shown(panel) != before and programs() == compiled


def test_the_editor_keeps_more_at_low_strength():
    """With little noise the edit is nearly what the autoencoder makes of the picture."""
    denoise, ae, _ = models()
    panel = widgets.edit_box(denoise, ae, WORDS, PICTURES, "a dot", count=1)
    kept = pixels(ae.decode(ae.encode(PICTURES["one"][None]).mean))[0].astype(int)
    gaps = []
    for strength in (0.05, 0.3, 1.0):
        parts(panel)["strength"].value = strength
        image, edit = np.split(drawn(panel)[::3, ::3], 2, axis=1)
        assert (image == pixels(PICTURES["one"])).all()
        gaps.append(np.abs(edit - kept).mean())
    assert 2 * gaps[0] < gaps[1] < gaps[2]


def test_the_editor_compiles_once():
    """Strength, picture, prompt, scale and seed change the edits, and compile nothing."""
    denoise, ae, _ = models()
    panel = widgets.edit_box(denoise, ae, WORDS, PICTURES, "a dot", count=1)
    seen, knobs, compiled = [shown(panel)], parts(panel), programs()
    changes = {"strength": 0.2, "picture": "two", "prompt": "a red dot", "scale": 4.0, "seed": 7}
    for name, value in changes.items():
        knobs[name].value = value
        seen.append(shown(panel))
    assert len(set(seen)) == 6 and programs() == compiled and not complaint(panel)
    knobs["prompt"].value = "a cat"
    assert "cat" in complaint(panel) and shown(panel) == seen[-1]


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
        (box, {"size": 0}, "^size must be a whole number of at least 1, got 0$"),
        (box, {"size": 18}, "^size must be a multiple of 4, got 18$"),
        (box, {"denoise": MUTE}, "^denoise must have a network that is told words, got "),
        (
            box,
            {"tiny": TinyDecoder(2, 3, factor=8, rngs=nnx.Rngs(0))},
            "^tiny must decode 2 channels by a factor of 4, as ae does, got 2 and 8$",
        ),
        (box, {"ae": WIDE, "tiny": WIDE_TINY}, WRONG_CHANNELS),
        (editor, {"ae": WIDE}, WRONG_CHANNELS),
        (editor, {"denoise": MUTE}, "^denoise must have a network that is told words, got "),
        (editor, {"ae": "vae"}, "^ae must be an Autoencoder, got 'vae'$"),
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
