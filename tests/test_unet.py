"""The network's parts against plain JAX, and the whole at every size."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import filled, normal
from flax import nnx
from numpy.testing import assert_allclose

from workshop_lite import training
from workshop_lite.conditioning import Labels, dropped, null_labels
from workshop_lite.networks import UNet, layers
from workshop_lite.networks.convolution import convolved
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine

LABELS = jnp.array([0, 2, -1])


def small(channels=1, widths=(8, 16), blocks=(1, 1), dtype=None):
    """A fresh U-Net for three classes."""
    rngs = nnx.Rngs(0)
    options = {"d_cond": 16, "widths": widths, "blocks": blocks, "dtype": dtype, "rngs": rngs}
    return UNet(channels, Labels(3, 16, rngs=rngs), **options)


fresh = cache(small)


apply = jax.jit(UNet.__call__)


def images(h=8, w=8, c=1):
    return jax.random.normal(jax.random.key(1), (3, h, w, c))


@pytest.mark.parametrize("size", [(28, 28), (30, 30), (32, 32), (20, 28), (2, 2)])
@pytest.mark.parametrize("widths", [(8,), (8, 8, 16)])
def test_output_has_the_shape_of_the_input(size, widths):
    """Any height and width that patches divide come back, odd levels (15, 7) included."""
    model = nnx.eval_shape(lambda: small(3, widths, (1,) * len(widths)))
    xt = jnp.zeros((3, *size, 3))
    out = jax.eval_shape(UNet.__call__, model, xt, jnp.zeros(3), LABELS)
    assert out.shape == xt.shape and out.dtype == jnp.float32


def test_features_are_one_a_block():
    """``encode`` gives the features of every block, finest first and the middle's last."""
    model = nnx.eval_shape(lambda: small(1, (8, 16, 24), (2, 1, 3)))
    context = jax.eval_shape(UNet.embed, model, jnp.zeros(3), LABELS)
    features = jax.eval_shape(UNet.encode, model, jnp.zeros((3, 28, 28, 1)), context)
    sizes = [(14, 8)] * 2 + [(7, 16)] + [(4, 24)] * 3 + [(4, 24)]
    assert [f.shape for f in features] == [(3, n, n, c) for n, c in sizes]


def test_fresh_network_outputs_zeros():
    """The last convolution starts at zero; where it does not, the output is finite and alive."""
    t = jnp.linspace(0, 1, 3)
    assert (apply(fresh(), images(), t, LABELS) == 0).all()
    out = apply(filled(small), images(), t, LABELS)
    assert jnp.isfinite(out).all() and (jnp.std(out, axis=(1, 2, 3)) > 0.01).all()


def test_rows_do_not_mix():
    """What one row gives does not depend on the other rows of the batch."""
    model, t = filled(small), jnp.array([0.1, 0.5, 0.9])
    out = apply(model, images(), t, LABELS)
    alone = apply(model, images()[1:2], t[1:2], LABELS[1:2])
    assert_allclose(out[1:2], alone, atol=1e-5)


def test_network_listens():
    """Time and label both change the output, and the null label is a row of its own."""
    model, x = filled(small), jnp.broadcast_to(images()[:1], (3, 8, 8, 1))
    by_time = apply(model, x, jnp.array([0.1, 0.5, 0.9]), jnp.zeros(3, int))
    by_label = apply(model, x, jnp.full(3, 0.5), jnp.array([1, 2, -1]))
    for out in (by_time, by_label):
        gaps = jnp.abs(out[:, None] - out[None]).max(axis=(2, 3, 4))
        assert (gaps + jnp.eye(3) > 1e-3).all()


def test_bfloat16_is_close():
    """In bfloat16 output and parameters stay float32, and agree to bfloat16's 2 to 3 digits."""
    t = jnp.linspace(0, 1, 3)
    model, half = filled(small), filled(partial(small, dtype=jnp.bfloat16))
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(half))
    full, out = (apply(m, images(), t, LABELS) for m in (model, half))
    assert out.dtype == jnp.float32 and (out != full).any()
    assert jnp.abs(out - full).max() < 0.05 * jnp.abs(full).max()


@pytest.mark.parametrize("shape", [(2, 8, 12, 3), (1, 7, 5, 1)])
@pytest.mark.parametrize("p", [1, 2, 4])
def test_patches_are_undone(shape, p):
    """``from_patches`` undoes ``to_patches``, up to the zeros that fill a ragged edge."""
    x = jnp.arange(np.prod(shape), dtype=jnp.float32).reshape(shape)
    back = layers.from_patches(layers.to_patches(x, p), p)
    h, w = shape[1:3]
    assert (back[:, :h, :w] == x).all()
    assert (back[:, h:] == 0).all() and (back[:, :, w:] == 0).all()


def test_a_patch_is_a_square():
    """The channels of a patch are its own p x p pixels, row by row."""
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    assert layers.to_patches(x, 2)[0, 0, 1].tolist() == [2, 3, 6, 7]


