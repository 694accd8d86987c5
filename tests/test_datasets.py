"""The committed data is whole, balanced, and checked before use."""

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workshop_lite import datasets


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
    return tmp_path / "fashion-mnist" / "test-labels.npy.xz"


def test_a_flipped_byte_is_refused(copied):
    """One altered byte fails the digest; the other split still loads."""
    body = bytearray(copied.read_bytes())
    body[len(body) // 2] ^= 1
    copied.write_bytes(body)
    with pytest.raises(ValueError, match="^file test-labels.npy.xz .* missing or damaged[^\n]*$"):
        datasets.load("fashion-mnist", "test")
    assert len(datasets.load("fashion-mnist", "train").labels) == 60_000


@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_lost_files_are_refused(copied, damage):
    """A missing or truncated file is named."""
    body = copied.read_bytes()
    copied.unlink() if damage == "missing" else copied.write_bytes(body[:-10])
    with pytest.raises(ValueError, match="^file test-labels.npy.xz .* missing or damaged[^\n]*$"):
        datasets.load("fashion-mnist", "test")


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
