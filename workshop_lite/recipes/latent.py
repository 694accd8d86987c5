"""Emoji of 64 pixels: autoencoders, the model that draws in latents, and those beside it."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float

from workshop_lite import datasets
from workshop_lite.networks import Autoencoder, TinyDecoder
from workshop_lite.networks.autoencoder import Posterior, encoded, reconstruction_loss
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes.emoji import caption_loss, captioned, emoji_denoiser, prompt_loss
from workshop_lite.recipes.recipe import Recipe, fast_dtype, signed
from workshop_lite.training import muon

#: One level, so that every pixel of 8 x 8 looks at every other and at the words.
LEVEL = {"widths": (128,), "d_cond": 192, "d_tokens": 96}
#: For a grid of 16 x 16.
LEVELS = {"widths": (64, 112), "d_cond": 96, "d_tokens": 48}


def emoji_autoencoder(rngs: nnx.Rngs, **size) -> Autoencoder:
    """Autoencoder of colour images; ``size`` as ``Autoencoder`` takes it."""
    dtype = fast_dtype(jax.devices()[0])
    return Autoencoder(3, **size, dtype=dtype, rngs=rngs)


def pictures(emoji: datasets.Emoji) -> tuple:
    """The images alone."""
    return (emoji.images,)


def picture_loss(ae: Autoencoder, batch, key, **options):
    """The loss of reconstructing uint8 images; options as ``reconstruction_loss``."""
    (images,) = batch
    return reconstruction_loss(ae, signed(images), key, **options)


def coded_pictures(emoji: datasets.Emoji, ae: Autoencoder) -> tuple:
    """The posteriors of the images, and the images."""
    return encoded(ae, emoji.images), emoji.images


def preview_loss(ae: Autoencoder, tiny: TinyDecoder, batch, key):
    """Mean error of the pictures that a small decoder makes of latents."""
    posterior, images = batch
    return jnp.abs(tiny.decode(posterior.draw(key)) - signed(images)).mean()


def coded(emoji: datasets.Emoji, ae: Autoencoder) -> tuple:
    """The posteriors of the images; their captions' tokens, with and without the style."""
    images, captions, phrases = captioned(emoji)
    return encoded(ae, images), captions, phrases


def latent_loss(ae: Autoencoder, denoise: Denoiser, batch, key, **options):
    """``caption_loss`` on latents drawn anew at every step, scaled to unit variance."""
    posteriors, captions, phrases = batch
    key, k_draw = jax.random.split(key)
    x0 = drawn_latents(ae, posteriors, k_draw)
    return caption_loss(denoise, x0, captions, phrases, key, **options)


def drawn_latents(ae: Autoencoder, posteriors: Posterior, key) -> Float[Array, "b h w c"]:
    """One latent a picture, scaled to unit variance: x_0 of the diffusion."""
    return ae.scale[...] * posteriors.draw(key)


def _autoencoder(loss: dict, steps: int, cooldown: int, **size) -> Recipe:
    return Recipe(
        "emoji",
        partial(emoji_autoencoder, **size),
        partial(picture_loss, **loss),
        steps=steps,
        options={"optimizer": muon, "learning_rate": 2e-3, "batch": 32, "cooldown": cooldown},
        arrays=pictures,
        size=64,
    )


def _drawing(loss, arrays, steps: int, cooldown: int, base: str | None = None, **size) -> Recipe:
    return Recipe(
        "emoji",
        lambda rngs, *_: emoji_denoiser(rngs, **size),
        loss,
        steps=steps,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": cooldown},
        arrays=arrays,
        size=64,
        base=base,
    )


RECIPES = {
    "emoji-vae": _autoencoder({"kl": 1e-3}, 2400, 900, latent=4, widths=(48, 96)),
    "emoji-vae-f8": _autoencoder(
        {"kl": 3e-4, "squares": 2.0}, 4300, 900, latent=16, widths=(96, 160), patch=4
    ),
    "emoji-tiny": Recipe(
        "emoji",
        lambda rngs, *_: TinyDecoder(16, 3, factor=8, rngs=rngs),
        preview_loss,
        steps=1500,
        options={"learning_rate": 2e-3, "cooldown": 500},
        arrays=coded_pictures,
        size=64,
        base="emoji-vae-f8",
    ),
    "emoji-text": _drawing(
        latent_loss, coded, 20000, 6000, "emoji-vae-f8", channels=16, patch=1, **LEVEL
    ),
    "emoji-latent": _drawing(
        latent_loss, coded, 3200, 1200, "emoji-vae", channels=4, patch=1, **LEVELS
    ),
    "emoji-pixel64": _drawing(prompt_loss, captioned, 3200, 1200, channels=3, patch=4, **LEVELS),
}
