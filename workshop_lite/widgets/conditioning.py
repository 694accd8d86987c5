"""Say it in words, or draw where it goes, and see the picture; both need a kernel."""

from collections.abc import Callable, Mapping

import ipywidgets as ipw
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float

from workshop_lite import checks
from workshop_lite.conditioning import Controlled, Hinted, Vocabulary, null_hinted, null_prompts
from workshop_lite.guidance import Guided
from workshop_lite.predictions import Denoiser
from workshop_lite.samplers import dpmpp_2m
from workshop_lite.widgets.panel import check, check_told, common_knobs, panel

# The first square touched decides: a white one begins to draw, a black one to rub out, which takes
# the squares beside it, too. A fast hand is heard at few places, so what lies between is filled in.
# On release all squares go, as ones and zeros, into a hidden text box, which the kernel watches.
DRAWING = """<svg viewBox="0 0 {w} {h}" role="img" aria-label="The hint, to draw on." \
shape-rendering="crispEdges" \
style="width: 320px; max-width: 100%; border: 1px solid #777; touch-action: none; \
cursor: crosshair" \
onpointerdown="const r = event.target; if (r !== this) {{ event.preventDefault(); \
this.ink = r.getAttribute('fill') === '#fff' ? '#000' : '#fff'; this.from = null; \
this.onpointermove(event) }}" \
onpointermove="{stroke}" \
onpointerup="{done}" onpointerleave="{done}">{squares}</svg>"""
STROKE = """if (this.ink) {{ const b = this.getBoundingClientRect(); \
const to = [(event.clientX - b.x) / b.width * {w}, (event.clientY - b.y) / b.height * {h}]; \
const from = this.from || to, far = Math.max(...to.map((end, k) => Math.abs(end - from[k]))); \
const beside = this.ink === '#fff' ? [-1, 0, 1] : [0], n = Math.ceil(far) || 1; \
for (let i = 0; i <= n; i++) for (const dx of beside) for (const dy of beside) {{ \
const [x, y] = to.map((end, k) => Math.floor(from[k] + (end - from[k]) * i / n) + [dx, dy][k]); \
if (x >= 0 && x < {w} && y >= 0 && y < {h}) \
this.children[y * {w} + x].setAttribute('fill', this.ink) }} this.from = to }}"""
DONE = """if (this.ink) {{ this.ink = null; const box = document.querySelector('.{box} textarea'); \
box.value = [...this.children].map(r => +(r.getAttribute('fill') === '#000')).join(''); \
for (const e of ['input', 'change']) box.dispatchEvent(new Event(e, {{ bubbles: true }})) }}"""


def prompt_box(
    denoise: Denoiser,
    words: Vocabulary,
    prompt: str,
    *,
    shape: tuple[int, int, int],
    shown: Callable = np.asarray,
    count: int = 4,
) -> ipw.Widget:
    """A live panel: prompt, guidance scale, steps and seed.

    ``denoise`` draws in ``shape``, and ``shown`` makes pictures of that. A word that the vocabulary
    lacks is named, and the last picture stays.
    """
    check(denoise, words, prompt, count)
    check_told(denoise)
    checks.wholes("shape", shape, 3)
    checks.function("shown", shown, "of what is drawn")
    knobs = common_knobs(prompt, 2.0)

    def samples(value: dict) -> ArrayLike:
        tokens = jnp.asarray(words([value["prompt"]]).repeat(count, axis=0))
        noise = jax.random.normal(jax.random.key(value["seed"]), (count, *shape))
        guided = Guided(denoise, null_prompts, value["scale"])
        return shown(dpmpp_2m(guided, denoise.schedule, noise, tokens, steps=value["steps"])[0])

    return panel(knobs, samples, [])


def hint_editor(
    denoise: Denoiser,
    words: Vocabulary,
    presets: Mapping[str, Float[ArrayLike, "h w 1"]],
    prompt: str,
    *,
    shown: Callable = np.asarray,
    count: int = 4,
) -> ipw.Widget:
    """A live panel: draw or rub out lines, or begin with a preset; strength, prompt and the rest.

    ``denoise`` is that of a ``Controlled`` network whose hint has one channel; ``shown`` makes
    pictures of what it draws.
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
    checks.function("shown", shown, "of what is drawn")
    (h, w, _), network = shapes.pop(), denoise.network
    if h % (factor := network.control.factor) or w % factor:
        raise ValueError(f"presets must have sides that {factor} divides, got {h} x {w}")
    shape = (count, h // factor, w // factor, network.base.channels)
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

    def samples(value: dict) -> ArrayLike:
        drawn = np.array(list(value["pixels"]), np.float32).reshape(1, h, w, 1)
        tokens = jnp.asarray(words([value["prompt"]]).repeat(count, axis=0))
        strengths = jnp.full(count, value["strength"])
        cond = Hinted(tokens, jnp.asarray(drawn.repeat(count, axis=0)), strengths)
        noise = jax.random.normal(jax.random.key(value["seed"]), shape)
        guided = Guided(denoise, null_hinted(null_prompts), value["scale"])
        return shown(dpmpp_2m(guided, denoise.schedule, noise, cond, steps=value["steps"])[0])

    preset.observe(begin, "value")
    begin()
    return panel(knobs, samples, [preset, canvas], zoom=max(128 // w, 1))


def _drawing(drawn: np.ndarray, box: str) -> str:
    """The squares of a hint as SVG that can be drawn on; they report to the class ``box``."""
    h, w = drawn.shape
    squares = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1" fill="{"#000" if ink else "#fff"}"/>'
        for (y, x), ink in np.ndenumerate(drawn)
    )
    stroke, done = STROKE.format(w=w, h=h), DONE.format(box=box)
    return DRAWING.format(w=w, h=h, stroke=stroke, done=done, squares=squares)
