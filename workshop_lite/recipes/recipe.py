"""What a recipe says, and the parts that recipes share."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from workshop_lite import datasets
from workshop_lite.conditioning import Labels, null_labels
from workshop_lite.networks import Classifier, UNet
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.training import loss


@dataclass(frozen=True)
class Recipe:
    """One model: ``build(rngs)`` makes it, ``loss(model, batch, key)`` trains it.

    The rows of a batch are those of ``arrays(data)``, where ``data`` is a set in pictures of
    ``size`` pixels. Where the recipe names a ``base``, that shipped model stays as it is and takes
    part: ``build(rngs, base)``, ``arrays(data, base)`` and ``loss(base, model, batch, key)``.
    The classifier named ``judge`` scores samples.
    """

    data: str
    build: Callable[..., nnx.Module]
    loss: Callable
    steps: int
    options: dict = field(default_factory=dict)
    arrays: Callable[..., tuple] = lambda data: (data.images, data.labels)
    size: int | None = None
    base: str | None = None
    judge: str | None = None

    def rows(self, split: str, *base: nnx.Module) -> tuple:
        """The arrays of a split, made with the base if the recipe names one."""
        return self.arrays(datasets.load(self.data, split, self.size), *base)


def fast_dtype(device):
    """What a network computes in: bfloat16 where the device has units for it, else float32.

    TPUs have them, and NVIDIA's GPUs from compute capability 8 on. Parameters stay float32.
    """
    capable = float(getattr(device, "compute_capability", 0)) >= 8
    return jnp.bfloat16 if device.platform == "tpu" or capable else None


def class_denoiser(
    rngs: nnx.Rngs, *, n: int, d_cond: int, widths: tuple[int, ...], blocks: tuple[int, ...]
) -> Denoiser:
    """A U-Net for pictures of one channel and n classes, on cosine, predicting the velocity."""
    labels = Labels(n, d_cond, rngs=rngs)
    size = {"d_cond": d_cond, "widths": widths, "blocks": blocks}
    network = UNet(1, labels, **size, dtype=fast_dtype(jax.devices()[0]), rngs=rngs)
    return Denoiser(network, cosine, VELOCITY)


def denoising_loss(denoise: Denoiser, batch, key, *, drop: float = 0.1, **options):
    """The diffusion loss on a batch of (uint8 images, labels); options as ``training.loss``."""
    images, labels = batch
    x0, labels = images / 127.5 - 1, labels.astype(jnp.int32)
    return loss(denoise, x0, labels, null_labels, key, drop=drop, **options)


def class_loss(classifier: Classifier, batch, key, *, changed: Callable):
    """Cross-entropy on (uint8 images, labels), the images ``changed(x, key)`` at random."""
    images, labels = batch
    x = changed(images / 127.5 - 1, key)
    losses = optax.softmax_cross_entropy_with_integer_labels
    return losses(classifier(x), labels.astype(jnp.int32)).mean()
