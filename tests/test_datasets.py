"""The committed data is whole, balanced, and checked before use."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workshop_lite import checkpoints, datasets


@pytest.mark.parametrize(("split", "n"), [("train", 60_000), ("test", 10_000)])
def test_fashion_mnist(split, n):
    """The whole of Fashion-MNIST: 28 x 28 grey pixels, ten named classes of equal size."""
    data = datasets.load("fashion-mnist", split)
    assert data.images.shape == (n, 28, 28, 1) and data.images.dtype == np.uint8
    assert data.labels.shape == (n,) and data.labels.dtype == np.uint8
    assert np.bincount(data.labels).tolist() == [n // 10] * 10
    assert len(set(data.names)) == 10 and "MIT" in data.licence
    assert data.images.min() == 0 and data.images.max() == 255
    # Published mean of the training pixels, 0.2860 of white.
    assert abs(data.images.mean() / 255 - 0.286) < 0.002


def test_classes_are_what_they_are_called():
    """Trousers are taller than wide and sneakers the reverse: names and labels belong together."""
    data = datasets.load("fashion-mnist", "test")

    def extent(name, axis):
        images = data.images[data.labels == data.names.index(name)]
        return np.median((images > 64).any(axis=axis).sum(axis=(1, 2)))

    assert extent("Trouser", 2) > 1.5 * extent("Trouser", 1)  # rows used, columns used
    assert extent("Sneaker", 1) > 1.5 * extent("Sneaker", 2)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the data to damage."""
    shutil.copy(datasets.FOLDER / "fashion-mnist.json", tmp_path)
    shutil.copytree(datasets.FOLDER / "fashion-mnist", tmp_path / "fashion-mnist")
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize("part", ["labels", "images"])
def test_spoilt_files_are_refused(copied, split, part):
    """A flipped bit, a file cut short or lost, another file's content: one sentence names it."""
    path = copied / "fashion-mnist" / f"{split}-{part}.npy.xz"
    body, rng = path.read_bytes(), np.random.default_rng(0)
    size = path.stat().st_size
    swapped = [p.read_bytes() for p in path.parent.glob("*.xz") if p != path][:2]
    places = [0, *rng.integers(size, size=20), size - 1]
    flipped = (
        body[:i] + bytes([body[i] ^ 1 << int(rng.integers(8))]) + body[i + 1 :] for i in places
    )
    for bad in [*swapped, b"", body[:-10], body[: size // 2], None]:
        assert_refused(path, bad, split, "^file {} .* is missing or damaged; reinstall it$")
    for bad in flipped:
        assert_refused(path, bad, split, "^file {} .* is missing or damaged; reinstall it$")


def assert_refused(path, bad, split, message):
    """Loading ends in one sentence, and what is there is left as it was."""
    path.unlink(missing_ok=True) if bad is None else path.write_bytes(bad)
    with pytest.raises(ValueError, match=message.format(path.name)):
        datasets.load("fashion-mnist", split)
    assert not path.exists() if bad is None else path.read_bytes() == bad


def test_a_damaged_file_of_one_split_leaves_the_other(copied):
    """The test split does not need the files of the training split."""
    (copied / "fashion-mnist" / "train-images.npy.xz").write_bytes(b"")
    assert len(datasets.load("fashion-mnist", "test").labels) == 10_000


def test_spoilt_cards_are_refused(copied):
    """So is a flipped bit in the card: in a name, a digest, the licence, or its own seal."""
    path = copied / "fashion-mnist.json"
    body, rng = path.read_bytes(), np.random.default_rng(0)
    bits = [(i, 1 << int(rng.integers(8))) for i in range(len(body))]
    flipped = [body[:i] + bytes([body[i] ^ bit]) + body[i + 1 :] for i, bit in bits]
    card = "^card {} is missing, damaged, or was edited by hand; restore it$"
    for bad in [*flipped, b"", body[:-2], body[: len(body) // 2], b"[]", body + b" "]:
        assert_refused(path, bad, "test", card)
        with pytest.raises(ValueError, match=card.format(path.name)):
            datasets.digest("fashion-mnist")


def test_the_digest_is_that_of_the_training_data():
    """The models' cards name the data they were trained on, and it is the data that is here."""
    for name in checkpoints.names():
        notes = checkpoints.card(name)
        assert notes["data_sha256"] == datasets.digest(notes["data"])


@pytest.mark.parametrize("name", ["mnist", "", "../data/fashion-mnist"])
def test_unknown_names_are_refused(name):
    """An unknown data set is answered with those there are."""
    with pytest.raises(ValueError, match=r"^name must be one of \['fashion-mnist'.*got "):
        datasets.load(name, "train")


def test_unknown_splits_are_refused():
    """An unknown split is answered with those there are."""
    with pytest.raises(ValueError, match=r"^split of fashion-mnist must be one of \['test', 't"):
        datasets.load("fashion-mnist", "validation")


@given(arrays(np.uint8, (2, 3, 3, 1)))
def test_pixels_undo_signed(images):
    """Pixels become floats in [-1, 1] and come back exactly."""
    x = datasets.signed(images)
    assert x.dtype == np.float32 and np.abs(x).max() <= 1
    assert (datasets.pixels(x) == images).all()


@given(st.floats(-10, 10, width=32))
def test_pixels_are_cut_off(value):
    """A value becomes the nearest of 256 greys; beyond black or white it is black or white."""
    pixel = int(datasets.pixels(np.full((1, 1), value, np.float32))[0, 0])
    grey = pixel / 127.5 - 1
    assert abs(grey - min(max(value, -1), 1)) <= 1 / 255 + 1e-6
