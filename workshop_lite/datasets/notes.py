"""Notes of instruments, one second each, as pictures of their sound."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from workshop_lite.datasets import packed

SIZES = (32,)


class Notes(NamedTuple):
    """Spectrograms as ``to_mel`` makes them; for each its instrument, family and pitch.

    Instruments and families are places in the names; a pitch is a MIDI number, 60 middle C.
    """

    images: UInt8[np.ndarray, "n 32 32 1"]
    instruments: UInt8[np.ndarray, " n"]
    families: UInt8[np.ndarray, " n"]
    pitches: UInt8[np.ndarray, " n"]
    instrument_names: tuple[str, ...]
    family_names: tuple[str, ...]
    licence: str


def read(folder: Path, split: str, size: int, card: dict) -> Notes:
    """One split of the notes. General MIDI has eight instruments to a family."""
    images, labels = packed.images_and_labels(folder, split, card)
    instruments, pitches = labels.T
    names = tuple(card["instruments"]), tuple(card["families"])
    return Notes(images, instruments, instruments // 8, pitches, *names, card["licence"])
