"""The data: committed sets, licensed and checked by digest, or a folder of your own."""

from pathlib import Path

import numpy as np
from jaxtyping import ArrayLike, Float, UInt8

from workshop_lite import checks, files
from workshop_lite.datasets import emoji, notes, packed
from workshop_lite.datasets.audio import from_wav, to_audio, to_mel
from workshop_lite.datasets.emoji import Emoji, captions
from workshop_lite.datasets.notes import Notes
from workshop_lite.datasets.records import Captioned, Dataset

__all__ = ["Captioned", "Dataset", "Emoji", "Notes", "captions", "cropped", "digest"]
__all__ += ["emoji_sentences", "from_folder", "from_wav", "load", "names", "padded", "pixels"]
__all__ += ["signed", "to_audio", "to_mel"]

FOLDER = Path(__file__).parents[1] / "data"


# What reads a folder of pictures comes when it is asked for: it needs Pillow, the sets do not.
_LATER = {"cropped", "from_folder", "padded"}


def __dir__() -> list[str]:
    return sorted(_LATER.union(globals()))


def __getattr__(name: str):
    if name in _LATER:
        return getattr(_folder(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _folder():
    from workshop_lite.datasets import folder

    return folder


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


def load(
    name: str, split: str | None, size: int | tuple[int, int] | None = None
) -> Dataset | Captioned | Emoji | Notes:
    """One split of a data set, its images in their usual size if no other is asked for.

    Fashion-MNIST is as published: same images, same order. Emoji come in 64 or 32 pixels. The path
    of a folder with a separator in it, such as ``./shapes``, is read by ``from_folder``.
    Raises ValueError for an unknown name, split or size, and for a file that fails its digest.
    """
    if is_folder(name):
        return _folder().from_folder(name, split=split, **({} if size is None else {"size": size}))
    checks.one_of("name", name, names())
    read, sizes = READERS[name]
    card = files.read_card(FOLDER / f"{name}.json")
    checks.one_of(f"split of {name}", split, sorted(card["splits"]))
    if size is not None and (type(size) is not int or size not in sizes):
        raise ValueError(f"size of {name} must be one of {sizes}, got {checks.shown(size)}")
    return read(FOLDER / name, split, size or sizes[0], card)


def digest(name: str) -> str:
    """SHA-256 of the card that lists the digests of all files of a data set, or of a folder."""
    if is_folder(name):
        return _folder().digest(name)
    checks.one_of("name", name, names())
    return files.digest(files.read_card(FOLDER / f"{name}.json"))


def is_folder(name: str) -> bool:
    """Whether this is the path of a folder that is there, and no name of a data set."""
    apart = isinstance(name, str) and "\0" not in name and ("/" in name or "\\" in name)
    return apart and Path(name).is_dir()


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