@pytest.mark.parametrize(
    ("shape", "out"),
    [
        ((2, 6, 6, 3), 5),
        ((1, 5, 9, 4), 5),
        ((2, 1, 1, 2), 5),
        ((2, 7, 7, 112), 96),  # from 96 channels on, a CPU filters tiles
        ((1, 3, 13, 96), 104),
        ((2, 1, 1, 96), 96),
    ],
)
def test_convolution_and_its_gradient(shape, out):
    """Our 3 x 3 convolution is JAX's own, and so are its gradients."""
    x = jax.random.normal(jax.random.key(0), shape)
    kernel = jax.random.normal(jax.random.key(1), (3, 3, shape[3], out)) / (9 * shape[3]) ** 0.5
    g = jax.random.normal(jax.random.key(2), (*shape[:3], out))
    plain = lambda x, k: jax.lax.conv_general_dilated(
        x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )

    @jax.jit
    def both(x, kernel, g):
        (ours, pull), (theirs, pull_plain) = (jax.vjp(f, x, kernel) for f in (convolved, plain))
        return (ours, *pull(g)), (theirs, *pull_plain(g))

    for a, b in zip(*both(x, kernel, g), strict=True):
        assert_allclose(a, b, atol=1e-4)


def test_tiles_are_filtered_where_channels_are_many():
    """A CPU multiplies less for many channels in float32, and only there."""
    work = lambda c, dtype: jax.jit(convolved).lower(  # noqa: E731
        jnp.ones((1, 8, 8, c), dtype), jnp.ones((3, 3, c, c), dtype)
    )
    sliding = lambda c, dtype: "convolution" in work(c, dtype).as_text()  # noqa: E731
    assert not sliding(96, jnp.float32)
    assert sliding(88, jnp.float32) and sliding(96, jnp.bfloat16)


@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
def test_group_norm_is_that_of_flax(dtype):
    """The same numbers in the same type, and of a flat image nothing but the bias."""
    ours, theirs = (
        filled(lambda kind=kind: kind(12, 3, dtype=dtype, rngs=nnx.Rngs(0)))
        for kind in (layers.GroupNorm, nnx.GroupNorm)
    )
    x = 3 * jax.random.normal(jax.random.key(0), (2, 5, 4, 12)) + 1
    a, b = ours(x), theirs(x)
    assert a.dtype == b.dtype
    tolerance = 1e-5 if dtype is None else 0.05
    assert_allclose(a.astype(jnp.float32), b.astype(jnp.float32), atol=tolerance)
    flat = ours(jnp.full((1, 5, 4, 12), 2.0))  # 1 / sqrt(epsilon) makes rounding a thousandfold
    assert_allclose(flat[0].astype(jnp.float32) - ours.bias[...], 0, atol=0.01)


def test_attention_sees_every_pixel():
    """In attention every pixel hears of a change in the first."""
    attention = filled(lambda: layers.SelfAttention(8, groups=1, rngs=nnx.Rngs(0)))
    x = jax.random.normal(jax.random.key(0), (1, 5, 4, 8))
    apply = jax.jit(layers.SelfAttention.__call__)
    changed = apply(attention, x.at[0, 0, 0, 0].add(3.0)) - apply(attention, x)
    assert (jnp.abs(changed).max(axis=-1) > 1e-6).all()


@pytest.mark.parametrize(("n", "dim"), [(4, 8), (3, 64)])
def test_sinusoids_tell_times_apart(n, dim):
    """Every time has its own code of sines and cosines, of unit radius at each frequency."""
    code = layers.sinusoids(jnp.linspace(0, 1, n), dim)
    radius = code[:, : dim // 2] ** 2 + code[:, dim // 2 :] ** 2
    assert_allclose(radius, 1.0, rtol=1e-4)
    assert (np.linalg.norm(code[:, None] - code[None], axis=-1) + np.eye(n) > 0.5).all()


def test_every_parameter_is_trained():
    """After a few steps every parameter has moved, each label's row and the null's included."""
    denoise = Denoiser(fresh(), cosine, VELOCITY)

    def loss(denoise, batch, key):
        x0, labels = batch
        return training.loss(denoise, x0, labels, null_labels, key, drop=0.5)

    data = (np.asarray(normal(24, 64).reshape(24, 8, 8, 1)), np.arange(24) % 3)
    fitted = training.fit(denoise, loss, data, steps=8, batch=12, warmup=1, bar=False)
    before, after = (nnx.to_flat_state(nnx.state(m, nnx.Param)) for m in (denoise, fitted.model))
    still = [
        path for (path, a), (_, b) in zip(before, after, strict=True) if (a[...] == b[...]).all()
    ]
    assert not still
    table = fitted.model.network.condition.table[...] != denoise.network.condition.table[...]
    assert table.shape[0] == 4 and table.any(axis=1).all()


def test_null_labels_are_minus_one():
    """The unconditional twin of any labels is -1, of the same shape and type."""
    null = null_labels(jnp.array([4, 0, 9]))
    assert null.tolist() == [-1, -1, -1] and null.dtype == jnp.array([4]).dtype


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_dropped_share(share):
    """The share of dropped rows is the share asked for, to four standard errors."""
    n = 20_000
    labels = jnp.arange(n) % 7
    out = dropped(labels, null_labels(labels), share, jax.random.key(0))
    gone = out == -1
    assert abs(gone.mean() - share) < 4 * np.sqrt(share * (1 - share) / n)
    assert (out == labels)[~gone].all()


@pytest.mark.parametrize(("share", "label"), [(0.0, 3), (1.0, -1)])
def test_dropping_none_or_all(share, label):
    """A share of 0 drops no row and a share of 1 every row, of any tree of conditions."""
    cond = {"label": jnp.full(500, 3), "image": jnp.full((500, 2, 2), 3.0)}
    null = jax.tree.map(lambda a: jnp.full_like(a, -1), cond)
    out = dropped(cond, null, share, jax.random.key(0))
    assert all((leaf == label).all() for leaf in jax.tree.leaves(out))
