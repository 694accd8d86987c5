"""What the panels with a prompt share: knobs, the picture, and the sentence where there is none."""

import html
from collections.abc import Callable

import ipywidgets as ipw
from jaxtyping import Array

from workshop_lite import checks
from workshop_lite.conditioning import TextEncoder, Vocabulary
from workshop_lite.predictions import Denoiser
from workshop_lite.widgets.flipbook import NEEDS_KERNEL, WRAP, show
from workshop_lite.widgets.guidance import png


def common_knobs(prompt: str, scale: float) -> dict[str, ipw.Widget]:
    """What every panel with a prompt has."""
    return {
        "prompt": ipw.Text(prompt, description="prompt"),
        "scale": ipw.FloatSlider(scale, min=0.0, max=10.0, step=0.5, description="scale"),
        "steps": ipw.SelectionSlider(options=[5, 10, 20, 50], value=10, description="steps"),
        "seed": ipw.BoundedIntText(0, min=0, max=9999, description="seed"),
    }


def panel(
    knobs: dict,
    samples: Callable[[dict], Array],
    above: list,
    columns: int = 2,
    zoom: int = 4,
    alt: str = "Samples of the prompt",
) -> ipw.Widget:
    """Knobs, and what ``samples`` makes of their values, or the sentence why it cannot.

    What it cannot make of the first values is the caller's mistake, and raised.
    """
    shown, complaint = ipw.HTML(), ipw.HTML(layout={"max_width": "300px"})  # as wide as a knob
    for knob in knobs.values():
        knob.style = {"description_width": "5em"}
        if hasattr(knob, "continuous_update"):
            knob.continuous_update = False

    def draw():
        value = {name: knob.value for name, knob in knobs.items()}
        picture = png(samples(value), columns, zoom)
        show(shown, picture, f"{alt}: {value['prompt']}.")
        complaint.value = ""

    def redraw(_):
        try:
            draw()
        except ValueError as error:
            complaint.value = f'<p role="alert">{html.escape(str(error))}</p>'

    draw()
    for knob in knobs.values():
        knob.observe(redraw, "value")
    complaint.value = NEEDS_KERNEL  # what a page without a kernel keeps: the first change clears it
    left = ipw.VBox([*above, *knobs.values(), complaint])
    return ipw.HBox([left, shown], layout=WRAP)


def check(denoise: Denoiser, words: Vocabulary, prompt: str, count: int) -> None:
    """Raise ValueError unless a panel with a prompt can be made of these."""
    checks.whole("count", count)
    if not isinstance(denoise, Denoiser):
        raise ValueError(f"denoise must be a Denoiser, got {checks.shown(denoise)}")
    if not isinstance(words, Vocabulary):
        raise ValueError(f"words must be a Vocabulary, got {checks.shown(words)}")
    words([prompt])  # raises ValueError for a prompt that cannot be


def check_told(denoise: Denoiser) -> None:
    """Raise ValueError unless the network of a denoiser is told words."""
    if not isinstance(getattr(denoise.network, "condition", None), TextEncoder):
        raise ValueError(
            f"denoise must have a network that is told words, got {checks.shown(denoise.network)}"
        )
