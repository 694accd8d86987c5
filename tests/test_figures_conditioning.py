"""Figures of conditions, and the controls beside them: every number in its place."""

import io
import re

import numpy as np
import pytest
from conftest import complaint, filled, parts, shown
from flax import nnx
from PIL import Image
from test_browser import browser  # noqa: F401

from workshop_lite.conditioning import Control, Controlled, TextEncoder, vocabulary
from workshop_lite.figures import conditioning as figures
from workshop_lite.networks import UNet
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.widgets import conditioning as widgets
from workshop_lite.widgets.guidance import png

WORDS = vocabulary(["a red dot"])
SIZE = {"d_cond": 8, "d_tokens": 8, "widths": (8, 8), "blocks": (1, 1)}


def network():
    rngs = nnx.Rngs(0)
    encoder = TextEncoder(len(WORDS), d=8, d_vector=8, depth=1, heads=2, rngs=rngs)
    return UNet(3, encoder, **SIZE, rngs=rngs)


def denoiser(net):
    return Denoiser(net, cosine, VELOCITY)


@pytest.fixture(scope="module")
def spoken():
    return denoiser(filled(network))


@pytest.fixture(scope="module")
def drawn():
    return denoiser(filled(lambda: Controlled(network(), Control(network(), 1, rngs=nnx.Rngs(1)))))


def row(**values):
    return {"top1": 0.1, "top5": 0.2, "score": 0.3, "frechet": 4.0, "style": 0.5} | values


def means(axes):
    """The heights of the points of each line with error bars."""
    return [np.asarray(bars.lines[0].get_ydata(), float) for bars in axes.containers]


def heights(axes):
    """The heights of the bars, from left to right."""
    return [bar.get_height() for bar in sorted(axes.patches, key=lambda bar: bar.get_x())]


# Figures ---------------------------------------------------------------------------------------


def test_edges_are_dark_on_white_and_colours_stay():
    """An edge of 1 is black, no edge is white; a layout keeps its colours."""
    edges = np.zeros((1, 2, 2, 1), np.float32)
    edges[0, 0, 1] = 1
    assert figures.hint_pictures(edges)[0, :, :, 2].tolist() == [[1, -1], [1, 1]]
    colours = np.full((1, 1, 1, 3), [0.0, 0.5, 1.0], np.float32)
    assert figures.hint_pictures(colours).ravel().tolist() == [-1, 0, 1]


def test_a_hint_of_two_channels_has_no_picture(unchecked):
    with pytest.raises(ValueError, match=r"^hint must have 1 or 3 channels, got 2$"):
        figures.hint_pictures(np.zeros((1, 2, 2, 2), np.float32))


def test_each_word_stands_over_its_map():
    """A picture and one panel for each of its words; a shorter row leaves panels empty."""
    images = np.zeros((2, 4, 4, 3), np.float32)
    maps = list(np.random.default_rng(0).random((2, 3, 2, 2)))
    figure = figures.word_maps(images, [["(start)", "a"], ["(start)", "a", "dot"]], maps)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["", "(start)", "a", "", "", "(start)", "a", "dot"]
    np.testing.assert_array_equal(figure.axes[7].images[1].get_array(), maps[1][2])


def test_as_many_maps_as_pictures(unchecked):
    with pytest.raises(ValueError, match=r"as many as the 2 images, got 1 and 2"):
        figures.word_maps(np.zeros((2, 4, 4, 3), np.float32), [["a"]], np.zeros((2, 1, 2, 2)))


