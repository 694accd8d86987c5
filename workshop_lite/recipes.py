"""How each shipped model is made: its data, its network, its loss, its budget."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float

from workshop_lite import datasets, hints
from workshop_lite.classifier import Classifier
from workshop_lite.conditioning import Labels, null_labels
from workshop_lite.control import Control, Controlled, Hinted, null_hinted
from workshop_lite.dual import DualEncoder
from workshop_lite.optimizers import muon
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.text import TextEncoder, Vocabulary, null_prompts, vocabulary
from workshop_lite.training import logit_normal, loss
from workshop_lite.unet import UNet


@dataclass(frozen=True)
class Recipe:
    """One model: ``build(rngs)`` makes it, ``loss(model, batch, key)`` trains it.

    The rows of a batch are those of ``arrays(data)``, where ``data`` is a set in pictures of
    ``size`` pixels. Where the recipe names a ``base``, that shipped model stays as it is, and
    the loss is ``loss(base, model, batch, key)``. The classifier named ``judge`` scores samples.
    """

    data: str
    build: Callable[[nnx.Rngs], nnx.Module]
    loss: Callable
    steps: int
    options: dict = field(default_factory=dict)
    arrays: Callable[[NamedTuple], tuple] = lambda data: (data.images, data.labels)
    size: int | None = None
    base: str | None = None
    judge: str | None = None

    def rows(self, split: str) -> tuple:
        """The arrays of a split."""
        return self.arrays(datasets.load(self.data, split, self.size))


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


def notes_denoiser(rngs: nnx.Rngs) -> Denoiser:
    """U-Net for 32 x 32 spectrograms of fourteen families of instruments, 0.8 M parameters."""
    labels = Labels(14, 128, rngs=rngs)
    size = {"d_cond": 128, "widths": (32, 96), "blocks": (1, 1)}
    network = UNet(1, labels, **size, dtype=fast_dtype(jax.devices()[0]), rngs=rngs)
    return Denoiser(network, cosine, VELOCITY)


def by_family(notes: datasets.Notes) -> tuple:
    """Images, and the family of instruments of each."""
    return notes.images, notes.families


def denoising_loss(denoise: Denoiser, batch, key, *, drop: float = 0.1, **options):
    """The diffusion loss on a batch of (uint8 images, labels); options as ``training.loss``."""
    images, labels = batch
    x0, labels = images / 127.5 - 1, labels.astype(jnp.int32)
    return loss(denoise, x0, labels, null_labels, key, drop=drop, **options)


@cache
def emoji_words() -> Vocabulary:
    """The words of all captions of the emoji."""
    return vocabulary(datasets.emoji_sentences())


def emoji_denoiser(rngs: nnx.Rngs) -> Denoiser:
    """U-Net for 32 x 32 colour images that is told a caption, by a vector and by its tokens."""
    words = TextEncoder(len(emoji_words()), d_vector=192, rngs=rngs)
    size = {"d_cond": 192, "d_tokens": 128, "widths": (48, 128), "blocks": (1, 1)}
    network = UNet(3, words, **size, dtype=fast_dtype(jax.devices()[0]), rngs=rngs)
    return Denoiser(network, cosine, VELOCITY)


def captioned(emoji: datasets.Emoji) -> tuple:
    """Images; their captions' tokens; those of the captions without the style."""
    phrases = [emoji.phrases[concept] for concept in emoji.concepts]
    return emoji.images, emoji_words()(datasets.captions(emoji)), emoji_words()(phrases)


def prompt_loss(denoise: Denoiser, batch, key, *, brief: float = 0.2, drop: float = 0.1):
    """The diffusion loss on captions, of which a share ``brief`` leaves the style open."""
    images, captions, phrases = batch
    key, k_brief = jax.random.split(key)
    short = jax.random.bernoulli(k_brief, brief, (len(images), 1))
    prompts = jnp.where(short, phrases, captions)
    options = {"drop": drop, "times": logit_normal}
    return loss(denoise, images / 127.5 - 1, prompts, null_prompts, key, **options)


def emoji_judge(rngs: nnx.Rngs) -> DualEncoder:
    """Image and prompt encoder for 32 x 32 emoji."""
    return DualEncoder(len(emoji_words()), rngs=rngs)


