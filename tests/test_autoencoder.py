"""The autoencoder: shapes, its rate in closed form, unit variance, and whose latents they are."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import filled
from flax import nnx
from jax.tree_util import Partial
from numpy.testing import assert_allclose, assert_array_equal

from workshop_lite import checkpoints, drawing, training
from workshop_lite.__main__ import main
from workshop_lite.networks import Autoencoder, Posterior, TinyDecoder, autoencoder, layers
from workshop_lite.recipes import RECIPES, latent

ROOT = Path(__file__).parent.parent
KEY = jax.random.key(0)
IMAGES = np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), np.uint8)
X = jnp.asarray(IMAGES / 127.5 - 1, jnp.float32)


def small(widths=(8, 16), channels=4, patch=2):
    return Autoencoder(3, channels, widths=widths, patch=patch, rngs=nnx.Rngs(0))


ae = cache(small)


@pytest.mark.parametrize(
    ("widths", "patch", "channels", "factor"),
    [((8, 16), 2, 4, 4), ((8,), 4, 4, 4), ((8, 8, 16), 2, 16, 8)],
)
def test_shapes(widths, patch, channels, factor):
    """The factor is the patch times 2 a level; what comes back has the size of what went in."""
    model = nnx.eval_shape(lambda: small(widths, channels, patch))
    assert model.factor == factor
    posterior = jax.eval_shape(Autoencoder.encode, model, jnp.zeros((2, 64, 32, 3)))
    z = (2, 64 // factor, 32 // factor, channels)
    assert posterior.mean.shape == posterior.log_var.shape == z
    back = jax.eval_shape(Autoencoder.decode, model, jnp.zeros(z))
    assert back.shape == (2, 64, 32, 3) and back.dtype == jnp.float32
    tiny = nnx.eval_shape(lambda: TinyDecoder(channels, 3, factor=factor, rngs=nnx.Rngs(0)))
    assert jax.eval_shape(TinyDecoder.decode, tiny, jnp.zeros(z)).shape == (2, 64, 32, 3)


def test_no_convolution_at_full_size(monkeypatch):
    """Patches first: the largest convolution sees half the height and width."""
    sizes, convolved = [], layers.convolved
    spy = lambda x, kernel: sizes.append(x.shape[1]) or convolved(x, kernel)
    monkeypatch.setattr(layers, "convolved", spy)
    model = nnx.eval_shape(small)
    jax.eval_shape(lambda m, x: m.decode(m.encode(x).mean), model, jnp.zeros((1, 64, 64, 3)))
    assert max(sizes) == 32 and min(sizes) == 16


def test_rows_do_not_mix():
    """What one picture gives does not depend on the others of its batch."""
    run = jax.jit(lambda m, x: m.decode(m.encode(x).mean))
    assert_allclose(run(ae(), X)[3:4], run(ae(), X[3:4]), atol=1e-5)


def test_kl_is_the_integral():
    """For one number, the integral of q log(q / p) on a fine grid; numbers add up."""
    mean, log_var = np.array([0.0, 1.5, -0.3]), np.array([0.0, -2.0, 1.0])
    z = np.linspace(-15, 15, 60_001)[:, None]
    log_q = -0.5 * ((z - mean) ** 2 / np.exp(log_var) + log_var)
    log_q_over_p = log_q + 0.5 * z**2
    q = np.exp(log_q) / np.sqrt(2 * np.pi)
    integral = (q * log_q_over_p).sum(axis=0) * (z[1] - z[0])
    posterior = Posterior(*(jnp.float32(a).reshape(3, 1, 1, 1) for a in (mean, log_var)))
    assert_allclose(posterior.kl(), integral, atol=1e-5)
    together = Posterior(*(jnp.reshape(a, (1, 1, 1, 3)) for a in posterior))
    assert_allclose(together.kl(), integral.sum(), rtol=1e-5)


def test_draws_have_the_moments_of_the_posterior():
    """Mean and standard deviation, to five standard errors."""
    n, mean, log_var = 40_000, 0.7, -1.0
    z = Posterior(jnp.full((n, 1, 1, 1), mean), jnp.full((n, 1, 1, 1), log_var)).draw(KEY)
    std = np.exp(log_var / 2)
    assert abs(z.mean() - mean) < 5 * std / np.sqrt(n)
    assert abs(z.std() - std) < 5 * std / np.sqrt(2 * n)


class Ramp:
    """Spends a nat and a half a picture, and gets every picture wrong by a ramp from 0 to 1."""

    def encode(self, x):
        return Posterior(jnp.full((len(x), 1, 1, 1), 3**0.5), jnp.zeros((len(x), 1, 1, 1)))

    def decode(self, z):
        ramp = jnp.linspace(0, 1, 5)[:, None, None]
        return jnp.broadcast_to(ramp, (len(z), 5, 4, 3))


def test_loss_by_hand(unchecked):
    """Mean error 1/2, squared 3/8; neighbours differ by 1/4 down; 3/2 nats over 60 numbers."""
    x = jnp.zeros((2, 5, 4, 3))
    for kl, gradients, squares in [(0, 0, 0), (2, 0, 0), (0, 3, 0), (0, 0, 2), (1e-3, 0.5, 0.1)]:
        weights = {"kl": kl, "gradients": gradients, "squares": squares}
        loss = autoencoder.reconstruction_loss(Ramp(), x, KEY, **weights)
        wanted = 0.5 + gradients * 0.25 + squares * 0.375 + kl * 1.5 / 60
        assert_allclose(loss, wanted, rtol=1e-6)


def test_batches_are_one_batch():
    """Pictures in threes, the last batch filled up, are the pictures at once; one compilation."""
    compiled = autoencoder._encode._cache_size()
    parts, whole = autoencoder.encoded(ae(), IMAGES, batch=3), ae().encode(X)
    assert autoencoder._encode._cache_size() == compiled + 1
    for part, leaf in zip(parts, whole, strict=True):
        assert isinstance(part, np.ndarray) and part.dtype == np.float32
        assert_allclose(part, leaf, atol=1e-4)
    back = autoencoder.decoded(ae(), parts.mean, batch=4)
    assert_allclose(back, ae().decode(whole.mean), atol=1e-4)
    for few in (1, 100):
        assert_allclose(autoencoder.decoded(ae(), parts.mean, batch=few), back, atol=1e-4)


def test_scaled_latents_have_unit_variance():
    """Scale times a draw of each latent has standard deviation 1, here to five percent."""
    scale = autoencoder.latent_scale(ae(), IMAGES)
    z = autoencoder.encoded(ae(), IMAGES).draw(KEY)
    assert abs(scale * z.std() - 1) < 0.05 < abs(z.std() - 1)


def assert_all_moved(before, after):
    """Every parameter of one model differs from that of the other."""
    old, new = (nnx.to_flat_state(nnx.state(m, nnx.Param)) for m in (before, after))
    still = [p for (p, a), (_, b) in zip(old, new, strict=True) if (a[...] == b[...]).all()]
    assert not still and len(old) > 4


def test_training_reaches_every_parameter_and_no_scale():
    """The loss falls, every parameter moves, and the scale, which is measured, does not."""
    loss = partial(latent.picture_loss, kl=1e-3, gradients=0.5)
    options = {"steps": 12, "batch": 4, "warmup": 1, "bar": False}
    fitted = training.fit(ae(), loss, (IMAGES,), **options)
    assert_all_moved(ae(), fitted.last)
    assert fitted.losses[-1] < 0.95 * fitted.losses[0]
    assert fitted.last.scale[...] == 1.0


def test_tiny_decoder_learns_from_a_frozen_autoencoder():
    """Its loss falls, every parameter moves, and the autoencoder is the same bits."""
    tiny = TinyDecoder(4, 3, factor=4, width=8, rngs=nnx.Rngs(0))
    before = [np.array(a) for a in jax.tree.leaves(ae())]
    data = autoencoder.encoded(ae(), IMAGES), IMAGES
    options = {"steps": 30, "batch": 4, "warmup": 1, "learning_rate": 1e-2, "bar": False}
    fitted = training.fit(tiny, Partial(latent.preview_loss, ae()), data, **options)
    assert_all_moved(tiny, fitted.last)
    assert fitted.losses[-5:].mean() < 0.9 * fitted.losses[0]
    for old, new in zip(before, jax.tree.leaves(ae()), strict=True):
        assert_array_equal(old, new)


def test_latent_loss_sees_scaled_latents(monkeypatch, unchecked):
    """The diffusion loss gets the scale times a fresh draw, and the captions as they are."""
    seen = []
    monkeypatch.setattr(latent, "caption_loss", lambda denoise, *args, **options: seen.append(args))
    posterior = Posterior(jnp.full((500, 2, 2, 1), 3.0), jnp.full((500, 2, 2, 1), np.log(0.25)))
    model = small((8,), 1)
    model.scale[...] = jnp.float32(0.5)
    batch = posterior, jnp.arange(500), jnp.arange(500) + 1
    for key in jax.random.split(KEY, 2):
        latent.latent_loss(model, None, batch, key)
    (x0, captions, phrases, _), (other, *_) = seen
    assert abs(x0.mean() - 1.5) < 0.03 and abs(x0.std() - 0.25) < 0.03 and (x0 != other).all()
    assert (captions == batch[1]).all() and (phrases == batch[2]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ae().encode(X[:, :10]),
            r"images must have shape .*, 3\] .* of 4, got \(7, 10, 16",
        ),
        (lambda: ae().encode(X[..., :1]), r"images must have shape .*, got \(7, 16, 16, 1\)"),
        (lambda: ae().encode(X[0]), r"images must be floating point with shape \[n, h, w, c\]"),
        (lambda: ae().encode(IMAGES), "images must be floating point"),
        (lambda: ae().encode(127.5 * X + 127.5), "images must lie between -1 and 1, got 0 to 255"),
        (lambda: ae().encode(X * jnp.nan), "images must be finite"),
        (lambda: autoencoder.encoded(ae(), np.asarray(X)), "images must be uint8 with shape"),
        (lambda: autoencoder.encoded(ae(), IMAGES[:, :10]), r"images must have shape .* 4, got"),
        (lambda: autoencoder.encoded(ae(), IMAGES, 0), "batch must be a whole number"),
        (lambda: ae().decode(jnp.zeros((2, 4, 4, 16))), r"latents must have shape .*, w, 4\], got"),
        (lambda: ae().decode(jnp.zeros((4, 4, 4))), "latents must be floating point with shape"),
        (lambda: autoencoder.decoded(ae(), X), r"latents must have shape .*, got \(7, 16, 16, 3\)"),
        (lambda: small((12,)), r"widths must be multiples of 8, got \(12,\)"),
        (lambda: small(channels=0), "latent must be a whole number of at least 1, got 0"),
        (
            lambda: autoencoder.reconstruction_loss(ae(), X, KEY, kl=-1),
            "kl must be a finite number of at least 0, got -1",
        ),
        (
            lambda: autoencoder.reconstruction_loss(ae(), X, KEY, kl=0, squares=-2),
            "squares must be a finite number of at least 0, got -2",
        ),
    ],
)
def test_bad_input(call, message, unchecked):
    """One sentence each."""
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["emoji-text", "emoji-latent", "emoji-pixel64"])
def test_the_three_ways_to_draw_64_pixels_are_one_class(name):
    """Each has the shape of its latents, or of its pixels, and at most 4 million parameters."""
    recipe = RECIPES[name]
    denoise = nnx.eval_shape(lambda: recipe.build(nnx.Rngs(0)))
    shape = (64, 64, 3)
    if recipe.base is not None:
        base = nnx.eval_shape(lambda: RECIPES[recipe.base].build(nnx.Rngs(0)))
        shape = (64 // base.factor, 64 // base.factor, base.latent)
    noise, t, tokens = jnp.zeros((2, *shape)), jnp.zeros(2), jnp.ones((2, 16), jnp.int32)
    run = lambda model, *inputs: model(*inputs)
    assert jax.eval_shape(run, denoise, noise, t, tokens).shape == noise.shape
    assert sum(leaf.size for leaf in jax.tree.leaves(denoise)) < 4e6


def test_eight_devices_are_one():
    """Split over 8 devices, latents train to the parameters of one device and sample the same."""
    code = """
