"""Draw in latents and watch, or edit a picture in them; both need a kernel."""

from collections.abc import Mapping

import ipywidgets as ipw
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from workshop_lite import checks
from workshop_lite.conditioning import Vocabulary, null_prompts
from workshop_lite.guidance import Guided
from workshop_lite.networks import Autoencoder, TinyDecoder
from workshop_lite.predictions import Denoiser
from workshop_lite.samplers import ddim
from workshop_lite.schedules import over
from workshop_lite.widgets.panel import check, check_told, common_knobs, panel

PREVIEWS = 4  # of each picture, before it is finished


def latent_box(
    denoise: Denoiser,
    ae: Autoencoder,
    tiny: TinyDecoder,
    words: Vocabulary,
    prompt: str,
    size: int = 64,
    count: int = 3,
) -> ipw.Widget:
    """A live panel: prompt, guidance scale, steps and seed; a row of previews for each picture.

    Only another number of steps compiles. A word that the vocabulary lacks is named, and the last
    picture stays.
    """
    check(denoise, words, prompt, count)
    check_told(denoise)
    _check_parts(ae=(ae, Autoencoder), tiny=(tiny, TinyDecoder))
    if (tiny.latent, tiny.factor) != (ae.latent, ae.factor):
        raise ValueError(
            f"tiny must decode {ae.latent} channels by a factor of {ae.factor}, as ae does,"
            f" got {tiny.latent} and {tiny.factor}"
        )
    checks.whole("size", size)
    if size % ae.factor:
        raise ValueError(f"size must be a multiple of {ae.factor}, got {size}")
    shape = (count, size // ae.factor, size // ae.factor, ae.latent)

    def samples(value: dict) -> Array:
        tokens = jnp.asarray(words([value["prompt"]]).repeat(count, axis=0))
        noise = jax.random.normal(jax.random.key(value["seed"]), shape)
        guided = Guided(denoise, null_prompts, value["scale"])
        z, path = ddim(guided, denoise.schedule, noise, tokens, steps=value["steps"])
        seen = np.linspace(0, len(path) - 1, PREVIEWS + 1).astype(int)[:-1]
        strip = [_previewed(tiny, path[i] / ae.scale[...]) for i in seen]
        strip.append(_decoded(ae, z / ae.scale[...]))
        return jnp.stack(strip, axis=1).reshape(-1, *strip[0].shape[1:])

    alt = "Previews, then the finished picture, of the prompt"
    return panel(common_knobs(prompt, 2.0), samples, [], columns=PREVIEWS + 1, zoom=2, alt=alt)


def edit_box(
    denoise: Denoiser,
    ae: Autoencoder,
    words: Vocabulary,
    pictures: Mapping[str, Float[ArrayLike, "h w c"]],
    prompt: str,
    count: int = 3,
) -> ipw.Widget:
    """A live panel: a picture to begin with, strength, prompt, guidance scale, steps and seed.

    The picture comes first, then edits of it. Only another number of steps compiles.
    """
    check(denoise, words, prompt, count)
    check_told(denoise)
    _check_parts(ae=(ae, Autoencoder))
    if not isinstance(pictures, Mapping) or not pictures:
        raise ValueError(f"pictures must be images by their names, got {checks.shown(pictures)}")
    for image in pictures.values():
        ae.check(np.asarray(image)[None])
    which = ipw.Dropdown(options=list(pictures), description="picture")
    strength = ipw.FloatSlider(0.8, min=0.05, max=1.0, step=0.05, description="strength")
    knobs = {"picture": which, "strength": strength, **common_knobs(prompt, 2.0)}

    def samples(value: dict) -> Array:
        image = jnp.asarray(pictures[value["picture"]])[None]
        tokens = jnp.asarray(words([value["prompt"]]).repeat(count, axis=0))
        z = ae.scale[...] * _encoded(ae, image).repeat(count, axis=0)
        eps = jax.random.normal(jax.random.key(value["seed"]), z.shape)
        start = jnp.float32(value["strength"])
        level = over(denoise.schedule(start), z)
        guided = Guided(denoise, null_prompts, value["scale"])
        how = {"steps": value["steps"], "start": start}
        z, _ = ddim(guided, denoise.schedule, level.alpha * z + level.sigma * eps, tokens, **how)
        return jnp.concatenate([image, _decoded(ae, z / ae.scale[...])])

    return panel(knobs, samples, [], columns=2, zoom=3, alt="A picture, and edits by the prompt")


_encoded = jax.jit(lambda ae, images: ae.encode(images).mean)
_decoded = jax.jit(lambda ae, z: ae.decode(z))
_previewed = jax.jit(lambda tiny, z: tiny.decode(z))


def _check_parts(**parts) -> None:
    for name, (value, kind) in parts.items():
        if not isinstance(value, kind):
            article = "an" if kind.__name__[0] in "AEIOU" else "a"
            raise ValueError(f"{name} must be {article} {kind.__name__}, got {checks.shown(value)}")