def pair_loss(judge: DualEncoder, batch, key):
    """The contrastive loss, of images moved by up to two pixels."""
    images, captions, _ = batch
    moves = jax.random.randint(key, (len(images), 2), -2, 3)
    x = jax.vmap(lambda image, move: jnp.roll(image, move, (0, 1)))(images / 127.5 - 1, moves)
    return judge.loss(x, captions)


def edge_control(rngs: nnx.Rngs) -> Control:
    """Control branch of the emoji's U-Net for a hint of one channel."""
    return Control(emoji_denoiser(rngs).network, 1, rngs=rngs)


def edged(emoji: datasets.Emoji) -> tuple:
    """Images, their captions' tokens, and their edges."""
    images, captions, _ = captioned(emoji)
    return images, captions, hints.edges(datasets.signed(images)).astype(np.uint8)


def hint_loss(base: Denoiser, control: Control, batch, key, *, drop: float = 0.5):
    """The diffusion loss of a frozen base with a control branch, half of the prompts blank."""
    images, captions, hint = batch
    denoise = Denoiser(Controlled(base.network, control), base.schedule, base.prediction)
    cond = Hinted(captions, hint.astype(jnp.float32), jnp.ones(len(images)))
    options = {"drop": drop, "times": logit_normal}
    return loss(denoise, images / 127.5 - 1, cond, null_hinted(null_prompts), key, **options)


def mirrored(x: Float[Array, "b h w c"], key) -> Float[Array, "b h w c"]:
    """Every second image, at random, with left and right exchanged."""
    return jnp.where(jax.random.bernoulli(key, 0.5, (len(x), 1, 1, 1)), x[:, :, ::-1], x)


def delayed(x: Float[Array, "b h w c"], key, most: int = 2) -> Float[Array, "b h w c"]:
    """Each spectrogram 0 to ``most`` columns later, its silent end first; backwards is no note."""
    columns = jax.random.randint(key, (len(x),), 0, most + 1)
    return jax.vmap(partial(jnp.roll, axis=1))(x, columns)


def class_loss(classifier: Classifier, batch, key, *, changed: Callable):
    """Cross-entropy on (uint8 images, labels), the images ``changed(x, key)`` at random."""
    images, labels = batch
    x = changed(images / 127.5 - 1, key)
    losses = optax.softmax_cross_entropy_with_integer_labels
    return losses(classifier(x), labels.astype(jnp.int32)).mean()


RECIPES = {
    "fashion-cfg": Recipe(
        "fashion-mnist",
        fashion_denoiser,
        partial(denoising_loss, times=logit_normal),
        steps=4200,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 1500},
        judge="fashion-classifier",
    ),
    "fashion-cfg-weak": Recipe(
        "fashion-mnist",
        weak_fashion_denoiser,
        denoising_loss,
        steps=1000,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 300},
        judge="fashion-classifier",
    ),
    "emoji-text": Recipe(
        "emoji",
        emoji_denoiser,
        prompt_loss,
        steps=4000,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 1500},
        arrays=captioned,
        size=32,
    ),
    "emoji-clip": Recipe(
        "emoji",
        emoji_judge,
        pair_loss,
        steps=2000,
        options={"learning_rate": 2e-3, "batch": 128, "cooldown": 1000},
        arrays=captioned,
        size=32,
    ),
    "emoji-control": Recipe(
        "emoji",
        edge_control,
        hint_loss,
        steps=2000,
        options={"optimizer": muon, "learning_rate": 2e-3, "cooldown": 500},
        arrays=edged,
        size=32,
        base="emoji-text",
    ),
    "fashion-classifier": Recipe(
        "fashion-mnist",
        lambda rngs: Classifier(1, 10, rngs=rngs),
        partial(class_loss, changed=mirrored),
        steps=9600,
        options={"learning_rate": 2e-3, "cooldown": 1600},
    ),
    "notes-cfg": Recipe(
        "notes",
        notes_denoiser,
        partial(denoising_loss, times=logit_normal),
        steps=2000,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 700},
        arrays=by_family,
        judge="notes-classifier",
    ),
    "notes-classifier": Recipe(
        "notes",
        lambda rngs: Classifier(1, 14, widths=(16, 32, 64), rngs=rngs),
        partial(class_loss, changed=delayed),
        steps=1500,
        options={"learning_rate": 2e-3, "cooldown": 500},
        arrays=by_family,
    ),
}
