"""Turn the knobs of a guided sampler and see the picture."""

import io
from collections.abc import Callable, Sequence

import ipywidgets as ipw
import jax
import jax.numpy as jnp
from PIL import Image

from workshop_lite import checks, samplers
from workshop_lite.conditioning import null_labels
from workshop_lite.figures.images import mosaic
from workshop_lite.guidance import Guided
from workshop_lite.predictions import Denoiser
from workshop_lite.widgets.flipbook import NEEDS_KERNEL, WRAP, show


def png(images, columns: int, zoom: int = 3) -> bytes:
    """Images in [-1, 1] as one PNG, grey ones dark on white, enlarged without blur."""
    checks.whole("zoom", zoom)
    images = checks.images("images", images)
    if images.shape[3] not in (1, 3):
        raise ValueError(f"images must have 1 or 3 channels, got {checks.kind(images)}")
    sheet = Image.fromarray(mosaic(-images if images.shape[3] == 1 else images, columns, gap=0))
    size = (zoom * sheet.width, zoom * sheet.height)
    file = io.BytesIO()
    sheet.resize(size, Image.Resampling.NEAREST).save(file, "PNG", optimize=True)
    return file.getvalue()


def guidance_explorer(
    denoise: Denoiser,
    names: Sequence[str],
    count: int = 4,
    shape: tuple[int, int, int] = (28, 28, 1),
    shown: Callable = lambda x0: x0,
) -> ipw.Widget:
    """A live panel: class, scale, interval, steps, sampler and seed; needs a kernel.

    The model draws in ``shape``, and ``shown`` makes pictures of what is drawn where it is none,
    as ``drawing.canvas`` has both. Only a new sampler or number of steps compiles; all else is
    traced.
    """
    checks.whole("count", count)
    checks.wholes("shape", shape, 3)
    checks.function("shown", shown, "from what is drawn to pictures")
    if not isinstance(denoise, Denoiser):
        raise ValueError(f"denoise must be a Denoiser, got {checks.shown(denoise)}")
    words = isinstance(names, tuple | list) and all(isinstance(name, str) for name in names)
    if not words or not names:
        raise ValueError(f"names must be a list of the classes, got {checks.shown(names)}")
    wide = {"description_width": "5em"}
    knobs = {
        "label": ipw.Dropdown(
            options=[(name, i) for i, name in enumerate(names)], value=0, description="class"
        ),
        "scale": ipw.FloatSlider(2.0, min=0.0, max=12.0, step=0.5, description="scale"),
        "interval": ipw.FloatRangeSlider(
            value=(0.0, 1.0), min=0.0, max=1.0, step=0.05, description="interval"
        ),
        "steps": ipw.SelectionSlider(options=[5, 10, 20, 50], value=10, description="steps"),
        "sampler": ipw.Dropdown(
            options=[(f.__name__, f) for f in samplers.ALL], description="sampler"
        ),
        "seed": ipw.BoundedIntText(0, min=0, max=9999, description="seed"),
    }
    drawn, note = ipw.HTML(), ipw.HTML()
    for knob in knobs.values():
        knob.style = wide
        if hasattr(knob, "continuous_update"):
            knob.continuous_update = False

    def draw(_=None):
        value = {name: knob.value for name, knob in knobs.items()}
        key = jax.random.key(value["seed"])
        noise = jax.random.normal(key, (count, *shape))
        labels = jnp.full(count, value["label"])
        guided = Guided(denoise, null_labels, value["scale"], interval=value["interval"])
        options = {"steps": value["steps"], "key": jax.random.fold_in(key, 1)}
        images, _ = value["sampler"](guided, denoise.schedule, noise, labels, **options)
        show(drawn, png(shown(images), count), f"Samples of class {names[value['label']]}.")
        note.value = ""

    for knob in knobs.values():
        knob.observe(draw, "value")
    draw()
    note.value = NEEDS_KERNEL  # what a page without a kernel keeps: the first change clears it
    return ipw.HBox([ipw.VBox([*knobs.values(), note]), drawn], layout=WRAP)
