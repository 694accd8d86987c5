"""Write what the live schedules show of the data: ``python tools/live_pixels.py``.

A garment and a note, the first of the test set and the first trumpet of it, as in chapter 3, and
the names of the families of notes: under 3 kB, so that the demo needs only its own file.
"""

import base64
import json
from pathlib import Path

import numpy as np

from workshop_lite import datasets

TARGET = Path(__file__).parent.parent / "book" / "live" / "pixels.js"


def pictures() -> dict[str, np.ndarray]:
    """Name to pixels 0 ... 255, [side, side]."""
    garments, notes = (datasets.load(name, "test") for name in ("fashion-mnist", "notes"))
    trumpet = np.flatnonzero(notes.instruments == notes.instrument_names.index("trumpet"))[0]
    return {"garment": garments.images[0, ..., 0], "note": notes.images[trumpet, ..., 0]}


def module() -> str:
    """The JavaScript that holds them."""
    lines = ["// Made by tools/live_pixels.py from the package's data: grey pictures, row by row."]
    decode = "Float64Array.from(atob(text), (c) => c.charCodeAt(0) / 127.5 - 1)"
    lines += [f"const signed = (text) => {decode};", ""]
    for name, image in pictures().items():
        text = base64.b64encode(image.tobytes()).decode()
        lines.append(f"export const {name} = {{ side: {len(image)}, pixels: signed('{text}') }};")
    names = datasets.load("notes", "test").family_names
    lines.append(f"export const families = {json.dumps(list(names))};")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(module(), encoding="utf8")
