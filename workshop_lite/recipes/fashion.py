"""Clothes of ten classes: a guided model, a weak one to guide away from, and their judge."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from workshop_lite.networks import Classifier
from workshop_lite.recipes.recipe import Recipe, class_denoiser, class_loss, denoising_loss
from workshop_lite.training import logit_normal, muon

#: 2.4 M parameters, 0.2 GFLOP a pass.
guided = partial(class_denoiser, n=10, d_cond=192, widths=(48, 128), blocks=(1, 2))
#: Half as wide and half as deep, for autoguidance to point away from.
weak = partial(class_denoiser, n=10, d_cond=96, widths=(24, 64), blocks=(1, 1))


def mirrored(x: Float[Array, "b h w c"], key) -> Float[Array, "b h w c"]:
    """Every second image, at random, with left and right exchanged."""
    return jnp.where(jax.random.bernoulli(key, 0.5, (len(x), 1, 1, 1)), x[:, :, ::-1], x)


RECIPES = {
    "fashion-cfg": Recipe(
        "fashion-mnist",
        guided,
        partial(denoising_loss, times=logit_normal),
        steps=4200,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 1500},
        judge="fashion-classifier",
    ),
    "fashion-cfg-weak": Recipe(
        "fashion-mnist",
        weak,
        denoising_loss,
        steps=1000,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 300},
        judge="fashion-classifier",
    ),
    "fashion-classifier": Recipe(
        "fashion-mnist",
        lambda rngs: Classifier(1, 10, rngs=rngs),
        partial(class_loss, changed=mirrored),
        steps=9600,
        options={"learning_rate": 2e-3, "cooldown": 1600},
    ),
}
