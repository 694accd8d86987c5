"""What a data set is: pictures, each with a label or with a caption."""

from typing import NamedTuple

import numpy as np
from jaxtyping import UInt, UInt8

#: The file in a folder that says what each picture shows.
CAPTIONS = "metadata.jsonl"


class Dataset(NamedTuple):
    """Images with the label of each, the name of each label, and the licence of it all.

    ``left_out`` names the files of a folder that are not among them, and why.
    """

    images: UInt8[np.ndarray, "n h w c"]
    labels: UInt[np.ndarray, " n"]
    names: tuple[str, ...]
    licence: str
    left_out: tuple[str, ...] = ()


class Captioned(NamedTuple):
    """Images with a sentence for each; ``licence`` and ``left_out`` as in ``Dataset``."""

    images: UInt8[np.ndarray, "n h w c"]
    captions: tuple[str, ...]
    licence: str
    left_out: tuple[str, ...] = ()
