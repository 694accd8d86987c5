"""Shipped weights: loaded whole and fast, or refused in one sentence."""

import json
import shutil
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from workshop_lite import checkpoints, recipes

SHIPPED = ["fashion-cfg", "fashion-classifier"]


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped weights, to be spoilt."""
    return shutil.copytree(checkpoints.FOLDER, tmp_path / "weights")


def test_the_shipped_names():
    """What the book loads is there, each with a card, and within the size it promised."""
    assert checkpoints.names() == SHIPPED
    assert sum(p.stat().st_size for p in checkpoints.FOLDER.iterdir()) < 20e6


@pytest.mark.parametrize("name", SHIPPED)
def test_load_is_fast_and_finite(name):
    """A second load takes under a second, and no weight is NaN."""
    checkpoints.load(name)
    begin = time.process_time()
    model = checkpoints.load(name)
    assert time.process_time() - begin < 2  # of CPU time, on any machine
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(nnx.state(model)))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_says_what_it_cost(name):
    """Recipe, data digest, steps, images, minutes, device and metrics stand on every card."""
    card = checkpoints.card(name)
    wanted = {"recipe", "data", "data_sha256", "steps", "images", "minutes", "device", "metrics"}
    assert wanted <= set(card)
    before = card.get("start", {"steps": 0})  # weights that were trained further
    assert card["steps"] - before["steps"] == recipes.RECIPES[card["recipe"]].steps


def test_save_then_load_rounds_to_half_precision(tmp_path):
    """The weights come back within float16 rounding, in float32, and the model runs."""
    model = recipes.RECIPES["fashion-classifier"].build(nnx.Rngs(1))
    checkpoints.save("again", model, {"recipe": "fashion-classifier"}, tmp_path)
    loaded = checkpoints.load("again", tmp_path)
    pairs = zip(jax.tree.leaves(nnx.state(model)), jax.tree.leaves(nnx.state(loaded)), strict=True)
    for old, new in pairs:
        assert new.dtype == jnp.float32
        np.testing.assert_array_equal(np.asarray(old, np.float16), new)
    assert loaded(jnp.zeros((2, 28, 28, 1))).shape == (2, 10)


def test_unknown_name():
    """The message lists the names there are."""
    with pytest.raises(ValueError, match=r"name must be one of \['fashion-cfg'.*got 'nope'"):
        checkpoints.load("nope")


@pytest.mark.parametrize("spoil", ["flip", "truncate", "remove", "swap"])
def test_spoilt_weights_are_refused(folder, spoil):
    """A flipped bit, a short file, no file, or another model's file: one sentence."""
    path = folder / "fashion-classifier.safetensors"
    body = bytearray(path.read_bytes())
    if spoil == "flip":
        body[len(body) // 2] ^= 1
        path.write_bytes(body)
    elif spoil == "truncate":
        path.write_bytes(body[:-10])
    elif spoil == "remove":
        path.unlink()
    else:
        shutil.copy(folder / "fashion-cfg.safetensors", path)
    with pytest.raises(ValueError, match="missing or do not match their card"):
        checkpoints.load("fashion-classifier", folder)


def test_a_card_of_another_recipe_is_refused(folder):
    """Weights that fit no network of the recipe are named as such."""
    path = folder / "fashion-classifier.json"
    card = json.loads(path.read_text()) | {"recipe": "fashion-cfg"}
    path.write_text(json.dumps(card))
    with pytest.raises(ValueError, match="not those of recipe 'fashion-cfg'"):
        checkpoints.load("fashion-classifier", folder)
