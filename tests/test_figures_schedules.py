"""Figures of schedules show what was measured; their controls move without a kernel."""

import base64
import io
import re
import wave

import ipywidgets as ipw
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest
from flax import nnx
from PIL import Image

from workshop_lite import schedules
from workshop_lite.figures import schedules as figures
from workshop_lite.figures.style import SCHEDULES
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine, linear, log_snr, quadratic
from workshop_lite.widgets import schedules as controls
from workshop_lite.widgets.sound import audio, players, wav

NAMED = {"linear": linear, "cosine": cosine}
GREY = np.linspace(-1, 1, 32 * 32, dtype=np.float32).reshape(32, 32, 1)


def runs(**columns):
    """Rows that count up in ``frechet``, two seeds each."""
    value = columns.pop("value")
    return [{**columns, "seed": seed, "frechet": value + seed} for seed in (0, 1)]


def test_linked_drawings_agree_on_one_moment():
    """The dots stand where alpha equals sigma: at log-SNR 0 and at an alpha-bar of one half."""
    _, alpha_bar, level, curve = figures.linked(NAMED).axes
    dots = [[d for d in axes.lines if d.get_marker() == "o"] for axes in (alpha_bar, level, curve)]
    for height, row in zip((0.5, 0.5**0.5, 0.0), dots, strict=True):
        np.testing.assert_allclose([d.get_ydata()[0] for d in row], height, atol=0.01)
    at = [d.get_xdata()[0] for d in dots[2]]
    np.testing.assert_allclose(log_snr(linear, at[0]), 0, atol=0.02)
    assert at[1] == pytest.approx(0.5, abs=1e-3)


def test_rate_of_noise_is_beta():
    """The first panel draws 0.1 + 19.9 t for DDPM's betas."""
    line = figures.linked(NAMED).axes[0].lines[0]
    t, beta = line.get_data()
    np.testing.assert_allclose(beta, 0.1 + 19.9 * t, rtol=0.01)


def test_panels_draw_every_line_with_its_rules():
    """Two panels, three lines, one rule in each."""
    x = np.arange(3.0)
    figure = figures.panels(
        {"a": {"p": (x, x), "q": (x, x**2)}, "b": {"r": (x, 1 + x)}}, "x", "y", rules={"here": 2.0}
    )
    left, right = figure.axes
    assert [t.get_text() for t in left.get_legend().get_texts()] == ["p", "q"]
    np.testing.assert_array_equal(right.lines[0].get_ydata(), 1 + x)
    assert left.get_yscale() == "log" and left.texts[0].get_text() == "here"


def colours(axes) -> dict:
    """The colour of each named line."""
    lines = {line.get_label(): line.get_color() for line in axes.lines}
    return {name: colour for name, colour in lines.items() if not name.startswith("_")}


def test_a_schedule_has_one_colour_in_all_figures():
    """Whatever stands beside it and before it, and in the explorer's card too."""
    x = np.arange(3.0)
    alone = colours(figures.panels({"": {"cosine": (x, x)}}, "x").axes[0])["cosine"]
    both = colours(figures.linked(NAMED).axes[0])
    (grid,) = figures.grid_scores(runs(data="a", schedule="cosine", value=1), "frechet", "").axes
    card = figures.card(cosine, {0.5: 0.0}, {"one": GREY[None]}, "cosine").axes[0]
    drawn = [both["cosine"], grid.lines[0].get_color(), card.lines[0].get_color()]
    assert drawn == [alone] * 3 == [SCHEDULES["cosine"][0]] * 3
    assert both["linear"] == SCHEDULES["linear"][0] != alone
    assert len({look[0] for look in SCHEDULES.values()}) == len(SCHEDULES)


def test_grid_shows_each_run_and_its_mean():
    """Three runs are three points; the real images are a line, not a column."""
    rows = runs(data="a", schedule="linear", value=10) + runs(data="a", schedule="real", value=2)
    (axes,) = figures.grid_scores(rows, "frechet", "distance").axes
    assert [t.get_text() for t in axes.get_xticklabels()] == ["linear"]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [10, 11])
    assert axes.lines[1].get_ydata()[0] == 2.5
    assert axes.collections[0].get_segments()[0][0][1] == 10.5


