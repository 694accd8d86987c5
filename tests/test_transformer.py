"""A transformer takes the U-Net's place: the same call and the same checks."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import filled
from flax import nnx
from numpy.testing import assert_allclose

from workshop_lite import architectures, training
from workshop_lite.conditioning import Labels, TextEncoder, null_labels
from workshop_lite.guidance import Guided
from workshop_lite.networks import Transformer
from workshop_lite.networks.transformer import _places
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import denoising_loss
from workshop_lite.samplers import ddim
from workshop_lite.schedules import cosine

SIZE = {"d_cond": 8, "width": 8, "depth": 2, "heads": 2}
T, LABELS = jnp.array([0.2, 0.5, 0.9]), jnp.array([0, 2, -1])


def small(channels=1, **options):
    rngs = nnx.Rngs(0)
    return Transformer(channels, Labels(3, 8, rngs=rngs), **SIZE | options, rngs=rngs)


def reading():
    words = TextEncoder(9, d=6, d_vector=8, heads=2, length=4, depth=1, rngs=nnx.Rngs(0))
    return Transformer(3, words, **SIZE, d_tokens=6, rngs=nnx.Rngs(0))


alive = cache(lambda: filled(small))
apply = jax.jit(Transformer.__call__)


def images(h=8, w=8, c=1):
    return jax.random.normal(jax.random.key(1), (3, h, w, c))


@pytest.mark.parametrize(("size", "patch"), [((8, 8), 2), ((12, 8), 4), ((5, 3), 1)])
def test_output_has_the_shape_of_the_input(size, patch):
    """Any height and width that patches divide; in float32 whatever it computes in."""
    model = nnx.eval_shape(lambda: small(3, patch=patch, dtype=jnp.bfloat16))
    xt = jnp.zeros((3, *size, 3))
    out = jax.eval_shape(Transformer.__call__, model, xt, T, LABELS)
    assert out.shape == xt.shape and out.dtype == jnp.float32


def test_a_fresh_network_outputs_zeros():
    """And its blocks hand on what they get: every gate is 0 at first, and so is cross-attention."""
    assert (apply(small(), images(), T, LABELS) == 0).all()
    fresh = reading()
    x, context = jax.random.normal(jax.random.key(2), (3, 4, 4, 8)), fresh.condition(TOKENS)
    assert (fresh.blocks[0](x, context) == x).all()


TOKENS = jnp.array([[1, 2, 3, 0], [1, 4, 0, 0], [1, 0, 0, 0]])


def test_it_listens():
    """To time, to labels, to words, and to where things stand: a moved image is another."""
    x = jnp.broadcast_to(images()[:1], (3, 8, 8, 1))
    by_time = apply(alive(), x, T, jnp.zeros(3, int))
    by_label = apply(alive(), x, jnp.full(3, 0.5), jnp.array([1, 2, -1]))
    by_words = apply(filled(reading), jnp.repeat(x, 3, 3), jnp.full(3, 0.5), TOKENS)
    for out in (by_time, by_label, by_words):
        gaps = jnp.abs(out[:, None] - out[None]).max(axis=(2, 3, 4))
        assert (gaps + jnp.eye(3) > 1e-3).all()
    moved = apply(alive(), jnp.roll(x, 2, axis=2), T, LABELS)
    assert jnp.abs(jnp.roll(moved, -2, axis=2) - apply(alive(), x, T, LABELS)).max() > 1e-3


def test_empty_places_of_a_row_do_not_count():
    """Whatever number stands where the mask is False."""
    model = filled(reading)
    context = model.condition(TOKENS)
    x = jax.random.normal(jax.random.key(2), (3, 4, 4, 8))
    other = context._replace(tokens=jnp.where(context.mask[..., None], context.tokens, 7.0))
    assert_allclose(model.blocks[0](x, other), model.blocks[0](x, context), atol=1e-6)


def test_rows_do_not_mix():
    out = apply(alive(), images(), T, LABELS)
    assert_allclose(apply(alive(), images()[1:2], T[1:2], LABELS[1:2]), out[1:2], atol=1e-5)


def test_places_differ_and_are_near_where_they_are_near():
    """No two of 16 x 16 are the same; the cosine of neighbours is above that of far ones."""
    flat = np.asarray(_places(16, 16, 32)).reshape(256, 32)
    alike = flat @ flat.T / 16
    assert_allclose(np.diag(alike), 1.0, atol=1e-5)
    assert (alike - np.eye(256)).max() < 0.99
    assert alike[0, 1] > alike[0, 5] and alike[0, 16] > alike[0, 16 * 5]
    assert_allclose(
        _places(4, 6, 8)[2, 5], np.r_[_places(4, 1, 8)[2, 0, :4], _places(1, 6, 8)[0, 5, 4:]]
    )


def test_it_learns_and_can_be_described():
    """Every parameter moves, the loss is a number, and data makes the same network again."""
    model = Denoiser(small(), cosine, VELOCITY)
    rng = np.random.default_rng(0)
    data = rng.integers(0, 255, (8, 8, 8, 1), np.uint8), rng.integers(0, 3, 8)
    options = {"steps": 6, "batch": 8, "warmup": 0, "chunk": 6, "bar": False}
    fitted = training.fit(model, partial(denoising_loss, drop=0.5), data, **options)
    pairs = zip(jax.tree.leaves(model), jax.tree.leaves(fitted.last), strict=True)
    assert np.isfinite(fitted.losses).all() and all((old != new).any() for old, new in pairs)
    again = nnx.eval_shape(lambda: architectures.built(architectures.described(model)))
    assert [a.shape for a in jax.tree.leaves(again)] == [a.shape for a in jax.tree.leaves(model)]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (partial(small, width=10, heads=2), "width must be a multiple of 4 and of heads, got 10"),
        (partial(small, depth=0), "depth must be a whole number of at least 1, got 0"),
        (partial(small, d_cond=7), "d_cond must be even, got 7"),
        (
            lambda: alive()(images(7), T, LABELS),
            r"shape \[b, h, w, 1\] with h and w multiples of 2, got \(3, 7, 8, 1\)",
        ),
        (lambda: alive()(images(), T, jnp.zeros(2, int)), "labels must"),
    ],
)
def test_bad_input(call, message, unchecked):
    with pytest.raises(ValueError, match=message):
        call()


def test_guidance_and_samplers_take_it():
    """As any denoiser: the null twin is another question to the same network."""
    denoise = Denoiser(alive(), cosine, VELOCITY)
    plain, guided = (
        ddim(Guided(denoise, null_labels, scale), cosine, images(), LABELS, steps=2)[0]
        for scale in (1.0, 3.0)
    )
    assert plain.shape == guided.shape and jnp.abs(plain - guided).max() > 1e-3
