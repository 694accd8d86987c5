"""Recipes compute in the number format that the device is built for."""

from functools import cache
from types import SimpleNamespace as Device

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from numpy.testing import assert_allclose, assert_array_equal

from workshop_lite import datasets, recipes
from workshop_lite.conditioning import hints
from workshop_lite.networks import Posterior
from workshop_lite.recipes import RECIPES, fast_dtype


@pytest.mark.parametrize(
    ("device", "dtype"),
    [
        (Device(platform="cpu"), None),
        (Device(platform="tpu"), jnp.bfloat16),
        (Device(platform="gpu", compute_capability="7.5"), None),
        (Device(platform="gpu", compute_capability="8.0"), jnp.bfloat16),
        (Device(platform="gpu", compute_capability="12.0"), jnp.bfloat16),
    ],
)
def test_bfloat16_where_the_device_has_units_for_it(device, dtype):
    """A T4 has none, an A100 has; here, on a CPU, everything is float32."""
    assert fast_dtype(device) is dtype
    assert fast_dtype(jax.devices("cpu")[0]) is None


def test_the_weak_model_is_weaker():
    """A quarter of the parameters of the model that it is to guide."""
    sizes = {
        name: sum(leaf.size for leaf in jax.tree.leaves(RECIPES[name].build(nnx.Rngs(0))))
        for name in ("fashion-cfg", "fashion-cfg-weak")
    }
    assert sizes["fashion-cfg-weak"] < 0.25 * sizes["fashion-cfg"]


def test_notes_are_told_their_family():
    """A batch of notes is pictures and families, and both recipes see the same."""
    test = datasets.load("notes", "test")
    for name in ("notes-cfg", "notes-classifier"):
        images, labels = RECIPES[name].rows("test")
        assert_array_equal(images, test.images)
        assert_array_equal(labels, test.families)


def test_every_judge_knows_the_data():
    """The classifier that scores a model was made for the same data."""
    judged = {name: recipe for name, recipe in RECIPES.items() if recipe.judge}
    assert {"fashion-cfg", "notes-cfg"} <= set(judged)
    for recipe in judged.values():
        assert RECIPES[recipe.judge].data == recipe.data


def test_pictures_are_mirrored_and_notes_delayed():
    """Some images each way; a note only moves later, and nothing of it is lost."""
    x = jnp.arange(40 * 3 * 6.0).reshape(40, 3, 6, 1)
    mirrored = recipes.fashion.mirrored(x, jax.random.key(0))
    turned = (mirrored == x[:, :, ::-1]).all(axis=(1, 2, 3))
    assert (turned | (mirrored == x).all(axis=(1, 2, 3))).all() and 8 < turned.sum() < 32
    delayed = recipes.notes.delayed(x, jax.random.key(0))
    late = [(delayed == jnp.roll(x, i, axis=2)).all(axis=(1, 2, 3)) for i in range(3)]
    assert (np.sum(late, axis=0) == 1).all() and min(which.sum() for which in late) > 4


@cache
def shapes(name):
    """What a branch stands on, shapes alone: the U-Net, and the autoencoder of its latents."""
    base = RECIPES[name].base
    below = () if base is None else shapes(base)
    return (nnx.eval_shape(lambda: RECIPES[name].build(nnx.Rngs(0), *below)), *below)


@pytest.mark.parametrize(
    ("name", "see"), [("emoji-control", hints.edges), ("emoji-layout", hints.layout)]
)
def test_hints_reach_the_loss_as_they_are_drawn(name, see, monkeypatch):
    """The rows hold them as pictures of eight bits; the loss sees them in [0, 1] again."""
    recipe, images = RECIPES[name], datasets.load("emoji", "test", 64).images
    branch, base, ae = shapes(name)
    moments = np.zeros((len(images), 8, 8, 16), np.float32)
    posteriors = Posterior(moments, moments - 50)
    monkeypatch.setattr(recipes.latent, "encoded", lambda *_: posteriors)
    posteriors, captions, hint = recipe.rows("test", base, ae)
    assert hint.dtype == np.uint8 and len(images) == len(captions) == len(hint)
    monkeypatch.setattr(recipes.control, "loss", lambda _, x0, cond, *rest, **options: (x0, cond))
    batch = jax.tree.map(lambda rows: rows[:9], (posteriors, captions, hint))
    ae.scale = nnx.Variable(jnp.float32(2.0))
    x0, cond = recipe.loss(base, ae, branch, batch, jax.random.key(0))
    assert x0.shape == (9, 8, 8, 16) and abs(x0).max() < 1e-6
    assert_allclose(cond.hint, see(datasets.signed(images[:9])), atol=0.51 / 255)
    assert_array_equal(cond.strength, np.ones(9))


@pytest.mark.parametrize("name", ["emoji-control", "emoji-layout"])
def test_control_begins_as_a_copy_of_its_base(name):
    """Of the model that it is trained beside, not of one with fresh weights."""
    base, ae = shapes(RECIPES[name].base)
    base = jax.tree.map(lambda leaf: np.full(leaf.shape, 7.0, leaf.dtype), base)
    branch = RECIPES[name].build(nnx.Rngs(0), base, ae)
    for part in ("stem", "encoder"):
        copied = jax.tree.leaves(getattr(branch, part))
        assert copied and all((leaf == 7.0).all() for leaf in copied)
