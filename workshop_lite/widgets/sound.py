"""Sound in a page: a player that needs no kernel."""

import base64
import html
import io
import wave
from collections.abc import Mapping

import numpy as np
from IPython.display import HTML
from jaxtyping import ArrayLike, Float

from workshop_lite import checks
from workshop_lite.datasets.audio import RATE


def wav(sound: Float[ArrayLike, " n"], rate: int = RATE) -> bytes:
    """A sound as a WAV file of 8 bits a sample, as loud as it can be without clipping."""
    checks.whole("rate", rate)
    sound = np.asarray(checks.numbers("sound", sound), np.float64)
    if sound.ndim != 1 or not sound.size:
        raise ValueError(f"sound must be a row of samples, got {checks.kind(sound)}")
    loud = sound / max(np.abs(sound).max(), 1e-6)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(1)
        out.setframerate(rate)
        out.writeframes(np.round(127.5 + 127 * loud).astype(np.uint8).tobytes())
    return file.getvalue()


def audio(sound: Float[ArrayLike, " n"], name: str, rate: int = RATE) -> str:
    """A player as HTML, with the sound in it; screen readers hear its name."""
    source = "data:audio/wav;base64," + base64.b64encode(wav(sound, rate)).decode()
    label = html.escape(name)
    return f'<audio controls preload="metadata" aria-label="{label}" src="{source}"></audio>'


def players(sounds: Mapping[str, Float[ArrayLike, " n"]]) -> HTML:
    """A player for each sound, under its name."""
    if not isinstance(sounds, Mapping) or not sounds:
        raise ValueError(f"sounds must map names to sounds, got {checks.shown(sounds)}")
    each = (
        '<div style="margin: 0.4em 1em 0.4em 0; display: inline-block">'
        f"<div>{html.escape(name)}</div>{audio(sound, name)}</div>"
        for name, sound in sounds.items()
    )
    return HTML("".join(each))
