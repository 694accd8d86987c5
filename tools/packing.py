"""What the scripts that pack data share: an array to a compressed file and its digest."""

import hashlib
import io
import lzma
from pathlib import Path

import numpy as np

HOME = Path(__file__).parents[1] / "workshop_lite" / "data"


def pack(array: np.ndarray, path: Path) -> str:
    raw = io.BytesIO()
    np.save(raw, array, allow_pickle=False)
    packed = lzma.compress(raw.getvalue(), preset=9 | lzma.PRESET_EXTREME)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)
    print(f"{path.name}: {array.shape}, {len(packed) / 1e6:.2f} MB", flush=True)
    return hashlib.sha256(packed).hexdigest()


def pack_splits(folder: Path, held: np.ndarray, **arrays: np.ndarray) -> tuple[dict, dict]:
    """Each array in two files, rows held out and the others; how many rows, and the digests."""
    parts = {"train": ~held, "test": held}
    sizes = {split: int(rows.sum()) for split, rows in parts.items()}
    digests = {
        (name := f"{split}-{part}.npy.xz"): pack(array[rows], folder / name)
        for split, rows in parts.items()
        for part, array in arrays.items()
    }
    return sizes, digests
