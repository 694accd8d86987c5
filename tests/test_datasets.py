"""The committed data is whole, balanced, and checked before use."""

import re
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workshop_lite import checkpoints, datasets

EMOJI = 6421


@pytest.mark.parametrize(("split", "n"), [("train", 60_000), ("test", 10_000)])
def test_fashion_mnist(split, n):
    """The whole of Fashion-MNIST: 28 x 28 grey pixels, ten named classes of equal size."""
    data = datasets.load("fashion-mnist", split)
    assert data.images.shape == (n, 28, 28, 1) and data.images.dtype == np.uint8
    assert data.labels.shape == (n,) and data.labels.dtype == np.uint8
    assert np.bincount(data.labels).tolist() == [n // 10] * 10
    assert len(set(data.names)) == 10 and "MIT" in data.licence
    assert data.images.min() == 0 and data.images.max() == 255
    # Published mean of the training pixels, 0.2860 of white.
    assert abs(data.images.mean() / 255 - 0.286) < 0.002


def test_classes_are_what_they_are_called():
    """Trousers are taller than wide and sneakers the reverse: names and labels belong together."""
    data = datasets.load("fashion-mnist", "test")

    def extent(name, axis):
        images = data.images[data.labels == data.names.index(name)]
        return np.median((images > 64).any(axis=axis).sum(axis=(1, 2)))

    assert extent("Trouser", 2) > 1.5 * extent("Trouser", 1)  # rows used, columns used
    assert extent("Sneaker", 1) > 1.5 * extent("Sneaker", 2)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the data to damage."""
    shutil.copy(datasets.FOLDER / "fashion-mnist.json", tmp_path)
    shutil.copytree(datasets.FOLDER / "fashion-mnist", tmp_path / "fashion-mnist")
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    return tmp_path


@pytest.mark.parametrize("split", ["test", "train"])
@pytest.mark.parametrize("part", ["labels", "images"])
def test_spoilt_files_are_refused(copied, split, part):
    """A flipped bit, a file cut short or lost, another file's content: one sentence names it."""
    path = copied / "fashion-mnist" / f"{split}-{part}.npy.xz"
    body, rng = path.read_bytes(), np.random.default_rng(0)
    size = path.stat().st_size
    swapped = [p.read_bytes() for p in path.parent.glob("*.xz") if p != path][:2]
    places = [0, *rng.integers(size, size=20), size - 1]
    flipped = (
        body[:i] + bytes([body[i] ^ 1 << int(rng.integers(8))]) + body[i + 1 :] for i in places
    )
    for bad in [*swapped, b"", body[:-10], body[: size // 2], None]:
        assert_refused(path, bad, split, "^file {} .* is missing or damaged; reinstall it$")
    for bad in flipped:
        assert_refused(path, bad, split, "^file {} .* is missing or damaged; reinstall it$")


def assert_refused(path, bad, split, message):
    """Loading ends in one sentence, and what is there is left as it was."""
    path.unlink(missing_ok=True) if bad is None else path.write_bytes(bad)
    with pytest.raises(ValueError, match=message.format(path.name)):
        datasets.load("fashion-mnist", split)
    assert not path.exists() if bad is None else path.read_bytes() == bad


def test_a_damaged_file_of_one_split_leaves_the_other(copied):
    """The test split does not need the files of the training split."""
    (copied / "fashion-mnist" / "train-images.npy.xz").write_bytes(b"")
    assert len(datasets.load("fashion-mnist", "test").labels) == 10_000


def test_spoilt_cards_are_refused(copied):
    """So is a flipped bit in the card: in a name, a digest, the licence, or its own seal."""
    path = copied / "fashion-mnist.json"
    body, rng = path.read_bytes(), np.random.default_rng(0)
    bits = [(i, 1 << int(rng.integers(8))) for i in range(len(body))]
    flipped = [body[:i] + bytes([body[i] ^ bit]) + body[i + 1 :] for i, bit in bits]
    card = "^card {} is missing, damaged, or was edited by hand; restore it$"
    for bad in [*flipped, b"", body[:-2], body[: len(body) // 2], b"[]", body + b" "]:
        assert_refused(path, bad, "test", card)
        with pytest.raises(ValueError, match=card.format(path.name)):
            datasets.digest("fashion-mnist")


def test_the_digest_is_that_of_the_training_data():
    """The models' cards name the data they were trained on, and it is the data that is here."""
    for name in checkpoints.names():
        notes = checkpoints.card(name)
        assert notes["data_sha256"] == datasets.digest(notes["data"])


@pytest.mark.parametrize("name", ["mnist", "", "../data/fashion-mnist"])
def test_unknown_names_are_refused(name):
    """An unknown data set is answered with those there are."""
    with pytest.raises(
        ValueError, match=r"^name must be one of \['emoji', 'fashion-mnist', 'notes'\], got "
    ):
        datasets.load(name, "train")


def test_unknown_splits_are_refused():
    """An unknown split is answered with those there are."""
    with pytest.raises(ValueError, match=r"^split of fashion-mnist must be one of \['test', 't"):
        datasets.load("fashion-mnist", "validation")


@pytest.mark.parametrize("size", [28, 48, 0, -32, 32.0, "32", True, np.ones(2)])
def test_unknown_sizes_are_refused(size, unchecked):
    """An unknown size is answered with those there are."""
    with pytest.raises(ValueError, match=r"^size of emoji must be one of \(64, 32\), got "):
        datasets.load("emoji", "test", size)


@pytest.mark.parametrize("name", datasets.names())
def test_each_says_whose_it_is(name):
    """A digest, and the licence text beside the data, named in NOTICE with all its holders."""
    assert re.fullmatch("[0-9a-f]{64}", datasets.digest(name))
    text = (datasets.FOLDER / name / "LICENSE").read_text(encoding="utf8")
    licence = datasets.load(name, "test").licence
    notice = (datasets.FOLDER.parents[1] / "NOTICE").read_text(encoding="utf8")
    assert f"see {name}/LICENSE" in licence
    for holder in ("Zalando", "Google", "Twitter", "Microsoft", "LobeHub", "Chiou", "Frank Wen"):
        if holder in licence:
            assert holder in text and holder in notice
    for title in ("MIT", "Apache", "CC BY 4.0"):
        if title in licence:
            assert title in notice
    assert "WITHOUT WARRANT" in text


def test_fashion_mnist_is_as_it_was():
    """The cards of trained models hold this digest."""
    assert datasets.digest("fashion-mnist").startswith("1fdd779bd41ea333")


def test_all_data_is_small():
    """Installing the package fetches no more than 45 MB of data."""
    sizes = [path.stat().st_size for path in datasets.FOLDER.rglob("*") if path.is_file()]
    assert sum(sizes) <= 45e6


@pytest.mark.parametrize("name", ["emoji", "notes"])
@pytest.mark.parametrize("split", ["test", "train"])
def test_a_flipped_bit_anywhere_is_refused(tmp_path, monkeypatch, name, split):
    """In the pictures, the labels, the names or the card."""
    shutil.copytree(datasets.FOLDER / name, tmp_path / name)
    shutil.copy(datasets.FOLDER / f"{name}.json", tmp_path)
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    files = [path for path in (tmp_path / name).iterdir() if path.name.startswith((split, "conc"))]
    rng = np.random.default_rng(0)
    for path in [*files, tmp_path / f"{name}.json"]:
        body = path.read_bytes()
        for i in rng.integers(len(body), size=3):
            path.write_bytes(body[:i] + bytes([body[i] ^ 1]) + body[i + 1 :])
            with pytest.raises(ValueError, match=f"^(file|card) {path.name} .*damaged"):
                datasets.load(name, split)
        path.write_bytes(body)
    datasets.load(name, split)


# Emoji -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emoji():
    return {split: datasets.load("emoji", split) for split in ("train", "test")}


def pairs(data):
    return list(zip(data.styles.tolist(), data.concepts.tolist(), strict=True))


def test_emoji(emoji):
    """Four styles of over 1,500 concepts in eight groups, and each picture is one of a kind."""
    train, test = emoji["train"], emoji["test"]
    for data in emoji.values():
        n = len(data.images)
        assert data.images.shape == (n, 64, 64, 3) and data.images.dtype == np.uint8
        assert data.styles.shape == data.concepts.shape == data.groups.shape == (n,)
        assert data.styles.max() < 4 and data.groups.max() < 8
        assert len(data.phrases) == len(data.concept_names) == len(set(data.concept_names))
        corners = data.images[:, ::63, ::63]
        assert (corners == 255).all((1, 2, 3)).mean() > 0.9  # on white
    assert len(train.images) + len(test.images) == EMOJI
    assert train.style_names == ("noto", "twemoji", "fluent", "3d fluent")
    assert train[4:] == test[4:] and "Flags" not in train.group_names
    assert not any("skin tone" in name or "flag:" in name for name in train.concept_names)
    assert set(train.concepts) == set(range(len(train.concept_names)))
    everything = np.concatenate([train.images, test.images])
    styles = np.concatenate([train.styles, test.styles])
    for style in range(4):
        drawn = [image.tobytes() for image in everything[styles == style]]
        assert len(drawn) == len(set(drawn)) > 1500


def test_emoji_held_out_can_be_composed(emoji):
    """A tenth is held out: pairs never trained on, of concepts and styles that all are."""
    train, test = emoji["train"], emoji["test"]
    seen, unseen = pairs(train), pairs(test)
    assert len(set(seen + unseen)) == len(seen) + len(unseen)
    assert len(unseen) == round(0.1 * (len(seen) + len(unseen)))
    assert set(test.concepts) <= set(train.concepts)
    assert np.bincount(test.styles).min() > 100 and np.bincount(train.styles).min() > 1000
    # Nothing but the one style is missing, and each group is tested.
    assert len(set(test.concepts)) == len(unseen) and set(test.groups) == set(range(8))


@pytest.mark.parametrize("split", ["train", "test"])
def test_small_emoji_are_box_means(emoji, split):
    """The 32 pixels are the mean of 2 x 2 of the 64, rounded; all else is the same."""
    small, large = datasets.load("emoji", split, size=32), emoji[split]
    n = len(large.images)
    mean = large.images.reshape(n, 32, 2, 32, 2, 3).mean((2, 4))
    assert (small.images == np.floor(mean + 0.5)).all() and small.images.dtype == np.uint8
    for a, b in zip(small[1:], large[1:], strict=True):
        assert np.array_equal(a, b)


def test_captions(emoji):
    """A sentence for each, with the article that belongs there, and no two the same."""
    lines = datasets.captions(emoji["train"]) + datasets.captions(emoji["test"])
    assert len(set(lines)) == len(lines) == EMOJI
    for line in (
        "a fluent emoji of a red apple",
        "a noto emoji of an owl",
        "a 3d fluent emoji of cherries",
        "a twemoji emoji of bread",
        "a noto emoji of a unicorn",
        "a noto emoji of the Statue of Liberty",
    ):
        assert line in lines
    i = lines.index(datasets.captions(emoji["train"])[7])
    style, concept = emoji["train"].styles[i], emoji["train"].concepts[i]
    assert emoji["train"].concept_names[concept] in lines[i]
    assert lines[i].startswith(f"a {emoji['train'].style_names[style]} emoji of")


@pytest.mark.parametrize("name", ["red apple", "green apple"])
def test_colours_are_what_they_are_called(emoji, name):
    """A red apple is redder than green in every style: pictures and names belong together."""
    data = emoji["train"]
    images = data.images[data.concepts == data.concept_names.index(name)].astype(float)
    red, green, _ = np.moveaxis(images[:, 20:50, 16:48].mean((1, 2)), 1, 0)
    assert len(images) >= 3 and ((red > green) == (name == "red apple")).all()


# Notes -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def notes():
    return {split: datasets.load("notes", split) for split in ("train", "test")}


def test_notes(notes):
    """112 instruments of 14 families, from C2 to C6; a tenth held out, none without training."""
    train, test = notes["train"], notes["test"]
    for data in notes.values():
        n = len(data.images)
        assert data.images.shape == (n, 32, 32, 1) and data.images.dtype == np.uint8
        assert data.instruments.shape == data.families.shape == data.pitches.shape == (n,)
        assert (data.families == data.instruments // 8).all()
        assert len(data.instrument_names) == 112 and len(data.family_names) == 14
        assert data.images.max((1, 2, 3)).min() > 128  # none is silent
    kinds = [set(zip(d.instruments, d.pitches, strict=True)) for d in notes.values()]
    assert len(kinds[0] | kinds[1]) == len(train.images) + len(test.images) == 5438
    assert len(test.images) == round(0.1 * 5438)
    assert set(train.instruments) == set(range(112)) and set(train.pitches) == set(range(36, 85))
    assert train.instrument_names[56] == "trumpet" and train.family_names[56 // 8] == "brass"


def pitch_of(sounds):
    """The MIDI pitch whose overtones are strongest: a sum over ten, each weaker than the last."""
    pitches, size = np.arange(36, 79, 0.1), 1 << 17
    spectrum = np.sqrt(np.abs(np.fft.rfft(sounds * np.hanning(sounds.shape[1]), size)))
    places = 440 * 2 ** ((pitches - 69) / 12) * size / 16_000
    overtones = range(1, 11)
    sums = sum(0.84**h * spectrum[:, np.int32(places * h + 0.5) % size] for h in overtones)
    return pitches[sums.argmax(1)]


def test_notes_are_heard_at_their_pitch(notes):
    """Of notes in the middle of the range at least three in four, heard again, are in tune."""
    test = notes["test"]
    middle = np.flatnonzero((test.pitches >= 48) & (test.pitches <= 72))[:64]
    pitch = pitch_of(datasets.to_audio(test.images[middle]))
    error = pitch - test.pitches[middle]
    assert np.mean(np.abs(error) < 0.5) > 0.75
    assert np.median(np.abs(error)) <= 0.2


def test_sound_and_picture_agree(notes):
    """The picture of what is heard is near the picture, and the same each time."""
    images = notes["test"].images[::50]
    sounds = datasets.to_audio(images)
    assert sounds.shape == (len(images), 16_000) and sounds.dtype == np.float32
    assert np.isfinite(sounds).all() and np.abs(sounds).max() < 2
    again = datasets.to_mel(sounds)
    error = np.abs(again.astype(float) - images) * 80 / 255  # dB
    assert error.mean() < 1.5 and error[images > 128].mean() < 0.8
    assert (datasets.to_audio(images[:1]) == sounds[:1]).all()


def test_a_tone_lights_its_row():
    """Octaves are evenly spaced from 100 Hz up, low notes at the bottom; silence is black."""
    t = np.arange(16_000) / 16_000
    tones = np.stack([np.sin(2 * np.pi * f * t) for f in (200, 400, 800, 1600, 3200)])
    images = datasets.to_mel(tones)
    rows = images[:, :, 16, 0].argmax(1)
    assert (np.diff(rows) < 0).all() and set(np.diff(rows, 2)) <= {-1, 0, 1}
    assert images.max((1, 2, 3)).min() > 245
    assert not datasets.to_mel(np.zeros((1, 16_000))).any()
    assert not np.abs(datasets.to_audio(np.zeros((1, 32, 32, 1), np.uint8))).max() > 1e-2


# Pixels ----------------------------------------------------------------------------------------


@given(arrays(np.uint8, (2, 3, 3, 1)))
def test_pixels_undo_signed(images):
    """Pixels become floats in [-1, 1] and come back exactly."""
    x = datasets.signed(images)
    assert x.dtype == np.float32 and np.abs(x).max() <= 1
    assert (datasets.pixels(x) == images).all()


@given(st.floats(-10, 10, width=32))
def test_pixels_are_cut_off(value):
    """A value becomes the nearest of 256 greys; beyond black or white it is black or white."""
    pixel = int(datasets.pixels(np.full((1, 1), value, np.float32))[0, 0])
    grey = pixel / 127.5 - 1
    assert abs(grey - min(max(value, -1), 1)) <= 1 / 255 + 1e-6
