"""A folder of one's own becomes a data set: whatever is in it, and nothing lost without a word."""

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image
from scipy.io import wavfile

from workshop_lite import datasets
from workshop_lite.datasets import audio

RNG = np.random.default_rng(0)


def noise(*shape) -> Image.Image:
    return Image.fromarray(RNG.integers(0, 256, shape, np.uint8))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two classes of twenty pictures in colour, 24 wide and 16 high, as the three types."""
    home = tmp_path_factory.mktemp("mine")
    for name in ("cats", "dogs"):
        (home / name).mkdir()
        for i in range(20):
            kind = ("png", "jpg", "webp")[i % 3]
            noise(16, 24, 3).save(home / name / f"{i}.{kind}")
    (home / "cats" / "notes.txt").write_text("no picture")
    (home / "LICENSE").write_text("\nMine alone\n")
    return home


@pytest.fixture
def copy(folder, tmp_path) -> Path:
    return shutil.copytree(folder, tmp_path / "mine")


def test_class_folders(folder):
    """The type of the committed sets; train and test are all there is, and share nothing."""
    both = datasets.from_folder(folder, size=8)
    assert both.images.shape == (40, 8, 8, 3) and both.images.dtype == np.uint8
    assert both.names == ("cats", "dogs") and both.licence == "Mine alone" and not both.left_out
    assert_array_equal(both.labels, np.repeat([0, 1], 20))
    train, test = (datasets.from_folder(folder, size=8, split=s) for s in ("train", "test"))
    assert 0 < len(test.images) < 12 and len(train.images) + len(test.images) == 40
    parts = {image.tobytes() for part in (train, test) for image in part.images}
    assert parts == {image.tobytes() for image in both.images}
    assert_array_equal(datasets.load(str(folder), "train", 8).images, train.images)


def test_a_file_stays_on_its_side(copy):
    """Whatever comes later: the split is by the name of each file alone."""
    before = datasets.from_folder(copy, size=8, split="test").images
    for i in range(20, 40):
        noise(9, 9, 3).save(copy / "dogs" / f"{i}.png")
    after = {image.tobytes() for image in datasets.from_folder(copy, size=8, split="test").images}
    assert {image.tobytes() for image in before} <= after


def test_the_middle_or_all_of_a_picture(tmp_path):
    """Cropped, the sides are gone; padded, there is white above and below. Sizes may differ."""
    (tmp_path / "a").mkdir()
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, :10], wide[:, 20:] = (255, 0, 0), (0, 0, 255)
    Image.fromarray(wide).save(tmp_path / "a" / "wide.png")
    crop = datasets.from_folder(tmp_path, size=10).images[0]
    assert crop.max() < 30
    pad = datasets.from_folder(tmp_path, size=30, framed=datasets.padded).images[0]
    assert (pad[:9] == 255).all() and (pad[21:] == 255).all()
    assert_array_equal(pad[15, 3], [255, 0, 0])
    assert_array_equal(pad[15, 27], [0, 0, 255])
    assert datasets.from_folder(tmp_path, size=(4, 6)).images.shape == (1, 4, 6, 3)


def test_grey_transparent_and_deep_pictures(tmp_path):
    """Grey stays grey unless colour is asked for; nothing shows through; 16 bits become 8."""
    (tmp_path / "a").mkdir()
    deep = np.full((8, 8), 257 * 100, np.uint16)
    Image.fromarray(deep).save(tmp_path / "a" / "deep.png")
    noise(8, 8).save(tmp_path / "a" / "grey.png")
    grey = datasets.from_folder(tmp_path, size=8)
    assert grey.images.shape == (2, 8, 8, 1) and (grey.images[0] == 100).all()
    assert datasets.from_folder(tmp_path, size=8, channels=3).images.shape == (2, 8, 8, 3)
    clear = np.zeros((8, 8, 4), np.uint8)
    Image.fromarray(clear).save(tmp_path / "a" / "clear.png")
    assert (datasets.from_folder(tmp_path, size=8).images[0] == 255).all()


def test_copies_and_broken_files_are_named(copy):
    """One sentence says how many; the result names each; the others are all there."""
    shutil.copy(copy / "cats" / "0.png", copy / "dogs" / "same.png")
    (copy / "dogs" / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    body = (copy / "dogs" / "3.png").read_bytes()
    (copy / "dogs" / "cut.png").write_bytes(body[: len(body) // 2])
    with pytest.warns(UserWarning, match=r"left out 3 of 43 files of .*: dogs/same.png \(a copy"):
        read = datasets.from_folder(copy, size=8)
    assert len(read.images) == len(read.labels) == 40
    assert [line.split(" (")[0] for line in read.left_out] == [
        "dogs/same.png",
        "dogs/broken.jpg",
        "dogs/cut.png",
    ]


def test_what_memory_does_not_hold_is_mapped(copy, tmp_path):
    """The same pictures from a file, made once; a changed folder makes another."""
    (copy / "cats" / "broken.png").write_bytes(b"hello")
    cache = tmp_path / "cache"
    with pytest.warns(UserWarning, match="left out 1 of 41"):
        held = datasets.from_folder(copy, size=8)
    for _ in range(2):
        with pytest.warns(UserWarning, match="left out 1 of 41"):
            mapped = datasets.from_folder(copy, size=8, limit=1000, cache=cache)
        assert isinstance(mapped.images, np.memmap) and mapped[2:] == held[2:]
        assert_array_equal(mapped.images, held.images)
        assert_array_equal(mapped.labels, held.labels)
        assert len(list(cache.glob("*.npy"))) == 1 and not list(cache.glob("*.part"))
    (copy / "cats" / "broken.png").unlink()
    datasets.from_folder(copy, size=8, limit=1000, cache=cache)
    assert len(list(cache.glob("*.npy"))) == 2
    datasets.from_folder(copy, size=8, limit=1000)
    assert list((copy / ".workshop-lite").glob("*.npy"))
    assert datasets.from_folder(copy, size=8).names == ("cats", "dogs")


def test_captions(tmp_path):
    """A line for each picture, as hubs have it; a line that is none is named, not fatal."""
    lines = []
    for i, text in enumerate(["a red apple", "a “green” tree", " "]):
        noise(8, 8, 3).save(tmp_path / f"{i}.png")
        lines.append(json.dumps({"file_name": f"{i}.png", "text": text}))
    lines += ["no JSON", "", json.dumps({"file_name": "gone.png", "text": "a"}), "[]"]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines), encoding="utf8")
    with pytest.warns(UserWarning, match=r"left out 4 .* line 3 of metadata.jsonl \(no file and"):
        read = datasets.from_folder(tmp_path, size=8)
    assert isinstance(read, datasets.Captioned)
    assert read.captions == ("a red apple", "a “green” tree") and read.images.shape == (2, 8, 8, 3)
    assert read.licence == "not stated"


@pytest.mark.parametrize(
    ("rate", "dtype", "top", "middle"),
    [(16_000, np.int16, 2**15, 0), (44_100, np.float32, 1, 0), (8000, np.uint8, 128, 128)]
    + [(16_000, np.int32, 2**31, 0)],
)
def test_sounds_become_the_pictures_that_notes_are(tmp_path, rate, dtype, top, middle):
    """A tone of any rate and type, in two channels, is that of ``to_mel`` within its noise."""
    tone = 0.25 * np.sin(2 * np.pi * 440 * np.arange(rate // 2 * 3) / rate)
    (tmp_path / "tones").mkdir()
    stereo = np.stack([tone, tone], axis=1) * top + middle
    wavfile.write(tmp_path / "tones" / "a.wav", rate, stereo.astype(dtype))
    read = datasets.from_folder(tmp_path)
    exact = 0.25 * np.sin(2 * np.pi * 440 * np.arange(audio.RATE) / audio.RATE)
    wanted = datasets.to_mel(exact[None].astype(np.float32))
    assert read.images.shape == (1, 32, 32, 1) and read.names == ("tones",)
    loud = wanted > 128  # 40 dB above the noise of eight bits
    assert np.abs(read.images.astype(int) - wanted)[loud].max() <= 3


def test_a_short_sound_ends_in_silence_and_a_broken_one_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    wavfile.write(tmp_path / "a" / "short.wav", 16_000, np.full(4000, 9000, np.int16))
    (tmp_path / "a" / "broken.wav").write_bytes(b"RIFF")
    with pytest.warns(UserWarning, match=r"a/broken.wav \(path must be that of a WAV file"):
        (image,) = datasets.from_folder(tmp_path).images
    assert image[:, :6].max() > 0 and image[:, 12:].max() == 0


def test_a_folder_has_a_digest(copy):
    """Of names and content: a byte or a name that changes is noticed."""
    first = datasets.digest(str(copy))
    assert first == datasets.digest(str(copy)) and len(first) == 64
    (copy / "cats" / "0.png").rename(copy / "cats" / "new.png")
    second = datasets.digest(str(copy))
    noise(8, 8, 3).save(copy / "cats" / "new.png")
    assert len({first, second, datasets.digest(str(copy))}) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "nowhere"}, "path must be that of a folder, got 'nowhere'"),
        ({"path": None}, "path must be that of a folder, got None"),
        ({"size": 0}, "size must be a tuple of 2 whole numbers of at least 1, got"),
        ({"size": (8, 8, 8)}, "size must be a tuple of 2"),
        ({"split": "half"}, "split must be 'train', 'test' or None, got 'half'"),
        ({"share": 2}, "share must be a number between 0 and 1, got 2"),
        ({"share": 0, "split": "test"}, "split 'test' of .* must have a file, got none of 40"),
        ({"channels": 4}, "channels must be 1, 3 or None, got 4"),
        ({"framed": "crop"}, "framed must be a function of a picture and a size, got 'crop'"),
        ({"limit": -1}, "limit must be a whole number of at least 0, got -1"),
    ],
)
def test_bad_arguments(folder, options, message, unchecked):
    """One sentence each."""
    with pytest.raises(ValueError, match=f"^{message}"):
        datasets.from_folder(**{"path": folder, "size": 8} | options)


def test_folders_without_data(tmp_path, folder):
    """Neither pictures nor sounds, both, or a file where the cache should be."""
    with pytest.raises(ValueError, match="^path must hold a folder of PNG, JPEG, WebP or WAV"):
        datasets.from_folder(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.wav").write_bytes(b"")
    (tmp_path / "a" / "b.png").write_bytes(b"hello")
    with pytest.raises(ValueError, match="^path must hold either pictures or sounds"):
        datasets.from_folder(tmp_path)
    (tmp_path / "a" / "b.wav").unlink()
    with pytest.raises(ValueError, match="^path must hold files that can be read, got a/b.png"):
        datasets.from_folder(tmp_path)
    with pytest.raises(ValueError, match="^cache must be a folder to write to"):
        datasets.from_folder(folder, size=8, limit=0, cache=tmp_path / "a" / "b.png")
    with warnings.catch_warnings(), pytest.raises(ValueError, match="^name must be one of"):
        datasets.load("nowhere", "train")
