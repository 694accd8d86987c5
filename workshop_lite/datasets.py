"""The committed data sets: real, licensed, checked by digest, and never downloaded."""

import hashlib
import io
import lzma
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, UInt8

from workshop_lite import checks, files

FOLDER = Path(__file__).parent / "data"


class Dataset(NamedTuple):
    """Images with the label of each, the name of each label, and the licence of it all."""

    images: UInt8[np.ndarray, "n h w c"]
    labels: UInt8[np.ndarray, " n"]
    names: tuple[str, ...]
    licence: str


def names() -> list[str]:
    """The data sets that ``load`` knows."""
    return sorted(card.stem for card in FOLDER.glob("*.json"))


def load(name: str, split: str) -> Dataset:
    """One split of a data set, as published: same images, same order.

    Raises ValueError for an unknown name or split, and for a file that fails its digest.
    """
    checks.one_of("name", name, names())
    card = files.read_card(FOLDER / f"{name}.json")
    checks.one_of(f"split of {name}", split, sorted(card["splits"]))
    paths = [FOLDER / name / f"{split}-{part}.npy.xz" for part in ("images", "labels")]
    packed = [_whole(path, card) for path in paths]
    return Dataset(*map(_unpacked, packed), tuple(card["names"]), card["licence"])


def digest(name: str) -> str:
    """SHA-256 of the card that lists the digests of all files of a data set."""
    checks.one_of("name", name, names())
    return files.digest(files.read_card(FOLDER / f"{name}.json"))


def _whole(path: Path, card: dict) -> bytes:
    packed = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(packed).hexdigest() != card["sha256"][path.name]:
        raise ValueError(f"file {path.name} of {card['title']} is missing or damaged; reinstall it")
    return packed


def _unpacked(packed: bytes) -> np.ndarray:
    return np.load(io.BytesIO(lzma.decompress(packed)), allow_pickle=False)


def signed(images: UInt8[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Pixels 0 ... 255 as float32 in [-1, 1], the range in which the models work."""
    if getattr(images, "dtype", None) != np.uint8:
        raise ValueError(f"images must be an array of uint8, got {checks.kind(images)}")
    return images.astype(np.float32) / 127.5 - 1


def pixels(x: Float[ArrayLike, "..."]) -> UInt8[np.ndarray, "..."]:
    """Floats in [-1, 1] as pixels 0 ... 255; what lies outside is cut off, as a screen would."""
    x = np.asarray(checks.numbers("x", x))
    return np.asarray(np.round((np.clip(x, -1, 1) + 1) * 127.5), np.uint8)
