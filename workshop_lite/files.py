"""Files that are whole or refused: written beside and swapped in, cards sealed with a digest."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

SEAL = "card_sha256"


def swap(path: Path, body: bytes) -> None:
    """Replace a file in one step: a kill at any moment leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(body)
    os.replace(part, path)


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
