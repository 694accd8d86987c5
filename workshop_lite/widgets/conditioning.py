"""Say it in words, or draw where it goes, and see the picture; both need a kernel."""

from collections.abc import Mapping

import ipywidgets as ipw
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from workshop_lite import checks
from workshop_lite.conditioning import Controlled, Hinted, Vocabulary, null_hinted, null_prompts
from workshop_lite.guidance import Guided
from workshop_lite.predictions import Denoiser
from workshop_lite.samplers import dpmpp_2m
from workshop_lite.widgets.panel import check, check_told, common_knobs, panel

# The first square touched decides: a white one begins to draw, a black one to rub out. On release
# all squares go, as ones and zeros, into a hidden text box, which the kernel watches.
DRAWING = """<svg viewBox="0 0 {w} {h}" role="img" aria-label="The hint, to draw on." \
style="width: 256px; border: 1px solid #777; touch-action: none; cursor: crosshair" \
onpointerdown="const r = event.target; if (r !== this) {{ event.preventDefault(); \
this.ink = r.getAttribute('fill') === '#fff' ? '#000' : '#fff'; \
r.setAttribute('fill', this.ink) }}" \
onpointermove="const r = this.ink && document.elementFromPoint(event.clientX, event.clientY); \
if (r && r.parentNode === this) r.setAttribute('fill', this.ink)" \
onpointerup="{done}" onpointerleave="{done}">{squares}</svg>"""
DONE = """if (this.ink) {{ this.ink = null; const box = document.querySelector('.{box} textarea'); \
box.value = [...this.children].map(r => +(r.getAttribute('fill') === '#000')).join(''); \
for (const e of ['input', 'change']) box.dispatchEvent(new Event(e, {{ bubbles: true }})) }}"""


def prompt_box(
    denoise: Denoiser, words: Vocabulary, prompt: str, size: int = 32, count: int = 4
) -> ipw.Widget:
    """A live panel: prompt, guidance scale, steps and seed.

    A word that the vocabulary lacks is named, and the last picture stays.
    """
    check(denoise, words, prompt, count)
    check_told(denoise)
    checks.whole("size", size)
    knobs, channels = common_knobs(prompt, 3.0), denoise.network.channels

    def samples(value: dict) -> Array:
        tokens = jnp.asarray(words([value["prompt"]]).repeat(count, axis=0))
        noise = jax.random.normal(jax.random.key(value["seed"]), (count, size, size, channels))
        guided = Guided(denoise, null_prompts, value["scale"])
        return dpmpp_2m(guided, denoise.schedule, noise, tokens, steps=value["steps"])[0]

    return panel(knobs, samples, [])


def hint_editor(
    denoise: Denoiser,
    words: Vocabulary,
    presets: Mapping[str, Float[ArrayLike, "h w 1"]],
    prompt: str,
    count: int = 4,
) -> ipw.Widget:
    """A live panel: draw or rub out lines, or begin with a preset; strength, prompt and the rest.

    ``denoise`` is that of a ``Controlled`` network whose hint has one channel.
    """
    check(denoise, words, prompt, count)
    if not isinstance(denoise.network, Controlled):
        raise ValueError(
            f"denoise must have a Controlled network, got {checks.shown(denoise.network)}"
        )
    if not isinstance(presets, Mapping) or not presets:
        raise ValueError(f"presets must be hints by their names, got {checks.shown(presets)}")
    hints = {name: checks.images("each of presets", [hint])[0] for name, hint in presets.items()}
    shapes = {np.shape(hint) for hint in hints.values()}
    if len(shapes) > 1 or shapes.copy().pop()[2] != 1:
        raise ValueError(f"presets must be of one shape [h, w, 1], got {sorted(shapes)}")
    (h, w, _), channels = shapes.pop(), denoise.network.base.channels
    preset = ipw.Dropdown(options=list(hints), description="begin with")
    pixels, canvas = ipw.Textarea(continuous_update=False), ipw.HTML()
    pixels.add_class(box := f"hint-{pixels.model_id}")
    pixels.layout.display = "none"
    strength = ipw.FloatSlider(1.0, min=0.0, max=1.5, step=0.1, description="strength")
    knobs = {"pixels": pixels, "strength": strength, **common_knobs(prompt, 2.0)}

    def begin(_=None):
        drawn = np.asarray(hints[preset.value])[..., 0] > 0.5
        canvas.value = _drawing(drawn, box)
        pixels.value = "".join(str(int(ink)) for ink in drawn.ravel())

    def samples(value: dict) -> Array:
        drawn = np.array(list(value["pixels"]), np.float32).reshape(1, h, w, 1)
        tokens = jnp.asarray(words([value["prompt"]]).repeat(count, axis=0))
        strengths = jnp.full(count, value["strength"])
        cond = Hinted(tokens, jnp.asarray(drawn.repeat(count, axis=0)), strengths)
        noise = jax.random.normal(jax.random.key(value["seed"]), (count, h, w, channels))
        guided = Guided(denoise, null_hinted(null_prompts), value["scale"])
        return dpmpp_2m(guided, denoise.schedule, noise, cond, steps=value["steps"])[0]

    preset.observe(begin, "value")
    begin()
    return panel(knobs, samples, [preset, canvas])


def _drawing(drawn: np.ndarray, box: str) -> str:
    """The squares of a hint as SVG that can be drawn on; they report to the class ``box``."""
    h, w = drawn.shape
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="1.02" height="1.02" fill="{"#000" if ink else "#fff"}"/>'
        for (y, x), ink in np.ndenumerate(drawn)
    )
    return DRAWING.format(w=w, h=h, done=DONE.format(box=box), squares=squares)
