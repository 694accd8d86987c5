"""How each shipped model is made: its data, its network, its loss, its budget."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from workshop_lite.classifier import Classifier
from workshop_lite.conditioning import Labels, null_labels
from workshop_lite.optimizers import muon
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.training import logit_normal, loss
from workshop_lite.unet import UNet


@dataclass(frozen=True)
class Recipe:
    """One model: ``build(rngs)`` makes it, ``loss(model, batch, key)`` trains it."""

    data: str
    build: Callable[[nnx.Rngs], nnx.Module]
    loss: Callable
    steps: int
    options: dict = field(default_factory=dict)


def fast_dtype(device):
    """What a network computes in: bfloat16 where the device has units for it, else float32.

    TPUs have them, and NVIDIA's GPUs from compute capability 8 on. Parameters stay float32.
    """
    capable = float(getattr(device, "compute_capability", 0)) >= 8
    return jnp.bfloat16 if device.platform == "tpu" or capable else None


def fashion_denoiser(rngs: nnx.Rngs) -> Denoiser:
    """U-Net for 28 x 28 grey images of ten classes, 2.4 M parameters, 0.2 GFLOP a pass."""
    labels = Labels(10, 192, rngs=rngs)
    size = {"d_cond": 192, "widths": (48, 128), "blocks": (1, 2)}
    network = UNet(1, labels, **size, dtype=fast_dtype(jax.devices()[0]), rngs=rngs)
    return Denoiser(network, cosine, VELOCITY)


def weak_fashion_denoiser(rngs: nnx.Rngs) -> Denoiser:
    """Half as wide and half as deep, for autoguidance to point away from."""
    labels = Labels(10, 96, rngs=rngs)
    size = {"d_cond": 96, "widths": (24, 64), "blocks": (1, 1)}
    network = UNet(1, labels, **size, dtype=fast_dtype(jax.devices()[0]), rngs=rngs)
    return Denoiser(network, cosine, VELOCITY)


def denoising_loss(denoise: Denoiser, batch, key, *, drop: float = 0.1, **options):
    """The diffusion loss on a batch of (uint8 images, labels); options as ``training.loss``."""
    images, labels = batch
    x0, labels = images / 127.5 - 1, labels.astype(jnp.int32)
    return loss(denoise, x0, labels, null_labels, key, drop=drop, **options)


def class_loss(classifier: Classifier, batch, key):
    """Cross-entropy on images of which every second one, at random, is mirrored."""
    images, labels = batch
    x = images / 127.5 - 1
    x = jnp.where(jax.random.bernoulli(key, 0.5, (len(x), 1, 1, 1)), x[:, :, ::-1], x)
    losses = optax.softmax_cross_entropy_with_integer_labels
    return losses(classifier(x), labels.astype(jnp.int32)).mean()


RECIPES = {
    "fashion-cfg": Recipe(
        "fashion-mnist",
        fashion_denoiser,
        partial(denoising_loss, times=logit_normal),
        steps=4200,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 1500},
    ),
    "fashion-cfg-weak": Recipe(
        "fashion-mnist",
        weak_fashion_denoiser,
        denoising_loss,
        steps=1000,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 300},
    ),
    "fashion-classifier": Recipe(
        "fashion-mnist",
        lambda rngs: Classifier(1, 10, rngs=rngs),
        class_loss,
        steps=9600,
        options={"learning_rate": 2e-3, "cooldown": 1600},
    ),
}