def test_grid_writes_each_schedule_under_its_own_runs():
    """Columns stand as the rows come, not by the alphabet."""
    rows = runs(data="a", schedule="sigmoid", value=20) + runs(
        data="a", schedule="cosine", value=10
    )
    (axes,) = figures.grid_scores(rows, "frechet", "distance").axes
    assert [t.get_text() for t in axes.get_xticklabels()] == ["sigmoid", "cosine"]
    assert [line.get_ydata()[0] for line in axes.lines] == [20, 10]
    assert [line.get_color() for line in axes.lines] == [
        SCHEDULES[name][0] for name in ("sigmoid", "cosine")
    ]


def test_samplers_stand_against_evaluations_and_seconds():
    """Means over the seeds, a line for each sampler, and one for the real images."""
    rows = [
        {**row, "seconds": n / 10}
        for k, name in enumerate(("ddim", "heun"))
        for n in (5, 10)
        for row in runs(data="a", sampler=name, evaluations=n, value=100 / n + k)
    ]
    rows += [{**r, "seconds": 0.0} for r in runs(data="a", sampler="real", evaluations=0, value=3)]
    left, right = figures.sampler_curves(rows).axes
    assert [c.get_label() for c in left.containers] == ["ddim", "heun"]
    for axes, i, x, y in ((left, 0, [5, 10], [20.5, 10.5]), (right, 1, [0.5, 1], [21.5, 11.5])):
        line = axes.containers[i][0]
        np.testing.assert_allclose(line.get_xdata(orig=False), x)
        np.testing.assert_allclose(line.get_ydata(orig=False), y)
    assert left.lines[-1].get_ydata()[0] == 3.5


def test_pairs_put_two_pictures_under_a_name():
    """Left and right of a gap of two pixels; dark where the picture is high."""
    axes = figures.pairs(GREY[None], -GREY[None], ["a note"]).axes[0]
    sheet = axes.images[0].get_array()
    assert axes.get_title() == "a\nnote" and sheet.shape == (32, 66)
    assert sheet[0, 0] == 255 and sheet[0, 34] == 0


def test_card_names_its_pictures():
    """Three drawings, then a picture for each name, all dots on the log-SNR."""
    figure = figures.card(cosine, {0.5: 0.0, 0.7: -2.0}, {"one": GREY[None], "two": -GREY[None]})
    assert [axes.get_title() for axes in figure.axes][3:] == ["one", "two"]
    np.testing.assert_array_equal(figure.axes[2].lines[-1].get_ydata(), [0, -2])
    assert not plt.get_fignums()


# Sound -----------------------------------------------------------------------------------------


def test_wav_holds_the_sound():
    """Eight bits a sample, as loud as can be, and the shape of the wave kept."""
    sound = 0.01 * np.sin(np.arange(800) / 5)
    with wave.open(io.BytesIO(wav(sound, 8000))) as file:
        assert (file.getframerate(), file.getnframes(), file.getsampwidth()) == (8000, 800, 1)
        heard = np.frombuffer(file.readframes(800), np.uint8) / 127 - 1
    np.testing.assert_allclose(heard, sound / np.abs(sound).max(), atol=0.01)


def test_players_name_their_sounds():
    """One player a sound, with its name for eyes and for screen readers."""
    page = players({"a <b>": np.ones(4), "c": np.ones(4)}).data
    assert page.count("<audio controls") == 2 and page.count("a &lt;b&gt;") == 2
    assert 'aria-label="c"' in audio(np.ones(4), "c")


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("bad", [np.ones((2, 3)), np.zeros(0), np.array([np.nan]), "la"])
def test_what_is_no_sound_is_refused(bad):
    with pytest.raises(ValueError, match="sound must be"):
        wav(bad)


# Controls --------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def few_stops(monkeypatch):
    monkeypatch.setattr(controls, "STOPS", (0.2, 0.5))


def shown(page: ipw.HTML) -> np.ndarray:
    source = re.search(r'<img src="data:image/png;base64,([^"]+)" alt="[^"]+', page.value)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(source[1]))).convert("L"))