def test_text_curves_tell_the_splits_apart():
    """Two splits by two ranks in the first panel, and a line of real pictures for each."""
    parts = {"seen": 0.5, "held out": 0.25}
    rows = [
        row(split=split, scale=scale, seed=seed, top1=top + scale / 10)
        for split, top in parts.items()
        for scale in (1, 2)
        for seed in (0, 1)
    ]
    real = [row(split=split, top1=2 * top) for split, top in parts.items()]
    first = figures.text_curves(rows, real).axes[0]
    lines = dict(zip([c.get_label() for c in first.containers], means(first), strict=True))
    assert set(lines) == {"seen, top1", "seen, top5", "held out, top1", "held out, top5"}
    np.testing.assert_allclose(lines["held out, top1"], [0.35, 0.45])
    flat = [line.get_ydata()[0] for line in first.lines if len(set(line.get_ydata())) == 1]
    assert {1.0, 0.5} <= set(flat)


def test_bars_stand_in_groups():
    """In each group a bar for each kind, as high as the mean over the seeds."""
    rows = [
        {"prompts": p, "encoder": e, "top1": 0.1 * i + 0.2 * j + 0.02 * seed}
        for i, p in enumerate(("seen", "new"))
        for j, e in enumerate(("words", "other"))
        for seed in (0, 1)
    ]
    (axes,) = figures.grouped_bars(rows, "prompts", "encoder", {"top1": "right"}).axes
    np.testing.assert_allclose(heights(axes), [0.01, 0.21, 0.11, 0.31])
    assert [t.get_text() for t in axes.get_xticklabels()] == ["seen", "new"]
    kept = [row for row in rows if (row["prompts"], row["encoder"]) != ("seen", "other")]
    (axes,) = figures.grouped_bars(kept, "prompts", "encoder", {"top1": "right"}).axes
    np.testing.assert_allclose(heights(axes), [0.01, 0.11, 0.31])
    assert [bar.get_x() > 0.5 for bar in axes.patches].count(True) == 2


def test_strength_curves_have_their_yardsticks():
    """One panel a field, with the named lines in it."""
    rows = [row(strength=s, seed=0, f1=0.5 + s / 10) for s in (0.0, 1.0)]
    panels = figures.strength_curves(rows, {"f1": {"chance": 0.4}, "frechet": {}}).axes
    np.testing.assert_allclose(means(panels[0])[0], [0.5, 0.6])
    assert [t.get_text() for t in panels[0].texts] == ["chance"] and not panels[1].texts


def test_convergence_shows_every_seed_and_the_mean():
    """For each start a line a seed and their mean; a loss that nobody measured is left out."""
    rows = [
        {"init": init, "seed": seed, "step": step, "f1": step + seed, "loss": step or None}
        for init in ("zero", "random")
        for seed in (0, 1)
        for step in (0, 10)
    ]
    left, right = figures.convergence_curves(rows, 0.5).axes
    thick = {line.get_label(): line for line in left.lines if line.get_linewidth() > 2}
    assert set(thick) == {"zero", "random"}
    np.testing.assert_allclose(thick["zero"].get_ydata(), [0.5, 10.5])
    assert len(left.lines) == 7 and all(len(line.get_xdata()) == 1 for line in right.lines)


# Controls --------------------------------------------------------------------------------------


def test_png_keeps_colours():
    """A red picture stays red, enlarged."""
    red = np.full((1, 1, 1, 3), [1.0, -1.0, -1.0], np.float32)
    picture = np.asarray(Image.open(io.BytesIO(png(red, 1, zoom=2))))
    assert picture.shape == (2, 2, 3) and (picture == [255, 0, 0]).all()


def test_the_prompt_box_draws_what_is_typed_and_names_what_it_does_not_know(spoken):
    """Another prompt gives another picture; an unknown word gives a sentence and no picture."""
    panel = widgets.prompt_box(spoken, WORDS, "a dot", shape=(8, 8, 3), count=1)
    before = shown(panel)
    parts(panel)["prompt"].value = "a red dot"
    after = shown(panel)
    assert after != before and "a red dot" in after and not complaint(panel)
    parts(panel)["prompt"].value = "a <b> dot"
    assert "&lt;b&gt;" in complaint(panel) and shown(panel) == after
    parts(panel)["prompt"].value = "a dot"
    assert shown(panel) == before and not complaint(panel)