import jax, numpy as np, optax
from flax import nnx
from jax.sharding import Mesh
from workshop_lite import datasets, drawing, training
from workshop_lite.networks import Autoencoder, Posterior
from workshop_lite.guidance import Guided
from workshop_lite.predictions import Denoiser, VELOCITY
from workshop_lite.recipes import RECIPES, emoji_words
from workshop_lite.schedules import cosine
from workshop_lite.conditioning import TextEncoder, null_prompts
from workshop_lite.networks import UNet
assert jax.device_count() == 8
base = Autoencoder(3, 4, widths=(8,), rngs=nnx.Rngs(0))
base.scale[...] = jax.numpy.float32(0.5)
words = TextEncoder(len(emoji_words()), d=16, d_vector=16, depth=1, rngs=nnx.Rngs(0))
sizes = {"d_cond": 16, "d_tokens": 16, "widths": (16,), "blocks": (1,), "patch": 1}
model = Denoiser(UNet(4, words, **sizes, rngs=nnx.Rngs(1)), cosine, VELOCITY)
head = model.network.head.kernel
head[...] = 0.1 * jax.random.normal(jax.random.key(1), head.shape)
rng = np.random.default_rng(0)
moments = Posterior(*rng.normal(0, [[[[[2.0]]]], [[[[0.5]]]]], (2, 32, 4, 4, 4)).astype(np.float32))
sentences = datasets.emoji_sentences()
captions, phrases = (emoji_words()(sentences[i : i + 32]) for i in (0, 32))
loss = jax.tree_util.Partial(RECIPES["emoji-latent"].loss, base)
one, spread = Mesh(np.array(jax.devices()[:1]), ("data",)), []
def watching(model, batch, key):
    note = lambda sharding: spread.append(len(sharding.device_set))
    jax.debug.inspect_array_sharding(batch[0].mean, callback=note)
    return loss(model, batch, key)
