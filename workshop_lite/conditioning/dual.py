"""Pictures and sentences in one space: the judge of what a text-to-image model draws."""

import jax.numpy as jnp
import optax
from flax import nnx
from jaxtyping import Array, Float, Int

from workshop_lite.conditioning.text import LENGTH, TextEncoder, Vocabulary
from workshop_lite.modules import Module
from workshop_lite.networks import Classifier


class DualEncoder(Module):
    """Unit vectors of images and of prompts, alike where they belong together: CLIP.

    Radford et al. (2021), Figure 3. ``features`` are those of the image before its projection.

    Args:
        size: number of different tokens, ``len`` of the vocabulary.
        vocabulary: the words themselves, kept with the encoder.
        d: numbers in a vector.
        widths: channels of the image encoder, as for ``Classifier``.
    """

    def __init__(
        self,
        size: int,
        *,
        d: int = 96,
        widths=(32, 64, 128),
        vocabulary: Vocabulary | None = None,
        rngs,
    ):
        self.size, self.d, self.widths, self.vocabulary = size, d, tuple(widths), vocabulary
        self.sight = Classifier(3, d, widths=widths, rngs=rngs)
        told = {"length": LENGTH if vocabulary is None else vocabulary.length}
        self.reading = TextEncoder(size, d=d, d_vector=d, vocabulary=vocabulary, **told, rngs=rngs)
        self.sharpness = nnx.Param(jnp.log(jnp.float32(10)))

    def images(self, x: Float[Array, "b h w 3"]) -> Float[Array, "b d"]:
        """Unit vectors of images in [-1, 1]."""
        return _unit(self.sight(x))

    def prompts(self, tokens: Int[Array, "b n"]) -> Float[Array, "b d"]:
        """Unit vectors of the prompts that a ``Vocabulary`` made these tokens of."""
        return _unit(self.reading(tokens).vector)

    def features(self, x: Float[Array, "b h w 3"]) -> Float[Array, "b d"]:
        """What the image encoder sees, for a Fréchet distance."""
        return self.sight.features(x)

    def loss(self, x: Float[Array, "b h w 3"], tokens: Int[Array, "b n"]) -> Float[Array, ""]:
        """Each image is to find its prompt in the batch, and each prompt its image."""
        alike = jnp.exp(self.sharpness[...]) * self.images(x) @ self.prompts(tokens).T
        losses, right = optax.softmax_cross_entropy_with_integer_labels, jnp.arange(len(x))
        return (losses(alike, right).mean() + losses(alike.T, right).mean()) / 2


def _unit(v: Float[Array, "b d"]) -> Float[Array, "b d"]:
    return v / (jnp.linalg.norm(v, axis=1, keepdims=True) + 1e-6)
