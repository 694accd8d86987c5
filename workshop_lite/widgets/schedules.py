"""Bend a schedule, and see and hear what becomes of pictures under it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import ipywidgets as ipw
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import ArrayLike, Float

from workshop_lite import checks, datasets, samplers, schedules
from workshop_lite.conditioning import null_labels
from workshop_lite.datasets.audio import RATE
from workshop_lite.figures.schedules import card
from workshop_lite.guidance import Guided
from workshop_lite.predictions import Denoiser
from workshop_lite.schedules import Schedule, angle, log_snr, over
from workshop_lite.schedules.levels import from_log_snr
from workshop_lite.widgets.flipbook import NEEDS_KERNEL, WRAP, picture, show
from workshop_lite.widgets.sound import audio, players
from workshop_lite.widgets.toy import png

HANDLES = (0.0, 0.25, 0.5, 0.75, 1.0)
REACH = 12.0  # handles stay between these log-SNRs: beyond, float32 sees data or noise
STOPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
TIMES = (0.2, 0.4, 0.6, 0.8)  # those of the designer's noised pictures
# Colours of the page, light or dark, and lines that wrap: a line of code is wider than a phone.
PLAIN = "color: inherit; background: none; white-space: normal; overflow-wrap: anywhere"
Pictures = Mapping[str, Float[ArrayLike, "_ _ _"]]


def explorer(named: Mapping[str, Schedule], pictures: Pictures) -> ipw.Widget:
    """Named schedules at a few times: curve, noised pictures, sound; needs no kernel.

    A picture of 32 x 32 x 1 pixels called "note" is also heard. The browser does the linking, as
    in ``scrubber``; ipywidgets 7 has no ``Stack``, and there the kernel switches.
    """
    _check(named, pictures)
    pages = [[_page(s, name, t, pictures) for t in STOPS] for name, s in named.items()]
    choice = ipw.Dropdown(options=list(named), index=0, description="schedule")
    times = [(f"t = {t:g}", i) for i, t in enumerate(STOPS)]
    slider = ipw.SelectionSlider(options=times, index=len(times) // 3, description="time")
    if hasattr(ipw, "Stack"):
        stacks = [ipw.Stack(row, selected_index=slider.index) for row in pages]
        shown = ipw.Stack(stacks, selected_index=0)
        ipw.jslink((choice, "index"), (shown, "selected_index"))
        for stack in stacks:
            ipw.jslink((slider, "index"), (stack, "selected_index"))
    else:
        shown = ipw.VBox([pages[0][slider.index]])

        def turn(_):
            shown.children = [pages[choice.index][slider.index]]

        for knob in (choice, slider):
            knob.observe(turn, "index")
    return ipw.VBox([ipw.HBox([choice, slider], layout=WRAP), shown])


def designer(
    denoise: Denoiser, names: Sequence[str], named: Mapping[str, Schedule], pictures: Pictures
) -> ipw.Widget:
    """A live panel: five handles on log-SNR, and what follows from the curve; needs a kernel.

    ``denoise`` samples spectrograms of the classes ``names``, and the sample is heard; so is a
    picture called "note", noised. Handles, class and seed are traced; only another number of
    steps compiles.
    """
    _check(named, pictures)
    if not isinstance(denoise, Denoiser):
        raise ValueError(f"denoise must be a Denoiser, got {checks.shown(denoise)}")
    start = ipw.Dropdown(options=list(named), value=None, description="start from")
    sliders = [
        ipw.FloatSlider(0, min=-REACH, max=REACH, step=0.25, description=f"λ({t:g})")
        for t in HANDLES
    ]
    label = ipw.Dropdown(options=[(n, i) for i, n in enumerate(names)], description="sample")
    steps = ipw.SelectionSlider(options=[5, 10, 20, 50], value=10, description="steps")
    seed = ipw.BoundedIntText(0, min=0, max=9999, description="seed")
    save = ipw.Button(description="save as my_schedule.py", layout=ipw.Layout(width="auto"))
    shown, said, note = ipw.HTML(), ipw.HTML(), ipw.HTML()
    knobs = [*sliders, label, steps, seed]
    for knob in knobs:
        if hasattr(knob, "continuous_update"):
            knob.continuous_update = False
    busy = False

    def points():
        return [float(slider.value) for slider in sliders]

    def draw(_=None):
        if busy:
            return
        try:
            schedule = schedules.from_points(HANDLES, points())
        except ValueError as error:
            said.value = f'<b style="{PLAIN}">{error}</b>'
            return
        key = jax.random.key(seed.value)
        noise = jax.random.normal(key, (1, *datasets.load("notes", "test").images.shape[1:]))
        curve = Partial(_on_curve, denoise, jnp.float32(points()))
        guided, asked = Guided(curve, null_labels, 2.0), jnp.full(1, label.value)
        new, _ = samplers.dpmpp_2m(guided, schedule, noise, asked, steps=steps.value)
        four = {n: _noised(x, schedule, TIMES) for n, x in pictures.items()}
        figure = card(
            schedule,
            dict(zip(HANDLES, points(), strict=True)),
            {**four, "sampled": np.asarray(new)},
        )
        alt = "The schedule in three drawings; pictures noised under it; and a sample."
        show(shown, png(figure, 128), alt)
        sounds = {"the sample": new[0]}
        if "note" in four:
            sounds[f"the note at t = {TIMES[1]:g}"] = four["note"][1]
        shown.value += players({name: _heard(mel) for name, mel in sounds.items()}).data
        said.value = f'<code style="{PLAIN}">{code(points())}</code>'
        note.value = ""

    def begin(_=None):
        nonlocal busy
        busy = True  # five handles move, and one picture is drawn
        for slider, value in zip(sliders, handles(named[start.value]), strict=True):
            slider.value = value
        busy = False
        draw()

    def keep(_):
        Path("my_schedule.py").write_text(
            f"from workshop_lite import schedules\n\n{code(points())}\n"
        )
        said.value = f'<code style="{PLAIN}">{code(points())}</code> saved in my_schedule.py'

    for knob in knobs:
        knob.observe(draw, "value")
    start.observe(begin, "value")
    save.on_click(keep)
    start.index = min(1, len(named) - 1)
    note.value = NEEDS_KERNEL  # what a page without a kernel keeps: the first change clears it
    said.layout.width = "20rem"
    return ipw.HBox([ipw.VBox([note, start, *knobs, save, said]), shown], layout=WRAP)


def handles(schedule: Schedule) -> list[float]:
    """Where the five handles stand to follow a schedule, as far as they reach."""
    curve = np.clip(log_snr(schedule, np.array(HANDLES)), -REACH, REACH)
    return [round(float(x) * 4) / 4 for x in curve]


def code(points: Sequence[float]) -> str:
    """The line of Python that makes the schedule through these handles."""
    return f"schedule = schedules.from_points({list(HANDLES)}, {list(points)})"


def _on_curve(denoise, points, xt, t, cond):
    """The denoiser at the levels of the curve through these points, which are traced."""
    level = from_log_snr(jnp.interp(t, jnp.array(HANDLES), points))
    output = denoise.network(xt, angle(level), cond)
    return denoise.prediction.to_x0(output, xt, over(level, xt))


def _noised(x0, schedule: Schedule, times) -> Float[np.ndarray, "n h w c"]:
    """The picture at these times, always with the same noise."""
    eps = np.random.default_rng(0).standard_normal(np.shape(x0), np.float32)
    alpha, sigma = (np.asarray(a)[:, None, None, None] for a in schedule(np.float32(times)))
    return alpha * np.asarray(x0) + sigma * eps


def _heard(mel) -> Float[np.ndarray, " n"]:
    """The sound of one spectrogram."""
    return datasets.to_audio(datasets.pixels(mel)[None])[0]


def _page(schedule: Schedule, name: str, t: float, pictures: Pictures) -> ipw.HTML:
    """The state of affairs at one time under one schedule."""
    lam = float(np.clip(log_snr(schedule, t), -REACH, REACH))
    noised = {what: _noised(x0, schedule, (t,)) for what, x0 in pictures.items()}
    alt = f"{name} at t = {t:g}: its curves, and {', '.join(pictures)} with noise."
    page = picture(png(card(schedule, {t: lam}, noised, name)), alt)
    if "note" in noised:
        sound = _heard(noised["note"][0])[: RATE // 2].reshape(-1, 2).mean(axis=1)  # a small page
        page.value += audio(sound, f"the note under {name} at t = {t:g}", RATE // 2)
    return page


def _check(named, pictures) -> None:
    for argument, value in (("named", named), ("pictures", pictures)):
        if not isinstance(value, Mapping) or not value:
            raise ValueError(f"{argument} must map names to values, got {checks.shown(value)}")
    for schedule in named.values():
        checks.function("each of named", schedule, "from t to Level")
    for image in pictures.values():
        checks.images("pictures", np.asarray(image)[None])