few, many = (
    training.fit(model, watching, (moments, captions, phrases), steps=6, batch=16, warmup=3,
                 optimizer=optax.sgd, learning_rate=0.1, mesh=mesh, bar=False)
    for mesh in (one, None)
)
assert {1, 8} <= set(spread), spread
np.testing.assert_allclose(many.losses, few.losses, rtol=1e-4)
for a, b in zip(*(jax.tree.leaves(f.last) for f in (many, few)), strict=True):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-6)
moved = [np.abs(np.asarray(a) - b).max() for a, b in zip(*map(jax.tree.leaves, (few.last, model)))]
assert max(moved) > 1e-3
guided = Guided(model, null_prompts, 3.0)
options = {"shape": (4, 4, 4), "steps": 3, "batch": 16}
few, many = (
    drawing.samples(guided, model.schedule, captions[:10], mesh=mesh, **options)
    for mesh in (one, None)
)
assert few.shape == (10, 4, 4, 4) and few.std() > 0.1
np.testing.assert_allclose(few, many, rtol=1e-3, atol=1e-4)
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **flags}, check=True, cwd=ROOT)


# Whose latents they are ------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An autoencoder of noise with its scale, and a model that draws in its latents."""
    for name in ("emoji-vae", "emoji-latent"):
        build = RECIPES[name].build
        model = filled(lambda build=build: build(nnx.Rngs(0)))
        notes = {"recipe": name}
        if name == "emoji-vae":
            model.scale[...] = jnp.float32(0.75)
        else:
            sha256 = checkpoints.card("emoji-vae", tmp_path)["sha256"]
            notes["base"] = {"name": "emoji-vae", "sha256": sha256}
        checkpoints.save(name, model, notes, tmp_path)
    return tmp_path


