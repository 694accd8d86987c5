"""Files of a data set: whole to the last bit, or refused."""

import hashlib
import io
import lzma
from pathlib import Path

import numpy as np


def whole(path: Path, card: dict) -> bytes:
    """What a file holds. Raises ValueError unless it is what the card says."""
    body = path.read_bytes() if path.exists() else b""
    if hashlib.sha256(body).hexdigest() != card["sha256"][path.name]:
        raise ValueError(f"file {path.name} of {card['title']} is missing or damaged; reinstall it")
    return body


def images_and_labels(folder: Path, split: str, card: dict) -> tuple[np.ndarray, np.ndarray]:
    """The two arrays of a split."""
    paths = (folder / f"{split}-{part}.npy.xz" for part in ("images", "labels"))
    bodies = [whole(path, card) for path in paths]  # all are checked before one is unpacked
    return tuple(map(_array, bodies))


def _array(body: bytes) -> np.ndarray:
    return np.load(io.BytesIO(lzma.decompress(body)), allow_pickle=False)
