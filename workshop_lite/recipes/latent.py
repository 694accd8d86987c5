"""Emoji of 64 pixels: autoencoders, models that draw in their latents, and one in pixels."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from workshop_lite import datasets
from workshop_lite.networks import Autoencoder, TinyDecoder
from workshop_lite.networks.autoencoder import encoded, reconstruction_loss
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes.emoji import caption_loss, captioned, emoji_denoiser, prompt_loss
from workshop_lite.recipes.recipe import Recipe, fast_dtype, signed
from workshop_lite.training import muon

#: Nearly the cost of the U-Net that draws 32 x 32 pixels, in three fifths of its parameters.
SIZE = {"widths": (64, 112), "d_cond": 96, "d_tokens": 48}


def emoji_autoencoder(rngs: nnx.Rngs, *, latent: int, widths: tuple[int, ...]) -> Autoencoder:
    """Autoencoder of colour images; every width after the first halves the latent's sides."""
    dtype = fast_dtype(jax.devices()[0])
    return Autoencoder(3, latent, widths=widths, dtype=dtype, rngs=rngs)


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
    posterior, captions, phrases = batch
    key, k_draw = jax.random.split(key)
    x0 = ae.scale[...] * posterior.draw(k_draw)
    return caption_loss(denoise, x0, captions, phrases, key, **options)


def _autoencoder(latent: int, widths: tuple[int, ...], steps: int) -> Recipe:
    return Recipe(
        "emoji",
        partial(emoji_autoencoder, latent=latent, widths=widths),
        partial(picture_loss, kl=1e-3, gradients=0.0),
        steps=steps,
        options={"optimizer": muon, "learning_rate": 2e-3, "batch": 32, "cooldown": 3 * steps // 8},
        arrays=pictures,
        size=64,
    )


def _drawing(loss, arrays, base: str | None = None, steps: int = 3200, **network) -> Recipe:
    return Recipe(
        "emoji",
        lambda rngs, *_: emoji_denoiser(rngs, **network, **SIZE),
        loss,
        steps=steps,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 3 * steps // 8},
        arrays=arrays,
        size=64,
        base=base,
    )


RECIPES = {
    "emoji-vae": _autoencoder(latent=4, widths=(48, 96), steps=2400),
    "emoji-vae-f8": _autoencoder(latent=16, widths=(48, 64, 96), steps=1200),
    "emoji-tiny": Recipe(
        "emoji",
        lambda rngs, *_: TinyDecoder(4, 3, factor=4, rngs=rngs),
        preview_loss,
        steps=1500,
        options={"learning_rate": 2e-3, "cooldown": 500},
        arrays=coded_pictures,
        size=64,
        base="emoji-vae",
    ),
    "emoji-latent": _drawing(latent_loss, coded, "emoji-vae", channels=4, patch=1),
    "emoji-latent-f8": _drawing(latent_loss, coded, "emoji-vae-f8", 4800, channels=16, patch=1),
    "emoji-pixel64": _drawing(prompt_loss, captioned, channels=3, patch=4),
}
