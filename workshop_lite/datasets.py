"""The committed data sets: real, licensed, checked by digest, and never downloaded."""

import hashlib
import io
import json
import lzma
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float, UInt8

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
    if name not in names():
        raise ValueError(f"name must be one of {names()}, got {name!r}")
    card = json.loads((FOLDER / f"{name}.json").read_text())
    if split not in card["splits"]:
        raise ValueError(f"split of {name} must be one of {sorted(card['splits'])}, got {split!r}")
    arrays = (
        _array(FOLDER / name / f"{split}-{part}.npy.xz", card) for part in ("images", "labels")
    )
    return Dataset(*arrays, tuple(card["names"]), card["licence"])


def digest(name: str) -> str:
    """SHA-256 of the card that lists the digests of all files of a data set."""
    return hashlib.sha256((FOLDER / f"{name}.json").read_bytes()).hexdigest()


def _array(path: Path, card: dict) -> np.ndarray:
    packed = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(packed).hexdigest() != card["sha256"][path.name]:
        raise ValueError(f"file {path.name} of {card['title']} is missing or damaged; reinstall it")
    return np.load(io.BytesIO(lzma.decompress(packed)), allow_pickle=False)


def signed(images: UInt8[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Pixels 0 ... 255 as float32 in [-1, 1], the range in which the models work."""
    return images.astype(np.float32) / 127.5 - 1


def pixels(x: Float[ArrayLike, "..."]) -> UInt8[np.ndarray, "..."]:
    """Floats in [-1, 1] as pixels 0 ... 255; what lies outside is cut off, as a screen would."""
    return np.asarray(np.clip(np.round((np.asarray(x) + 1) * 127.5), 0, 255), np.uint8)
