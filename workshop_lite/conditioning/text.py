"""Words become tokens, and a small transformer makes of them what a network is told."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.networks import Context
from workshop_lite.networks.layers import attended, zeros

LENGTH = 16  # tokens to a prompt, the start token included
NOTHING, START = 0, 1  # the tokens that are no words
DRAW = nnx.initializers.normal(0.1)  # of a word's first row


@dataclass(frozen=True)
class Vocabulary:
    """The words that a text encoder knows; called on prompts, it gives their tokens.

    Capitals and punctuation around words are no matter. Raises ValueError for a prompt without
    words, for one that is too long, and for a word that is not in ``words``.
    """

    words: tuple[str, ...]
    length: int = LENGTH

    def __call__(self, prompts: Sequence[str]) -> Int[np.ndarray, "b n"]:
        listed = isinstance(prompts, list | tuple | np.ndarray) and len(prompts)
        if not listed or not all(isinstance(prompt, str) for prompt in prompts):
            raise ValueError(f"prompts must be a list of strings, got {checks.shown(prompts)}")
        return np.stack([self._row(str(prompt)) for prompt in prompts])

    def __len__(self) -> int:
        return len(self.words) + 2

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words, START + 1)}

    def _row(self, prompt: str) -> Int[np.ndarray, " n"]:
        words = split(prompt)
        if not words:
            raise ValueError(
                f"prompts must have words in them, got {prompt!r}; no prompt is null_prompts"
            )
        if len(words) >= self.length:
            raise ValueError(
                f"prompts must have at most {self.length - 1} words, got {len(words)}"
                f" in {checks.shown(prompt)}"
            )
        unknown = [word for word in words if word not in self._places]
        if unknown:
            raise ValueError(
                f"prompts must be made of the {len(self.words):,} words of the vocabulary, got"
                f" {', '.join(map(repr, unknown))} in {checks.shown(prompt)}"
            )
        row = np.zeros(self.length, np.int32)
        row[: len(words) + 1] = START, *(self._places[word] for word in words)
        return row


def split(prompt: str) -> list[str]:
    """The words of a prompt, in small letters and without the punctuation around them.

    A straight apostrophe inside a word is a curly one, as the captions have it.
    """
    curly = re.sub(r"(?<=\w)['‘](?=\w)", "’", prompt.lower())
    words = re.split(r"[\s.,:;!?…()“”„«»‹›\"—]+", curly)
    return [bare for word in words if (bare := word.strip("'‘’‚–"))]


def vocabulary(sentences: Sequence[str]) -> Vocabulary:
    """All words of these sentences, in the order of the alphabet."""
    return Vocabulary(tuple(sorted({word for s in sentences for word in split(s)})))


def null_prompts(tokens: Int[Array, "b n"]) -> Int[Array, "b n"]:
    """The unconditional twin of a batch of prompts: the start token and no word."""
    a = checks.array(tokens)
    if a.ndim != 2 or not jnp.issubdtype(a.dtype, jnp.integer):
        raise ValueError(f"tokens must be whole numbers, [b, n], got {checks.kind(tokens)}")
    return jnp.zeros_like(a).at[:, 0].set(START)


class Layer(Module):
    """One layer of a transformer, a norm before each half; Xiong et al. (2020), Figure 1b."""

    def __init__(self, d: int, heads: int, *, rngs):
        self.heads = heads
        self.norm1, self.norm2 = nnx.LayerNorm(d, rngs=rngs), nnx.LayerNorm(d, rngs=rngs)
        self.qkv = nnx.Linear(d, 3 * d, rngs=rngs)
        self.out = nnx.Linear(d, d, kernel_init=zeros, rngs=rngs)
        self.rise = nnx.Linear(d, 4 * d, rngs=rngs)
        self.fall = nnx.Linear(4 * d, d, kernel_init=zeros, rngs=rngs)

    def __call__(self, h: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> Array:
        b, n, d = h.shape
        qkv = self.qkv(self.norm1(h)).reshape(b, n, 3, self.heads, d // self.heads)
        mixed = attended(*qkv.transpose(2, 0, 3, 1, 4), mask).transpose(0, 2, 1, 3)
        h = h + self.out(mixed.reshape(b, n, d))
        return h + self.fall(nnx.gelu(self.rise(self.norm2(h))))


class TextEncoder(Module):
    """A small transformer over the words: tokens in, a state for each and one vector for all.

    Args:
        size: number of different tokens, ``len`` of the vocabulary.
        vocabulary: the words themselves, kept with the encoder, so that who loads it can ask.
        d: width of the tokens' states.
        d_vector: width of the vector, a linear function of the words' mean state.
        depth: number of layers.
        length: tokens to a prompt.

    Raises ValueError for a vocabulary of another size or length.
    """

    def __init__(
        self,
        size: int,
        *,
        d: int = 128,
        d_vector: int,
        depth: int = 2,
        heads: int = 4,
        length: int = LENGTH,
        vocabulary: Vocabulary | None = None,
        rngs,
    ):
        for name, value in {"size": size, "d": d, "d_vector": d_vector, "depth": depth}.items():
            checks.whole(name, value)
        if vocabulary is not None and (len(vocabulary), vocabulary.length) != (size, length):
            raise ValueError(
                f"vocabulary must have {size} tokens, {length} to a prompt,"
                f" got {len(vocabulary)}, {vocabulary.length} to a prompt"
            )
        self.size, self.length, self.vocabulary = size, length, vocabulary
        self.d, self.d_vector, self.depth, self.heads = d, d_vector, depth, heads
        self.words = nnx.Param(DRAW(rngs.params(), (size, d)))
        self.places = nnx.Param(DRAW(rngs.params(), (length, d)))
        self.layers = nnx.List([Layer(d, heads, rngs=rngs) for _ in range(depth)])
        self.norm = nnx.LayerNorm(d, rngs=rngs)
        self.vector = nnx.Linear(d, d_vector, rngs=rngs)

    def __call__(self, tokens: Int[Array, "b n"]) -> Context:
        mask = tokens != NOTHING
        h = self.words[...][tokens] + self.places[...]
        for layer in self.layers:
            h = layer(h, mask)
        return pooled(self.norm(h), mask, self.vector)

    def check(self, tokens: Int[ArrayLike, "b n"], rows: int) -> None:
        """Raise ValueError unless there is one row of tokens for each row of noise."""
        a = checks.array(tokens)
        if a.shape != (rows, self.length) or not jnp.issubdtype(a.dtype, jnp.integer):
            raise ValueError(
                f"prompts must be tokens made by a Vocabulary, [{rows}, {self.length}],"
                f" got {checks.kind(tokens)}"
            )
        if checks.traced(tokens):
            return
        a = np.asarray(a)
        if (a < 0).any() or (a >= self.size).any() or (a[:, 0] == NOTHING).any():
            raise ValueError(
                f"prompts must be tokens from 0 to {self.size - 1} that begin with {START},"
                f" got {checks.shown(a[0])}"
            )


def extended(encoder: TextEncoder, words: Sequence[str], *, rngs: nnx.Rngs) -> TextEncoder:
    """The same encoder, which knows these words too: new rows behind the old ones.

    The old words keep their tokens and every bit of their rows; the new rows are drawn afresh, to
    be trained. Raises ValueError for an encoder without a vocabulary, and for what is no word or
    no new one.
    """
    old = getattr(encoder, "vocabulary", None)
    if old is None:
        raise ValueError(
            f"encoder must be a TextEncoder with a vocabulary, got {checks.shown(type(encoder))}"
        )
    listed = isinstance(words, list | tuple) and words and len(set(words)) == len(words)
    if not listed or not all(isinstance(w, str) and split(w) == [w] for w in words):
        raise ValueError(
            "words must be a list of words, each once and in small letters,"
            f" got {checks.shown(words)}"
        )
    if known := set(words) & set(old.words):
        raise ValueError(f"words must be new to the encoder, got {checks.shown(sorted(known)[0])}")
    new = nnx.clone(encoder)
    new.vocabulary = Vocabulary((*old.words, *words), old.length)
    new.size = len(new.vocabulary)
    rows = DRAW(rngs.params(), (len(words), encoder.d))
    new.words = nnx.Param(jnp.concatenate([encoder.words[...], rows]))
    return new


def pooled(states: Float[Array, "b n d"], mask: Bool[Array, "b n"], vector) -> Context:
    """The states as tokens, and their mean through ``vector``."""
    share = mask / mask.sum(axis=1, keepdims=True)
    return Context(vector(jnp.einsum("bn,bnd->bd", share, states)), states, mask)
