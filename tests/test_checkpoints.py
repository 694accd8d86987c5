"""Shipped weights: loaded whole and fast, or refused in one sentence."""

import json
import shutil
import time
from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from workshop_lite import architectures, checkpoints, recipes

SHIPPED = ["emoji-clip", "emoji-control", "emoji-latent", "emoji-layout", "emoji-pixel64"]
SHIPPED += ["emoji-text", "emoji-tiny", "emoji-vae", "emoji-vae-f8"]
SHIPPED += ["fashion-cfg", "fashion-cfg-weak", "fashion-classifier"]
SHIPPED += ["notes-cfg", "notes-classifier"]
SOME = ["emoji-text", "fashion-cfg", "fashion-classifier"]


@pytest.fixture
def folder(tmp_path):
    """A copy of the shipped weights, to be spoilt."""
    return shutil.copytree(checkpoints.FOLDER, tmp_path / "weights")


def test_the_shipped_names():
    """What the book loads is there, each with a card, and within the size it promised."""
    assert checkpoints.names() == SHIPPED
    assert sum(p.stat().st_size for p in checkpoints.FOLDER.iterdir()) < 45e6


@pytest.mark.parametrize("name", SHIPPED)
def test_load_is_fast_and_finite(name):
    """A second load takes under a second, and no weight is NaN."""
    checkpoints.load(name)
    begin = time.process_time()
    model = checkpoints.load(name)
    assert time.process_time() - begin < 2  # of CPU time, on any machine
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(nnx.state(model)))


def test_the_recipe_of_a_model():
    """It is found by the card, and an unknown model has none."""
    assert checkpoints.recipe("notes-classifier") is recipes.RECIPES["notes-classifier"]
    with pytest.raises(ValueError, match="^name must be one of"):
        checkpoints.recipe("nope")


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_says_what_the_model_is(name):
    """Built from the card alone it is what its recipe builds: structure, sizes, words, classes."""
    card = checkpoints.card(name)
    made_by = recipes.RECIPES[card["recipe"]]
    fresh = nnx.eval_shape(lambda: made_by.build(nnx.Rngs(0), *checkpoints.bases(name)))
    assert card["model"] == architectures.described(fresh)
    loaded = checkpoints.load(name)
    assert jax.tree.structure(loaded) == jax.tree.structure(fresh)
    assert ("classes" in card) == (made_by.judge is not None or name.endswith("classifier"))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_card_says_what_it_cost(name):
    """Recipe, data digest, steps, images, minutes, device and metrics stand on every card."""
    card = checkpoints.card(name)
    wanted = {"recipe", "data", "data_sha256", "steps", "images", "minutes", "device", "metrics"}
    assert wanted <= set(card)
    before = card.get("start", {"steps": 0})  # weights that were trained further
    steps = card.get("changed", {}).get("steps", recipes.RECIPES[card["recipe"]].steps)
    assert card["steps"] - before["steps"] == steps


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
    with pytest.raises(ValueError, match=r"name must be one of \[.*'fashion-cfg'.*got 'nope'"):
        checkpoints.load("nope")


