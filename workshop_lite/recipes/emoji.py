"""Emoji of four styles: their words, a denoiser that reads captions, its loss, and a judge."""

from functools import cache

import jax
import jax.numpy as jnp
from flax import nnx

from workshop_lite import datasets
from workshop_lite.conditioning import (
    DualEncoder,
    TextEncoder,
    Vocabulary,
    null_prompts,
    vocabulary,
)
from workshop_lite.networks import UNet
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes.recipe import Recipe, fast_dtype, signed
from workshop_lite.schedules import cosine
from workshop_lite.training import logit_normal, loss

#: Fixed before any of the models was trained that they are shown of.
HERO = [
    f"a {style} emoji of {thing}"
    for style, thing in zip(
        ["noto", "twemoji", "fluent", "3d fluent"] * 5,
        """a red apple,a cat face,an open book,a tropical fish,a glowing star,a sun with face,
        a blue heart,a dog face,a rocket,a palm tree,a green heart,a house,a pizza,a guitar,
        a bicycle,a rose,a hot dog,an elephant,a crown,a key""".replace("\n", "").split(","),
        strict=True,
    )
]


@cache
def emoji_words() -> Vocabulary:
    """The words of all captions of the emoji."""
    return vocabulary(datasets.emoji_sentences())


def emoji_denoiser(
    rngs: nnx.Rngs,
    *,
    channels: int,
    patch: int,
    widths: tuple[int, ...],
    d_cond: int,
    d_tokens: int,
) -> Denoiser:
    """U-Net that is told a caption, by a vector and by its tokens; one block a level."""
    told = emoji_words()
    words = TextEncoder(len(told), d=d_tokens, d_vector=d_cond, vocabulary=told, rngs=rngs)
    size = {"d_cond": d_cond, "d_tokens": d_tokens, "widths": widths, "blocks": (1,) * len(widths)}
    size |= {"patch": patch, "dtype": fast_dtype(jax.devices()[0])}
    return Denoiser(UNet(channels, words, **size, rngs=rngs), cosine, VELOCITY)


def captioned(data: datasets.Emoji | datasets.Captioned, words: Vocabulary | None = None) -> tuple:
    """Images; their captions' tokens; those of the captions without the style.

    ``words`` are those of the emoji if no others are given. Captions of your own have no style to
    leave out.
    """
    words = emoji_words() if words is None else words
    if not isinstance(data, datasets.Emoji):
        tokens = words(data.captions)
        return data.images, tokens, tokens
    phrases = [data.phrases[concept] for concept in data.concepts]
    return data.images, words(datasets.captions(data)), words(phrases)


def prompt_loss(denoise: Denoiser, batch, key, **options):
    """``caption_loss`` on a batch of (uint8 images, captions, captions without the style)."""
    images, captions, phrases = batch
    return caption_loss(denoise, signed(images), captions, phrases, key, **options)


def caption_loss(
    denoise: Denoiser, x0, captions, phrases, key, *, brief: float = 0.2, drop: float = 0.1
):
    """The diffusion loss on captions, of which a share ``brief`` leaves the style open."""
    key, k_brief = jax.random.split(key)
    short = jax.random.bernoulli(k_brief, brief, (len(x0), 1))
    prompts = jnp.where(short, phrases, captions)
    return loss(denoise, x0, prompts, null_prompts, key, drop=drop, times=logit_normal)


def emoji_judge(rngs: nnx.Rngs) -> DualEncoder:
    """Image and prompt encoder for 32 x 32 emoji."""
    return DualEncoder(len(emoji_words()), vocabulary=emoji_words(), rngs=rngs)


def pair_loss(judge: DualEncoder, batch, key):
    """The contrastive loss, of images moved by up to two pixels."""
    images, captions, _ = batch
    moves = jax.random.randint(key, (len(images), 2), -2, 3)
    x = jax.vmap(lambda image, move: jnp.roll(image, move, (0, 1)))(signed(images), moves)
    return judge.loss(x, captions)


RECIPES = {
    "emoji-clip": Recipe(
        "emoji",
        emoji_judge,
        pair_loss,
        steps=2000,
        options={"learning_rate": 2e-3, "batch": 128, "cooldown": 1000},
        arrays=captioned,
        size=32,
    ),
}