@pytest.mark.skipif(not hasattr(ipw, "Stack"), reason="ipywidgets 7 has no Stack")
def test_explorer_is_linked_without_a_kernel():
    """A stack of times for each schedule; every page shows, and sounds, something else."""
    panel = controls.explorer(NAMED, {"note": GREY})
    choice, slider = panel.children[0].children
    stacks = panel.children[1].children
    assert choice.options == ("linear", "cosine")
    assert [name for name, _ in slider.options] == ["t = 0.2", "t = 0.5"]  # the slider says it
    pages = [page for stack in stacks for page in stack.children]
    assert len({page.value for page in pages}) == 4
    assert all("<audio controls" in page.value for page in pages)
    assert (shown(pages[0]) != shown(pages[3])).any()


def test_explorer_without_stack_uses_the_kernel(monkeypatch):
    monkeypatch.delattr(ipw, "Stack", raising=False)  # as in ipywidgets 7
    panel = controls.explorer(NAMED, {"emoji": np.zeros((8, 8, 3), np.float32)})
    before = panel.children[1].children[0].value
    panel.children[0].children[0].index = 1
    other = panel.children[1].children[0].value
    panel.children[0].children[1].index = 1
    assert len({before, other, panel.children[1].children[0].value}) == 3


class Flat(nnx.Module):
    """A network that always predicts no velocity."""

    def __call__(self, xt, t, cond):
        return jnp.zeros_like(xt)


@pytest.fixture
def panel():
    denoise = Denoiser(Flat(), cosine, VELOCITY)
    return controls.designer(denoise, ("a", "b"), NAMED, {"note": GREY})


def knobs(panel) -> dict:
    return {w.description: w for w in panel.children[0].children if w.description}


def test_designer_draws_sounds_and_says_the_code(panel):
    """Another handle, another picture; and the line of code makes the curve that is shown."""
    picture, said = panel.children[1], panel.children[0].children[-1]
    before = picture.value
    knobs(panel)["λ(0.5)"].value = 1.0
    assert picture.value != before
    assert re.findall('aria-label="([^"]+)', picture.value) == ["the sample", "the note at t = 0.4"]
    line = re.search("<code[^>]*>(.*)</code>", said.value)[1]
    names = {"schedules": schedules}
    exec(line, names)
    assert float(log_snr(names["schedule"], 0.5)) == pytest.approx(1.0, abs=1e-4)


def test_designer_says_that_it_needs_a_kernel_until_one_answers(panel):
    """A built page keeps the note; where a kernel runs, the first change clears it."""
    note = panel.children[0].children[0]
    assert "kernel" in note.value
    knobs(panel)["λ(0.5)"].value = 1.0
    assert not note.value


def test_what_the_designer_says_has_the_colours_of_the_page(panel):
    """Code with colours of its own is invisible in a dark page."""
    assert "color: inherit" in panel.children[0].children[-1].value


def test_designer_says_where_a_curve_is_bad(panel):
    """The picture stays, and one sentence names the place."""
    picture, said = panel.children[1], panel.children[0].children[-1]
    before = picture.value
    knobs(panel)["λ(0.5)"].value = -11.0
    assert picture.value == before and "t = 0.5" in said.value


def test_designer_saves_its_code(panel, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    knobs(panel)["save as my_schedule.py"].click()
    names = {}
    exec((tmp_path / "my_schedule.py").read_text(), names)
    schedules.check(names["schedule"])


def test_handles_follow_a_schedule():
    """To a quarter, and no further than the handles reach."""
    points = controls.handles(quadratic)
    assert points[0] == controls.REACH
    np.testing.assert_allclose(
        points[1:], log_snr(quadratic, np.array([0.25, 0.5, 0.75, 1.0])), atol=0.13
    )


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    "named, pictures",
    [({}, {"note": GREY}), ({"a": 3}, {"note": GREY}), (NAMED, {}), (NAMED, {"note": GREY[0]})],
)
def test_what_cannot_be_explored_is_refused(named, pictures):
    with pytest.raises(ValueError, match="named|pictures"):
        controls.explorer(named, pictures)