def assert_refused(call, folder, match=""):
    """One sentence, and every file is as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=match) as error:
        call()
    message = str(error.value)
    assert message and "\n" not in message and len(message) < 400, message
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flips(body: bytes, n: int, first: int = 0) -> list[bytes]:
    """Copies of ``body`` with one bit flipped: in each of the ``first`` bytes, and at n others."""
    rng, flipped = np.random.default_rng(0), []
    for place in [*range(first), *rng.integers(len(body), size=n)]:
        copy = bytearray(body)
        copy[place] ^= 1 << int(rng.integers(8))
        flipped.append(bytes(copy))
    return flipped


def spoilt(body: bytes, other: bytes) -> list[bytes]:
    """What can become of a file: cut short, grown, empty, text, or the content of another."""
    cuts = [body[: len(body) * i // 5] for i in range(1, 5)]
    return [*cuts, body[:-1], body[1:], body + b"\0", b"", b"hello " * 9, b"{}", b"[1]", other]


WEIGHTS = "weights of '{}' are missing or do not match their card; reinstall"
CARD = "card {}.json is missing, damaged, or was edited by hand; restore it"


@pytest.mark.parametrize(("name", "other"), list(permutations(SOME, 2)))
def test_spoilt_weights_are_refused(folder, name, other):
    """A flipped bit anywhere, most of all in the header, and any other content: one sentence."""
    path = folder / f"{name}.safetensors"
    body = path.read_bytes()
    header = int.from_bytes(body[:8], "little")
    altered = flips(body, 24) + flips(body[: 8 + header], 24, first=8)
    altered = [a + body[len(a) :] for a in altered]
    altered += spoilt(body, (folder / f"{other}.safetensors").read_bytes())
    assert len(set(altered) - {body}) > 50
    for bad in altered:
        path.write_bytes(bad)
        assert_refused(lambda: checkpoints.load(name, folder), folder, WEIGHTS.format(name))
    path.unlink()
    assert_refused(lambda: checkpoints.load(name, folder), folder, WEIGHTS.format(name))


@pytest.mark.parametrize(("name", "other"), list(permutations(SOME, 2)))
def test_spoilt_cards_are_refused(folder, name, other):
    """A flipped bit in any of many places, or any other content, and nothing is read from it."""
    path = folder / f"{name}.json"
    body = path.read_bytes()
    for bad in flips(body, 100) + spoilt(body, b"\xff\xfe")[:-1]:
        path.write_bytes(bad)
        for read in (checkpoints.card, checkpoints.load):
            assert_refused(lambda read=read: read(name, folder), folder, CARD.format(name))
    shutil.copy(folder / f"{other}.json", path)
    whose = f"card {name}.json is that of '{other}'; restore it"
    assert_refused(lambda: checkpoints.card(name, folder), folder, whose)
    shutil.copy(folder / f"{other}.safetensors", folder / f"{name}.safetensors")  # both swapped
    assert_refused(lambda: checkpoints.load(name, folder), folder, whose)


@pytest.mark.parametrize(
    ("entry", "value"),
    [("steps", 6501), ("sha256", "0" * 64), ("metrics", {}), ("note", "added"), ("loss", None)],
)
def test_a_card_edited_by_hand_is_refused_until_it_is_sealed(folder, entry, value):
    """An entry that is changed, added or lost is noticed; ``write_card`` vouches for it."""
    path, name = folder / "fashion-cfg.json", "fashion-cfg"
    notes = json.loads(path.read_text())
    edited = {**notes, entry: value} if value is not None else dict(list(notes.items())[1:])
    path.write_text(json.dumps(edited, indent=2) + "\n")
    assert_refused(lambda: checkpoints.card(name, folder), folder, CARD.format(name))
    checkpoints.write_card(name, edited, folder)
    edited.pop("card_sha256")
    assert checkpoints.card(name, folder) == {**edited, "name": name}


def test_a_card_of_another_model_is_refused(folder):
    """Weights that do not fit the card's model are named as such; so is a card that has none."""
    name = "fashion-classifier"
    notes = checkpoints.card(name, folder)
    another = {**notes, "model": {**notes["model"], "n": 11}}
    checkpoints.write_card(name, another, folder)
    assert_refused(lambda: checkpoints.load(name, folder), folder, "are not those of the model on")
    for bad in ({"class": "Popen", "args": "ls"}, {"n": 1}, "os", [], None, {"class": "UNet"}):
        checkpoints.write_card(name, notes | {"model": bad}, folder)
        assert_refused(lambda: checkpoints.load(name, folder), folder, "^model must be")
    del notes["model"]
    checkpoints.write_card(name, notes, folder)
    assert_refused(lambda: checkpoints.load(name, folder), folder, "must say what the model is")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e6])
def test_weights_that_half_precision_cannot_hold_are_not_saved(tmp_path, value):
    """NaN, and what float16 would turn into infinity, is refused before anything is written."""
    model = recipes.RECIPES["fashion-classifier"].build(nnx.Rngs(1))
    model.last.bias[...] = jnp.full(10, value)
    notes = {"recipe": "fashion-classifier"}
    save = lambda: checkpoints.save("again", model, notes, tmp_path)
    assert_refused(save, tmp_path, "^model must be a module with parameters that are finite")
    assert list(tmp_path.iterdir()) == []