def test_the_hint_editor_follows_the_drawing(drawn):
    """A stroke changes the picture, a preset brings it back, and strength 0 hears no hint."""
    presets = {"line": np.eye(8, dtype=np.float32)[..., None], "none": np.zeros((8, 8, 1), "f")}
    panel = widgets.hint_editor(drawn, WORDS, presets, "a dot", count=1)
    knobs = parts(panel)
    pixels = next(p for p in knobs.values() if type(p).__name__ == "Textarea")
    canvas = next(p for p in knobs.values() if "<svg" in getattr(p, "value", ""))
    assert pixels.value == "".join("1" if x == y else "0" for y in range(8) for x in range(8))
    assert re.findall('fill="#0?00"', canvas.value) == ['fill="#000"'] * 8
    assert f".{pixels._dom_classes[0]} textarea" in canvas.value
    before = shown(panel)
    pixels.value = "1" * 64
    stroke = shown(panel)
    assert stroke != before
    knobs["strength"].value = 0.0
    silent = shown(panel)
    knobs["begin with"].value = "none"
    assert "#000" not in re.findall('fill="(#...)"/', canvas.value) and shown(panel) == silent
    knobs["strength"].value, knobs["begin with"].value = 1.0, "line"
    assert shown(panel) == before


def test_a_fast_stroke_has_no_gaps_and_rubs_out_a_broad_line(browser):  # noqa: F811
    """Of a hint of 64 x 64 squares, drawn on by a mouse that is heard at few places only."""
    tab = browser.new_page()
    tab.set_content(
        f"{widgets._drawing(np.zeros((64, 64), bool), 'hint')}<div class=hint><textarea>"
    )
    box = tab.locator("svg").bounding_box()
    side = (box["width"] - 2) / 64

    def stroke(*places):
        for i, (x, y) in enumerate(places):
            tab.mouse.move(box["x"] + 1 + (x + 0.5) * side, box["y"] + 1 + (y + 0.5) * side)
            if i == 0:
                tab.mouse.down()
        tab.mouse.up()
        squares = tab.locator("textarea").input_value()
        return np.array(list(squares), int).reshape(64, 64)

    drawn = stroke((3, 3), (43, 23), (43, 60))
    assert drawn[23:61, 43].all() and drawn[3:24].sum(axis=1).min() >= 1
    assert set(drawn[:, 3:43].sum(axis=0)) == {1} and drawn[61:].sum() == 0
    left = stroke((43, 40), (43, 50))
    assert left[39:52].sum() == 0 and left[:39].sum() == drawn[:39].sum()
    tab.close()


@pytest.mark.parametrize(
    "change, message",
    [
        ({"denoise": None}, "denoise must be a Denoiser, got None"),
        ({"words": "a dot"}, "words must be a Vocabulary, got 'a dot'"),
        ({"prompt": "a cat"}, "got 'cat' in 'a cat'"),
        ({"count": 0}, "count must be a whole number of at least 1, got 0"),
        ({"presets": {}}, "presets must be hints by their names, got {}"),
        ({"presets": {"a": np.zeros((4, 4, 3), "f")}}, r"of one shape \[h, w, 1\]"),
    ],
)
def test_what_the_editor_refuses(drawn, unchecked, change, message):
    right = {"denoise": drawn, "words": WORDS, "prompt": "a dot"}
    right["presets"] = {"a": np.zeros((8, 8, 1), np.float32)}
    with pytest.raises(ValueError, match=message):
        widgets.hint_editor(**(right | change))


def test_each_control_wants_its_network(spoken, drawn, unchecked):
    with pytest.raises(ValueError, match="network that is told words"):
        widgets.prompt_box(drawn, WORDS, "a dot", shape=(8, 8, 3))
    with pytest.raises(ValueError, match="must have a Controlled network"):
        widgets.hint_editor(spoken, WORDS, {"a": np.zeros((8, 8, 1), "f")}, "a dot")
