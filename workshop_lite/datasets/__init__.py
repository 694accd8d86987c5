"""The committed data sets: real, licensed, checked by digest, and never downloaded."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, UInt8

from workshop_lite import checks, files
from workshop_lite.datasets import emoji, notes, packed
from workshop_lite.datasets.audio import to_audio, to_mel
from workshop_lite.datasets.emoji import Emoji, captions
from workshop_lite.datasets.notes import Notes

__all__ = ["Dataset", "Emoji", "Notes", "captions", "digest", "load", "names", "pixels", "signed"]
__all__ += ["emoji_sentences", "to_audio", "to_mel"]

FOLDER = Path(__file__).parents[1] / "data"


class Dataset(NamedTuple):
    """Images with the label of each, the name of each label, and the licence of it all."""

    images: UInt8[np.ndarray, "n h w c"]
    labels: UInt8[np.ndarray, " n"]
    names: tuple[str, ...]
    licence: str


def _labelled(folder: Path, split: str, size: int, card: dict) -> Dataset:
    images, labels = packed.images_and_labels(folder, split, card)
    return Dataset(images, labels, tuple(card["names"]), card["licence"])


#: How each data set is read, and the sizes of its images, the usual one first.
READERS = {
    "emoji": (emoji.read, emoji.SIZES),
    "fashion-mnist": (_labelled, (28,)),
    "notes": (notes.read, notes.SIZES),
}


def names() -> list[str]:
    """The data sets that ``load`` knows."""
    return sorted(READERS)


def load(name: str, split: str, size: int | None = None) -> Dataset | Emoji | Notes:
    """One split of a data set, its images in their usual size if no other is asked for.

    Fashion-MNIST is as published: same images, same order. Emoji come in 64 or 32 pixels.
    Raises ValueError for an unknown name, split or size, and for a file that fails its digest.
    """
    checks.one_of("name", name, names())
    read, sizes = READERS[name]
    card = files.read_card(FOLDER / f"{name}.json")
    checks.one_of(f"split of {name}", split, sorted(card["splits"]))
    if size is not None and (type(size) is not int or size not in sizes):
        raise ValueError(f"size of {name} must be one of {sizes}, got {checks.shown(size)}")
    return read(FOLDER / name, split, size or sizes[0], card)


def digest(name: str) -> str:
    """SHA-256 of the card that lists the digests of all files of a data set."""
    checks.one_of("name", name, names())
    return files.digest(files.read_card(FOLDER / f"{name}.json"))


def emoji_sentences() -> list[str]:
    """Sentences that hold every word of the captions of ``emoji``, without reading pictures."""
    return emoji.sentences(FOLDER / "emoji", files.read_card(FOLDER / "emoji.json"))


def signed(images: UInt8[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Pixels 0 ... 255 as float32 in [-1, 1], the range in which the models work."""
    if getattr(images, "dtype", None) != np.uint8:
        raise ValueError(f"images must be an array of uint8, got {checks.kind(images)}")
    return images.astype(np.float32) / 127.5 - 1


def pixels(x: Float[ArrayLike, "..."]) -> UInt8[np.ndarray, "..."]:
    """Floats in [-1, 1] as pixels 0 ... 255; what lies outside is cut off, as a screen would."""
    x = np.asarray(checks.numbers("x", x))
    return np.asarray(np.round((np.clip(x, -1, 1) + 1) * 127.5), np.uint8)
