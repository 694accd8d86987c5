"""What a recipe says, and the parts that recipes share."""

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import ArrayLike, Float, UInt8

from workshop_lite import checks, datasets
from workshop_lite.architectures import fast_dtype
from workshop_lite.conditioning import Labels, null_labels
from workshop_lite.networks import Classifier, UNet
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.training import loss


def labelled(data: datasets.Dataset) -> tuple:
    """Images, and the label of each."""
    return data.images, data.labels


def by_names(data) -> tuple[str, ...]:
    """The names of the classes, where a data set has classes."""
    return getattr(data, "names", ())


@dataclass(frozen=True)
class Recipe:
    """One model: ``build(rngs)`` makes it, ``loss(model, batch, key)`` trains it.

    The rows of a batch are those of ``arrays(data)``, where ``data`` is a set in pictures of
    ``size`` pixels. Where the recipe names a ``base``, that shipped model stays as it is and takes
    part: ``build(rngs, base)``, ``arrays(data, base)`` and ``loss(base, model, batch, key)``; and
    where that has a base in its turn, it comes behind.
    The classifier named ``judge`` scores samples. ``names(data)`` are those of the classes, if
    there are any.
    """

    data: str
    build: Callable[..., nnx.Module]
    loss: Callable
    steps: int
    options: dict = field(default_factory=dict)
    arrays: Callable[..., tuple] = labelled
    size: int | tuple[int, int] | None = None
    base: str | None = None
    judge: str | None = None
    names: Callable[..., tuple[str, ...]] = by_names

    def rows(self, split: str, *base: nnx.Module) -> tuple:
        """The arrays of a split, made with the base if the recipe names one."""
        return self.arrays(datasets.load(self.data, split, self.size), *base)

    def shown(self) -> dict:
        """What the data looks like: the shape of a picture, and the names of the classes."""
        small = "train" if datasets.is_folder(self.data) else "test"  # which a folder may lack
        data = datasets.load(self.data, small, self.size)
        return {"shape": list(data.images.shape[1:]), "classes": list(self.names(data))}


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
    x0 = signed(images)
    if isinstance(denoise, Denoiser):
        denoise.check(x0, labels)
    labels = jnp.asarray(labels).astype(jnp.int32)  # signed, so that -1 can stand for none
    return loss(denoise, x0, labels, null_labels, key, drop=drop, **options)


def class_loss(classifier: Classifier, batch, key, *, changed: Callable):
    """Cross-entropy on (uint8 images, labels), the images ``changed(x, key)`` at random."""
    images, labels = batch
    checks.labels("labels", labels, len(images))
    if not checks.traced(labels) and not 0 <= np.min(labels) <= np.max(labels) < classifier.n:
        raise ValueError(
            f"labels must lie between 0 and {classifier.n - 1}, got {np.min(labels)} to"
            f" {np.max(labels)}"
        )
    x, labels = changed(signed(images), key), jnp.asarray(labels).astype(jnp.int32)
    losses = optax.softmax_cross_entropy_with_integer_labels
    return losses(classifier(x), labels).mean()


def signed(images: UInt8[ArrayLike, "b h w c"]) -> Float[ArrayLike, "b h w c"]:
    """Pixels of a batch in [-1, 1], also where it is traced; ValueError as ``eight_bits``."""
    return eight_bits("images", images) / np.float32(127.5) - 1


def eight_bits(name: str, images: UInt8[ArrayLike, "..."]) -> UInt8[ArrayLike, "..."]:
    """The same. Raises ValueError for floats: divided once more, they would be nearly black."""
    if checks.array(images).dtype != np.uint8:
        raise ValueError(f"{name} must be uint8 from 0 to 255, got {checks.kind(images)}")
    return images
