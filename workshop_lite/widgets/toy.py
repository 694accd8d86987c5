"""Move through time and watch a mixture become noise, or noise a mixture."""

import io
from collections.abc import Mapping

import ipywidgets as ipw
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from matplotlib.figure import Figure
from PIL import Image

from workshop_lite.figures import toy
from workshop_lite.mixtures import Mixture
from workshop_lite.schedules import Schedule
from workshop_lite.widgets.flipbook import NEEDS_KERNEL, WRAP, show


def png(figure: Figure, colours: int = 64) -> bytes:
    """A figure as a small PNG: a palette in place of 24 bits a pixel."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    small = io.BytesIO()
    Image.open(file).convert("RGB").quantize(colours).save(small, "PNG", optimize=True)
    return small.getvalue()


def frames(
    data: Mixture, schedule: Schedule, states: Float[Array, "n b 2"], labels: ArrayLike
) -> list[bytes]:
    """One small picture for each state of a sampler whose steps are even in t."""
    times = np.linspace(1, 0, len(states))
    return [
        png(toy.field(data, schedule, float(t), x, labels))
        for t, x in zip(times, states, strict=True)
    ]


def explorer(
    shapes: Mapping[str, Mixture], schedules: Mapping[str, Schedule], count: int = 300
) -> ipw.Widget:
    """A live panel: shape, schedule and time of the forward process; needs a kernel."""
    shape = ipw.Dropdown(options=list(shapes), description="shape")
    schedule = ipw.Dropdown(options=list(schedules), description="schedule")
    t = ipw.FloatSlider(0.4, min=0.0, max=1.0, step=0.02, description="time t")
    arrows = ipw.Checkbox(True, description="arrows towards the data")
    guesses = ipw.Checkbox(False, description="best guess for each point")
    knobs = (shape, schedule, t, arrows, guesses)
    alt = "The density, the noisy points and the arrows at the chosen time."
    picture, note = ipw.HTML(), ipw.HTML()
    k_data, k_noise = jax.random.split(jax.random.key(0))
    eps = jax.random.normal(k_noise, (count, 2))

    def draw(_=None):
        data, level = shapes[shape.value], schedules[schedule.value](t.value)
        labels = jnp.arange(count) % max(len(data.weights) - 1, 1)
        xt = level.alpha * data.draw(labels, k_data) + level.sigma * eps
        figure = toy.field(
            data,
            schedules[schedule.value],
            t.value,
            xt,
            labels,
            arrows=arrows.value,
            guesses=guesses.value,
            size=4.0,
        )
        show(picture, png(figure), alt)
        note.value = ""

    for knob in knobs:
        knob.observe(draw, "value")
    draw()
    note.value = NEEDS_KERNEL  # what a page without a kernel keeps: the first change clears it
    return ipw.HBox([ipw.VBox([*knobs, note]), picture], layout=WRAP)
