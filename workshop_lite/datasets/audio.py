"""One second of sound as a picture of 32 x 32 pixels, and back.

A column is an instant, a row a band of frequencies, low notes at the bottom; black is 80 dB below
a full-scale tone. The mel scale log(1 + f / bend) usually bends at 700 Hz, below which 32 bands
would be wider than the gaps between the overtones of a low note. Here it bends at 50 Hz.
"""

import functools
import warnings
from pathlib import Path

import numpy as np
from jaxtyping import ArrayLike, Float, UInt8

from workshop_lite import checks

RATE, SIZE, WINDOW, HOP = 16_000, 32, 2048, 500  # samples a second, pixels, samples, samples
BEND, LOW, HIGH = 50, 55, 6000  # Hz
DECIBELS = 80
MARGIN = (WINDOW - HOP) // 2  # silence around the second, so that column i is about its own time
TONES = 8  # candidates for a pure tone to a band, when a picture is heard


def to_mel(waveform: Float[ArrayLike, "n 16000"]) -> UInt8[np.ndarray, "n 32 32 1"]:
    """Pictures of sounds, each of one second at 16 kHz and between -1 and 1.

    Raises ValueError for another shape or for what is not finite.
    """
    sound = checks.numbers("waveform", waveform)
    if sound.ndim != 2 or sound.shape[1] != RATE:
        raise ValueError(f"waveform must have shape [n, {RATE}], got {checks.kind(waveform)}")
    bands = _bands()[0]
    power = np.stack([np.abs(_spectrum(np.asarray(one, float))) ** 2 @ bands for one in sound])
    level = 1 + 10 * np.log10(np.maximum(power, 1e-12)) / DECIBELS
    image = np.round(255 * np.clip(level, 0, 1)).astype(np.uint8)
    return image.swapaxes(1, 2)[:, ::-1, :, None]


def from_wav(path: str | Path) -> Float[np.ndarray, " 16000"]:
    """The first second of a WAV file as ``to_mel`` takes it: one channel, 16 kHz, -1 to 1.

    What is shorter ends in silence. Raises ValueError for a file that is none or holds no sound.
    """
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks that are no sound
        try:
            rate, sound = wavfile.read(path)
        except Exception as why:  # struct.error, EOFError, and more
            raise ValueError(f"path must be that of a WAV file, got {path}: {why}") from None
    whole = np.issubdtype(sound.dtype, np.integer)
    middle = 128 if sound.dtype == np.uint8 else 0
    top = 128 if sound.dtype == np.uint8 else 2.0 ** (8 * sound.itemsize - 1) if whole else 1
    sound = (sound.astype(np.float64).reshape(len(sound), -1).mean(axis=1) - middle) / top
    if not len(sound) or not np.isfinite(sound).all():
        raise ValueError(f"path must be that of a WAV file with sound in it, got {path}")
    second = resample_poly(sound[: 2 * rate], RATE, rate)[:RATE]
    return np.pad(second, (0, RATE - len(second))).astype(np.float32)


def to_audio(
    mel: UInt8[np.ndarray, "n 32 32 1"], *, iterations: int = 16, seed: int = 0
) -> Float[np.ndarray, "n 16000"]:
    """Sounds whose pictures these nearly are: one second each, at 16 kHz.

    Which pure tones make up a column is found as by Richardson (1972), the phases that go with
    them as by Griffin and Lim (1984), with the momentum of Perraudin et al. (2013).
    Raises ValueError for other pixels than ``to_mel`` makes.
    """
    image, shape = checks.array(mel), (SIZE, SIZE, 1)
    if image.ndim != 4 or image.shape[1:] != shape or image.dtype != np.uint8:
        raise ValueError(f"mel must be uint8 with shape [n, 32, 32, 1], got {checks.kind(mel)}")
    checks.whole("iterations", iterations)
    checks.whole("seed", seed, least=0)
    level = np.asarray(image)[:, ::-1, :, 0].swapaxes(1, 2) / 255
    power = np.where(level > 0, 10 ** (DECIBELS / 10 * (level - 1)), 0)
    phase = np.exp(2j * np.pi * np.random.default_rng(seed).random((SIZE, WINDOW // 2 + 1)))
    sounds = [_heard(np.sqrt(_lines(one)), phase, iterations) for one in power]
    return np.stack(sounds).astype(np.float32) if sounds else np.zeros((0, RATE), np.float32)


@functools.cache
def _window() -> Float[np.ndarray, " w"]:
    window = np.hanning(WINDOW + 1)[:-1]
    return 2 * window / window.sum()  # so that a tone of amplitude 1 has power 1


@functools.cache
def _bands() -> tuple[Float[np.ndarray, "f 32"], Float[np.ndarray, "k f"]]:
    """How much of each frequency a band takes in, and the power spectra of pure tones."""
    mel = np.linspace(*np.log1p(np.array([LOW, HIGH]) / BEND), (SIZE + 1) * TONES + 1)
    hertz = BEND * np.expm1(mel)
    low, centre, high = (hertz[i * TONES :: TONES][:SIZE] for i in range(3))
    f = np.arange(WINDOW // 2 + 1)[:, None] * RATE / WINDOW
    bands = np.maximum(0, np.minimum((f - low) / (centre - low), (high - f) / (high - centre)))
    tones = np.cos(2 * np.pi * hertz[1:-1, None] * np.arange(WINDOW) / RATE)
    return bands, np.abs(np.fft.rfft(_window() * tones)) ** 2


def _lines(power: Float[np.ndarray, "32 32"], iterations: int = 300) -> Float[np.ndarray, "32 f"]:
    """The power spectrum that bands of this power come from, made of few pure tones."""
    bands, tones = _bands()
    seen = tones @ bands
    amount = np.ones((SIZE, len(tones)))
    for _ in range(iterations):
        ratio = (power + 1e-9) / (amount @ seen + 1e-30)
        amount *= ratio @ seen.T / seen.sum(1)
    return amount @ tones


def _heard(size: Float[np.ndarray, "32 f"], phase, iterations: int) -> Float[np.ndarray, " t"]:
    """A waveform whose spectrum has nearly this size."""
    spectrum, before = size * phase, 0
    for _ in range(iterations):
        now = _spectrum(_waveform(spectrum))
        ahead = now + 0.9 * (now - before)
        spectrum, before = size * ahead / np.maximum(np.abs(ahead), 1e-9), now
    return _waveform(spectrum)


def _spectrum(sound: Float[np.ndarray, " t"]) -> np.ndarray:
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(sound, MARGIN), WINDOW)[::HOP]
    return np.fft.rfft(_window() * frames)


def _waveform(spectrum: np.ndarray) -> Float[np.ndarray, " t"]:
    """The sound whose spectrum is nearest: Griffin and Lim (1984), Eq. 6."""
    # SciPy's ShortTimeFFT would take frames beyond either end for silence, and fade the ends.
    window, frames = _window(), np.fft.irfft(spectrum, WINDOW)
    sound, weight = np.zeros((2, RATE + 2 * MARGIN))
    for i, frame in enumerate(frames):
        part = slice(i * HOP, i * HOP + WINDOW)
        sound[part] += window * frame
        weight[part] += window**2
    return (sound / np.maximum(weight, 1e-12))[MARGIN:-MARGIN]
