"""Files that are whole or refused: written beside and swapped in, cards sealed with a digest."""

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

try:
    import fcntl
except ImportError:  # Windows, where nothing guards against two runs of one name
    fcntl = None

SEAL = "card_sha256"


def swap(path: Path, body: bytes) -> None:
    """Replace a file in one step: a kill at any moment leaves the old one or the new one.

    Nothing else is left where it cannot be written, and two who do it at once each write their own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(body)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


@contextmanager
def claimed(folder: Path, name: str) -> Iterator[None]:
    """A folder, as far as files called ``name`` go, for this process alone until it ends.

    What a process that was killed left half written of them is removed. Raises ValueError where
    another has claimed them, or the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / f".{name}.lock", "ab")  # noqa: SIM115
    except (OSError, ValueError) as why:
        raise ValueError(
            f"folder must be one that can be written to, got {str(folder)!r},"
            f" {getattr(why, 'strerror', None) or why}"
        ) from None
    with lock:
        try:
            if fcntl is not None:  # the system lets go of it when the process ends
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"folder {folder} is in use by another run; wait for it, or name another folder"
            ) from None
        except OSError:  # a file system without locks
            pass
        for part in folder.glob(f"{name}.*.part"):
            part.unlink(missing_ok=True)
        yield


def read_card(path: Path) -> dict:
    """The notes of a JSON card, without the seal.

    Raises ValueError unless the card is to the letter what ``write_card`` wrote. The seal guards
    against damage and slips of the hand, not against someone who seals a card anew.
    """
    try:
        text = path.read_text(encoding="utf8")
        notes = json.loads(text)
        seal = notes.pop(SEAL)
        whole = seal == digest(notes) and text == _text({**notes, SEAL: seal})
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise ValueError(f"card {path.name} is missing, damaged, or was edited by hand; restore it")
    return notes


def write_card(path: Path, notes: dict) -> None:
    """Write the notes, and as their last entry the digest that ``read_card`` asks for."""
    notes = {key: value for key, value in notes.items() if key != SEAL}
    swap(path, _text({**notes, SEAL: digest(notes)}).encode())


def digest(notes: dict) -> str:
    """SHA-256 of the text of a card without its seal."""
    return hashlib.sha256(_text(notes).encode()).hexdigest()


def arrays_digest(arrays: dict[str, np.ndarray], notes: dict[str, str]) -> str:
    """SHA-256 of named arrays and of the notes that go with them."""
    sha256 = hashlib.sha256(repr(sorted(notes.items())).encode())
    for name, array in sorted(arrays.items()):
        sha256.update(f"{name} {array.dtype} {array.shape}".encode() + array.tobytes())
    return sha256.hexdigest()


def _text(notes: dict) -> str:
    return json.dumps(notes, indent=2, allow_nan=False) + "\n"
