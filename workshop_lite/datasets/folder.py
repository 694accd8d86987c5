"""Pictures or sounds of your own: a folder, read as the committed data sets are."""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from workshop_lite import checks, files
from workshop_lite.datasets import audio
from workshop_lite.datasets.records import CAPTIONS, Captioned, Dataset

PICTURES, SOUNDS = {".png", ".jpg", ".jpeg", ".webp"}, {".wav"}
GREY = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "F"}  # Pillow's modes without colour
BROKEN = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)  # all that Pillow raises


class _File(NamedTuple):
    path: Path
    name: str  # from the folder on
    told: str  # its class or its caption


def cropped(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The middle of a picture, shrunk or grown until it fills ``size``, width first."""
    return ImageOps.fit(image, size, Image.Resampling.LANCZOS)


def padded(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """All of a picture, with white beside it where its sides are in another proportion."""
    white = (255,) * len(image.getbands())
    return ImageOps.pad(image, size, Image.Resampling.LANCZOS, color=white)


def from_folder(
    path: str | Path,
    *,
    size: int | tuple[int, int] = 32,
    split: str | None = None,
    share: float = 0.1,
    channels: int | None = None,
    framed: Callable[[Image.Image, tuple[int, int]], Image.Image] = cropped,
    limit: int = 2**30,
    cache: str | Path | None = None,
) -> Dataset | Captioned:
    """The PNG, JPEG and WebP pictures of a folder, or one second of each of its WAV sounds.

    Either every class has a folder of its own, whose name it bears, or ``metadata.jsonl`` has the
    captions, each in a line like ``{"file_name": "a.png", "text": "a red apple"}``.
    Sounds become pictures by ``to_mel``. What is transparent becomes white. Files that cannot be
    read and copies of a file before them are left out; one warning counts them, ``left_out`` names
    them all.

    Args:
        path: the folder.
        size: height and width, one number where they are the same. Sounds have 32.
        split: ``"test"`` for a ``share`` of the files, drawn by a hash of their names, so that a
            file stays on its side whatever comes later; ``"train"`` for the others; None for all.
        channels: 1 or 3; by default 1 if all pictures are grey.
        framed: how a picture of other proportions fits: ``cropped`` or ``padded``.
        limit: bytes that may be held in memory. Beyond that the pictures are in a memory-mapped
            file in the folder ``cache``, by default ``.workshop-lite`` in the folder itself.

    Raises ValueError for a folder without such files, and for a split that has none.
    """
    home = _folder(path)
    h, w = sides = size if isinstance(size, tuple | list) and len(size) == 2 else (size, size)
    checks.wholes("size", sides, 2)
    if split not in ("train", "test", None):
        raise ValueError(f"split must be 'train', 'test' or None, got {checks.shown(split)}")
    if channels not in (1, 3, None):
        raise ValueError(f"channels must be 1, 3 or None, got {checks.shown(channels)}")
    checks.number("share", share, 0, 1)
    checks.whole("limit", limit, 0)
    checks.function("framed", framed, "of a picture and a size")
    found, left_out, captioned = _found(home)
    sounds = {file.path.suffix.lower() in SOUNDS for file in found}
    if len(sounds) > 1:
        raise ValueError(f"path must hold either pictures or sounds, got both in {home}")
    if sounds == {True} and ((h, w) != (audio.SIZE,) * 2 or channels == 3):
        raise ValueError(f"size must be {audio.SIZE} for sounds, and channels 1, got {h} x {w}")
    firsts = list(_firsts(found, left_out))
    mine = [file for file in firsts if split is None or _held_out(file, share) == (split == "test")]
    if not mine:
        raise ValueError(f"split {split!r} of {home} must have a file, got none of {len(firsts)}")
    c = channels or (1 if sounds == {True} or all(map(_is_grey, firsts)) else 3)

    def read(file: _File) -> np.ndarray:
        if sounds == {True}:
            return audio.to_mel(audio.from_wav(file.path)[None])[0]
        with Image.open(file.path) as image:
            return np.asarray(framed(_opaque(image, c), (w, h)), np.uint8).reshape(h, w, c)

    place = None
    if len(mine) * h * w * c > limit:
        place = Path(cache) if cache is not None else home / ".workshop-lite"
    images, kept = _images(mine, read, (h, w, c), place, (split, share, framed.__name__), left_out)
    if not kept:
        raise ValueError(f"path must hold files that can be read, got {left_out[0]}")
    if left_out:
        warnings.warn(
            f"from_folder left out {len(left_out)} of {len(found)} files of {home}:"
            f" {', '.join(left_out[:3])}{', ...' if len(left_out) > 3 else ''}",
            stacklevel=2,
        )
    told, licence = [mine[i].told for i in kept], _licence(home)
    if captioned:
        return Captioned(images, tuple(told), licence, tuple(left_out))
    names = sorted({file.told for file in found})
    labels = np.array([names.index(name) for name in told])
    labels = labels.astype(np.uint8 if len(names) <= 256 else np.uint16)
    return Dataset(images, labels, tuple(names), licence, tuple(left_out))


def digest(path: str | Path) -> str:
    """SHA-256 of the names and the content of all that ``from_folder`` would look at."""
    found, _, _ = _found(_folder(path))
    return files.digest({f"{file.name} {file.told}": _sha256(file.path) for file in found})


def _folder(path: str | Path) -> Path:
    if not isinstance(path, str | Path) or "\0" in str(path) or not Path(path).is_dir():
        raise ValueError(f"path must be that of a folder, got {checks.shown(path)}")
    return Path(path)


def _found(home: Path) -> tuple[list[_File], list[str], bool]:
    """The files and what is said of each; what the captions name in vain; whether there are any."""
    if (home / CAPTIONS).is_file():
        found, missing = [], []
        for n, line in enumerate((home / CAPTIONS).read_text(encoding="utf8").splitlines(), 1):
            try:
                entry = json.loads(line)
                name, text = entry["file_name"], entry["text"]
                if not (isinstance(text, str) and text.strip() and (home / name).is_file()):
                    raise ValueError
                found.append(_File(home / name, name, text.strip()))
            except (ValueError, KeyError, TypeError):
                missing += [f"line {n} of {CAPTIONS} (no file and text)"] if line.strip() else []
        found.sort(key=lambda file: file.name)
    else:
        missing, found = (
            [],
            [
                _File(path, path.relative_to(home).as_posix(), folder.name)
                for folder in sorted(home.iterdir())
                if folder.is_dir() and not folder.name.startswith(".")
                for path in sorted(folder.rglob("*"))
                if path.suffix.lower() in PICTURES | SOUNDS and path.is_file()
            ],
        )
    if not found:
        raise ValueError(
            f"path must hold a folder of PNG, JPEG, WebP or WAV files for each class, or {CAPTIONS}"
            f" with a file_name and a text in each line, got {home}"
        )
    return found, missing, (home / CAPTIONS).is_file()


def _firsts(found: list[_File], left_out: list[str]) -> Iterator[_File]:
    """The files without the copies, each of which is noted in ``left_out``."""
    seen = {}
    for file in found:
        first = seen.setdefault(_sha256(file.path), file)
        if first is file:
            yield file
        else:
            left_out.append(f"{file.name} (a copy of {first.name})")


def _sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return f"unreadable {path}"


def _held_out(file: _File, share: float) -> bool:
    return int(hashlib.sha256(file.name.encode()).hexdigest()[:8], 16) < share * 16**8


def _is_grey(file: _File) -> bool:
    """By the file's head; a broken one has no colour."""
    try:
        with Image.open(file.path) as image:
            return image.mode in GREY
    except BROKEN:
        return True


def _opaque(image: Image.Image, channels: int) -> Image.Image:
    """Upright, in eight bits, on white, grey or in colour."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):  # 16 bits, which Pillow would cut off at 255
        a = np.asarray(image, np.float64)
        image = Image.fromarray(np.uint8(np.clip(a / 257 if a.max() > 255 else a, 0, 255)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("L" if channels == 1 else "RGB")


def _images(mine, read, shape, place: Path | None, how: tuple, left_out: list[str]) -> tuple:
    """The pictures of all files that can be read, and which these are; the others are noted."""
    if place is None:
        images = np.empty((len(mine), *shape), np.uint8)
    else:
        stats = [(file.name, (s := file.path.stat()).st_size, s.st_mtime_ns) for file in mine]
        name = hashlib.sha256(repr((stats, shape, how)).encode()).hexdigest()[:16]
        whole, notes = place / f"{name}.npy", place / f"{name}.json"
        if notes.is_file():  # written last
            kept, broken = json.loads(notes.read_text(encoding="utf8"))
            left_out += broken
            return np.load(whole, mmap_mode="r")[: len(kept)], kept
        try:
            place.mkdir(parents=True, exist_ok=True)
            part = whole.with_suffix(f".{os.getpid()}.part")
            images = np.lib.format.open_memmap(part, "w+", np.uint8, (len(mine), *shape))
        except OSError as why:
            raise ValueError(f"cache must be a folder to write to, got {place}: {why}") from None
    kept, broken = [], []
    for i, file in enumerate(mine):
        try:
            images[len(kept)] = read(file)
            kept.append(i)
        except BROKEN as why:
            broken.append(f"{file.name} ({checks.shown(str(why))[1:-1] or 'broken'})")
    left_out += broken
    if place is not None:
        images.flush()
        os.replace(part, whole)
        files.swap(notes, json.dumps([kept, broken]).encode())
        images = np.load(whole, mmap_mode="r")
    return images[: len(kept)], kept


def _licence(home: Path) -> str:
    """The first line of the folder's licence, if it has one."""
    found = [path for path in sorted(home.glob("LICEN[CS]E*")) if path.is_file()]
    lines = found[0].read_text(encoding="utf8", errors="replace").split("\n") if found else []
    return next((line.strip() for line in lines if line.strip()), "not stated")