def test_the_scale_is_saved(folder):
    """``load`` gives it back, and ``bases`` is the autoencoder that the latents belong to."""
    ae = checkpoints.load("emoji-vae", folder)
    assert ae.scale[...] == 0.75 and checkpoints.bases("emoji-vae", folder) == ()
    (base,) = checkpoints.bases("emoji-latent", folder)
    assert isinstance(base, Autoencoder) and base.scale[...] == 0.75


def test_latents_become_pictures(folder):
    """The canvas of a latent model is that of its autoencoder, and divides by the scale."""
    shape, shown = drawing.canvas("emoji-latent", folder)
    assert shape == (16, 16, 4)
    z = jax.random.normal(KEY, (2, *shape))
    ae = checkpoints.load("emoji-vae", folder)
    assert_allclose(shown(z), ae.decode(z / 0.75), rtol=1e-3, atol=1e-3)
    shape, shown = drawing.canvas("emoji-vae", folder)
    assert shape == (64, 64, 3) and shown(z) is z


def test_another_autoencoder_is_refused(folder):
    """Same name and shapes, other weights: the card of the latent model knows the digest."""
    old = checkpoints.card("emoji-vae", folder)["sha256"]
    model = filled(lambda: RECIPES["emoji-vae"].build(nnx.Rngs(0)))
    checkpoints.save("emoji-vae", model, {"recipe": "emoji-vae"}, folder)
    new = checkpoints.card("emoji-vae", folder)["sha256"]
    message = f"^base of 'emoji-latent' must be the 'emoji-vae' with digest {old[:8]}, got one with"
    for call in (checkpoints.load, checkpoints.bases):
        with pytest.raises(ValueError, match=f"{message} {new[:8]}$"):
            call("emoji-latent", folder)


def test_command_line_measures_the_scale(tmp_path, monkeypatch, capsys):
    """A trained autoencoder has the scale of its training latents, in the weights and the card."""
    some = lambda emoji: (emoji.images[:40],)
    recipe = replace(RECIPES["emoji-vae"], build=lambda rngs: small(), arrays=some)
    monkeypatch.setitem(RECIPES, "emoji-vae", recipe)
    monkeypatch.chdir(tmp_path)
    main("train emoji-vae --steps 2".split())
    home = tmp_path / "runs" / "emoji-vae"
    scale = checkpoints.card("emoji-vae", home)["scale"]
    ae = checkpoints.load("emoji-vae", home)
    assert_allclose(float(ae.scale[...]), scale, rtol=1e-3)
    assert_allclose(autoencoder.latent_scale(ae, *recipe.rows("train")), scale, rtol=1e-2)
    main(f"evaluate emoji-vae --folder {home}".split())
    metrics = checkpoints.card("emoji-vae", home)["metrics"]
    assert metrics["n"] == 642 and 0 < metrics["psnr"] < 20 and abs(metrics["ssim"]) < 0.5
