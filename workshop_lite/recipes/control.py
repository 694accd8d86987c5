"""Branches of the model that draws emoji: told where things go, by edges or by a colour layout."""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from workshop_lite import datasets
from workshop_lite.conditioning import (
    Control,
    Controlled,
    Hinted,
    hints,
    null_hinted,
    null_prompts,
)
from workshop_lite.networks import Autoencoder
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes.latent import coded, drawn_latents
from workshop_lite.recipes.recipe import Recipe, eight_bits, signed
from workshop_lite.training import logit_normal, loss, muon


def hint_control(rngs: nnx.Rngs, base: Denoiser, ae: Autoencoder, **options) -> Control:
    """Control branch, a copy of ``base``'s encoder, for hints of the size of the pictures."""
    return Control(base.network, factor=ae.factor, rngs=rngs, **options)


def hinted(emoji: datasets.Emoji, base: Denoiser, ae: Autoencoder, *, see: Callable) -> tuple:
    """Posteriors of the images, tokens of their captions, what ``see`` makes of them as bytes."""
    posteriors, captions, _ = coded(emoji, ae)
    pictures = see(datasets.signed(emoji.images))
    return posteriors, captions, np.round(255 * pictures).astype(np.uint8)


def latent_hint_loss(base: Denoiser, ae: Autoencoder, control: Control, batch, key, **options):
    """``hint_loss`` on latents drawn anew at every step; a batch is rows of ``hinted``."""
    posteriors, told, hint = batch
    key, k_draw = jax.random.split(key)
    x0 = drawn_latents(ae, posteriors, k_draw)
    return _hint_loss(base, control, x0, told, hint, key, **options)


def hint_loss(base: Denoiser, control: Control, batch, key, **options):
    """The diffusion loss of a frozen base with a control branch, half of the conditions blank.

    On a batch of (uint8 images, conditions, uint8 hints). ``drop`` is the share of blank ones, and
    ``null`` the unconditional twin of what the base is told: ``null_labels`` for labels.
    """
    images, told, hint = batch
    return _hint_loss(base, control, signed(images), told, hint, key, **options)


def _hint_loss(base, control, x0, told, hint, key, *, null=null_prompts, drop=0.5):
    denoise = Denoiser(Controlled(base.network, control), base.schedule, base.prediction)
    cond = Hinted(told, eight_bits("hint", hint) / 255.0, jnp.ones(len(x0)))
    options = {"drop": drop, "times": logit_normal}
    return loss(denoise, x0, cond, null_hinted(null), key, **options)


def _branch(hint: Callable, steps: int, cooldown: int, **options) -> Recipe:
    return Recipe(
        "emoji",
        partial(hint_control, **options),
        latent_hint_loss,
        steps=steps,
        options={"optimizer": muon, "learning_rate": 2e-3, "cooldown": cooldown},
        arrays=partial(hinted, see=hint),
        size=64,
        base="emoji-text",
    )


RECIPES = {
    "emoji-control": _branch(hints.edges, 3000, 1200, channels=1),
    "emoji-layout": _branch(hints.layout, 1500, 600, channels=3, middle=False),
}
