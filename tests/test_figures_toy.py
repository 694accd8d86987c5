"""The toy figures draw, and the toy controls change their picture."""

import base64
import io

import ipywidgets as ipw
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from workshop_lite.figures import toy
from workshop_lite.mixtures import Mixture
from workshop_lite.schedules import cosine, linear
from workshop_lite.widgets import flipbook
from workshop_lite.widgets import toy as controls

LINE = Mixture(jnp.array([[-1.0], [1.5]]), jnp.full(2, 0.3), jnp.array([[0.4, 0.6]]))
PLANE = Mixture(jnp.array([[-1.0, 0.0], [1.5, 1.0]]), jnp.full(2, 0.3), jnp.array([[0.4, 0.6]]))
POINTS = jax.random.normal(jax.random.key(0), (20, 2))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: toy.flow(LINE, cosine, lines=4),
        lambda: toy.denoiser(LINE, cosine, times=(0.1, 1.0)),
        lambda: toy.walks(LINE, cosine, {"a": POINTS[:, :, None], "b": POINTS[:5, :, None]}),
        lambda: toy.log_snr_curves({"cosine": cosine, "linear": linear}),
        lambda: toy.predictions(
            POINTS[:, :1], {"a": POINTS[:, :1]}, {"a": jnp.ones(3)}, jnp.ones(3)
        ),
        lambda: toy.convergence((8, 16), {"ddim": [0.1, 0.05]}),
        lambda: toy.clouds({"t = 0": POINTS, "t = 1": 2 * POINTS}, jnp.arange(20) % 2),
        lambda: toy.field(PLANE, cosine, 0.0, POINTS, jnp.zeros(20), guesses=True),
        lambda: toy.field(PLANE, cosine, 1.0, POINTS, jnp.zeros(20), guesses=True),
    ],
)
def test_figure_is_drawn_and_closed(draw):
    figure = draw()
    assert isinstance(figure, Figure)
    pixels = np.asarray(Image.open(io.BytesIO(controls.png(figure))).convert("L"))
    assert pixels.min() < 128 < pixels.max()
    assert not plt.get_fignums()  # an open one would show twice in a notebook


def shown(widget: ipw.HTML) -> bytes:
    assert 'alt="' in widget.value
    return base64.b64decode(widget.value.split("base64,")[1].split('"')[0])


def test_frames_are_small_and_differ():
    pictures = controls.frames(PLANE, cosine, jnp.stack([POINTS] * 3), jnp.zeros(20))
    assert len({*pictures}) == 3 and max(map(len, pictures)) < 30_000


@pytest.mark.skipif(not hasattr(ipw, "Stack"), reason="ipywidgets 7 has no Stack")
def test_scrubber_is_linked_without_a_kernel():
    pngs, stops = [b"one", b"two", b"three"], ["0", "0.5", "1"]
    box = flipbook.scrubber(pngs, "A dot.", stops, "size", start=1)
    (play, slider), stack = box.children[0].children, box.children[1]
    assert (play.max, slider.index, stack.selected_index) == (2, 1, 1)
    assert [shown(child) for child in stack.children] == pngs
    assert slider.readout and [label for label, _ in slider.options] == stops
    assert 'alt="A dot. size: 0.5."' in stack.children[1].value


def test_scrubber_without_stack_uses_the_kernel(monkeypatch):
    monkeypatch.delattr(ipw, "Stack", raising=False)  # as in ipywidgets 7
    box = flipbook.scrubber([b"one", b"two"], "alt", ["a", "b"], "letter")
    assert shown(box.children[1]) == b"one"
    box.children[0].children[1].index = 1
    assert shown(box.children[1]) == b"two" and "letter: b" in box.children[1].value


def test_explorer_draws_anew_for_every_knob():
    shapes = {"a": PLANE, "b": PLANE._replace(means=-PLANE.means)}
    panel = controls.explorer(shapes, {"c": cosine, "l": linear}, count=20)
    (*knobs, note), picture = panel.children[0].children, panel.children[1]
    seen = {picture.value}
    assert "kernel" in note.value
    for knob, value in zip(knobs, ("b", "l", 0.7, False, True), strict=True):
        knob.value = value
        seen.add(picture.value)
    assert len(seen) == 6 and not note.value
    Image.open(io.BytesIO(shown(picture))).verify()
