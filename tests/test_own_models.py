"""A model of one's own needs no registry: it is built again from its card alone."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import filled
from flax import nnx
from jax.tree_util import Partial
from numpy.testing import assert_allclose, assert_array_equal
from safetensors import safe_open

from workshop_lite import (
    architectures,
    checkpoints,
    drawing,
    evaluation,
    networks,
    predictions,
    recipes,
    schedules,
    training,
)
from workshop_lite.conditioning import (
    Control,
    Controlled,
    DualEncoder,
    Labels,
    TextEncoder,
    extended,
    null_labels,
    null_prompts,
    vocabulary,
)
from workshop_lite.guidance import Guided
from workshop_lite.networks import Autoencoder, Classifier, TinyDecoder, UNet
from workshop_lite.predictions import CLEAN, VELOCITY, Denoiser
from workshop_lite.sharing import cards, exporting

SIZE = {"d_cond": 8, "widths": (8,), "blocks": (1,)}
WORDS = vocabulary(["a red ball", "a blue box"])
CLASSES = ["ball", "box", "cone"]
NOTES = {"shape": [12, 20, 1], "classes": CLASSES}


def sorting(schedule=schedules.cosine, prediction=VELOCITY, channels=1) -> Denoiser:
    """A denoiser for three classes, every parameter noise."""
    net = lambda: UNet(channels, Labels(3, 8, rngs=nnx.Rngs(0)), **SIZE, rngs=nnx.Rngs(0))
    return Denoiser(filled(net), schedule, prediction)


def reading(words=WORDS, channels=3) -> Denoiser:
    def build():
        told = TextEncoder(len(words), d=8, d_vector=8, vocabulary=words, depth=1, rngs=nnx.Rngs(0))
        return UNet(channels, told, **SIZE, d_tokens=8, rngs=nnx.Rngs(0))

    return Denoiser(filled(build), schedules.cosine, VELOCITY)


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A folder with a model of 12 x 20 grey pixels and three classes."""
    folder = tmp_path_factory.mktemp("mine")
    checkpoints.save("shapes", sorting(), {**NOTES, "licence": "cc-by-4.0"}, folder)
    return folder


class Toy(nnx.Module):
    """A network that costs nothing and is told something."""

    def __init__(self, condition):
        self.condition = condition

    def __call__(self, xt, t, cond):
        told = cond.reshape(len(cond), -1).mean(axis=1)
        return 0.1 * xt + 0.1 * told[:, None, None, None]


call = jax.jit(lambda model, *state: model(*state))


def same(a: nnx.Module, b: nnx.Module) -> None:
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for old, new in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert_array_equal(np.asarray(old, np.float16), new)


# Saved and loaded -----------------------------------------------------------------------------

SCHEDULES = [
    schedules.linear,
    schedules.shifted(schedules.cosine, -1.5),
    schedules.from_betas(schedules.linear_betas(50)),
    schedules.from_points((0, 0.5, 1), (9, 1, -9)),
    schedules.karras(5),
    schedules.zero_terminal(schedules.shifted(schedules.linear, 0.5)),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: type(s).__name__)
def test_a_schedule_comes_back_as_it_was(schedule):
    """As data and back it is the same schedule, so nothing compiles twice and no level moves."""
    what = json.loads(json.dumps(architectures.described(schedule)))
    assert architectures.built(what) == schedule and hash(schedule) is not None
    assert_array_equal(architectures.built(what)(0.3), schedule(0.3))


def test_a_model_comes_back_whole(mine, tmp_path):
    """Structure, weights, schedule and prediction; and the file of weights says it all, too."""
    same(sorting(), checkpoints.load("shapes", mine))
    model = sorting(schedules.shifted(schedules.linear, 1.0), CLEAN, channels=2)
    checkpoints.save("other", model, NOTES | {"shape": (4, 6, 2)}, tmp_path)
    loaded = checkpoints.load("other", tmp_path)
    same(model, loaded)
    assert loaded.schedule == model.schedule and loaded.prediction is CLEAN
    with safe_open(tmp_path / "other.safetensors", "np") as file:
        said = file.metadata()
    card = checkpoints.card("other", tmp_path)
    assert json.loads(said["model"]) == card["model"] and json.loads(said["shape"]) == [4, 6, 2]


MODELS = {
    "classifier": (lambda r: Classifier(2, 3, widths=(8,), rngs=r), NOTES | {"shape": [8, 8, 2]}),
    "coder": (lambda r: Autoencoder(1, 2, widths=(8, 16), rngs=r), {"shape": [16, 16, 1]}),
    "preview": (lambda r: TinyDecoder(2, 1, factor=4, width=8, rngs=r), {"shape": [16, 16, 1]}),
    "judge": (
        lambda r: DualEncoder(len(WORDS), d=8, widths=(8,), vocabulary=WORDS, rngs=r),
        {"shape": [8, 8, 3]},
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model(name, tmp_path):
    build, notes = MODELS[name]
    model = filled(lambda: build(nnx.Rngs(0)))
    checkpoints.save(name, model, notes, tmp_path)
    same(model, checkpoints.load(name, tmp_path))
    assert drawing.canvas(name, tmp_path)[0] == tuple(notes["shape"])


def wordless() -> Denoiser:
    told = lambda: TextEncoder(9, d=8, d_vector=8, depth=1, rngs=nnx.Rngs(0))
    net = filled(lambda: UNet(3, told(), **SIZE, rngs=nnx.Rngs(0)))
    return Denoiser(net, schedules.cosine, VELOCITY)


@pytest.mark.parametrize(
    ("model", "notes", "message"),
    [
        (sorting, {}, r"shape in notes, \[h, w, c\] must be a tuple of 3 whole numbers .*got None"),
        (sorting, {"shape": [12, 20, 3]}, r"shape in notes must be \[h, w, 1\] with h and w mult"),
        (sorting, {"shape": [12, 21, 1]}, r"shape in notes must be .* multiples of 2, got"),
        (sorting, {"shape": [8, 8, 1]}, "classes in notes must be 3 names, one for each class"),
        (sorting, NOTES | {"classes": ["a"]}, "classes in notes must be 3 names"),
        (sorting, NOTES | {"base": "nope"}, "name must be one of"),
        (lambda: sorting(lambda t: schedules.cosine(t)), NOTES, "model must be made of .*draw"),
        (lambda: nnx.Linear(2, 2, rngs=nnx.Rngs(0)), NOTES, "model must be made of .*'Linear'"),
        (wordless, {"shape": [8, 8, 3]}, "model must keep its words: TextEncoder"),
        (lambda: 3, NOTES, "model must be a module with parameters"),
    ],
)
def test_a_card_is_complete_or_nothing_is_saved(model, notes, message, tmp_path, unchecked):
    """At once, in one sentence, not when somebody asks for the list of models."""
    with pytest.raises(ValueError, match=f"^{message}"):
        checkpoints.save("a", model(), notes, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_part_exchanged_by_hand_is_not_saved(tmp_path):
    """Parameters that the arguments do not say would not come back."""
    model = sorting()
    model.network.head = networks.layers.Conv(8, 8, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="^model must have the parameters that its arguments say"):
        checkpoints.save("a", model, NOTES, tmp_path)


def test_a_branch_finds_its_base_or_says_that_it_is_missing(mine, tmp_path):
    """In the same folder, or among the shipped; and where it was looked for."""
    base = checkpoints.load("shapes", mine)
    branch = filled(lambda: Control(base.network, 1, middle=False, rngs=nnx.Rngs(0)))
    checkpoints.save("branch", branch, {"base": "shapes"}, mine)
    assert checkpoints.card("branch", mine)["shape"] == [12, 20, 1]
    same(branch, checkpoints.load("branch", mine))
    both = Denoiser(Controlled(base.network, branch), schedules.cosine, VELOCITY)
    checkpoints.save("both", both, NOTES, tmp_path)  # whole, it needs nobody
    same(both, checkpoints.load("both", tmp_path))
    for suffix in ("json", "safetensors"):
        (tmp_path / f"branch.{suffix}").write_bytes((mine / f"branch.{suffix}").read_bytes())
    missing = (
        r"^base of 'branch' must be there too: 'shapes' is neither in .* nor among the shipped"
    )
    with pytest.raises(ValueError, match=missing):
        checkpoints.load("branch", tmp_path)
    shipped = checkpoints.load("emoji-tiny")
    checkpoints.save("tiny", shipped, {"base": "emoji-vae"}, tmp_path)
    same(shipped, checkpoints.load("tiny", tmp_path))


def test_latents_of_ones_own(tmp_path):
    """The shape to draw in follows from the autoencoder; pictures come from it."""
    ae = filled(lambda: Autoencoder(3, 2, widths=(8,), rngs=nnx.Rngs(0)))
    checkpoints.save("coder", ae, {"shape": [8, 12, 3]}, tmp_path)
    notes = {"base": "coder", "classes": CLASSES}
    checkpoints.save("latent", sorting(channels=2), notes, tmp_path)
    shape, shown = drawing.canvas("latent", tmp_path)
    assert shape == (4, 6, 2) and shown(np.zeros((1, *shape), np.float32)).shape == (1, 8, 12, 3)


# Words ----------------------------------------------------------------------------------------


def test_words_that_are_added():
    """Old words keep their tokens and every bit of their rows; new ones can be asked for."""
    old = reading().network.condition
    new = extended(old, ["glorp", "tiny"], rngs=nnx.Rngs(1))
    assert_array_equal(new.words[: len(WORDS)], old.words[...])
    assert new.words.shape == (len(WORDS) + 2, 8) and np.abs(new.words[-2:]).min() > 0
    assert new.vocabulary(["a red ball"]).tolist() == WORDS(["a red ball"]).tolist()
    assert new.vocabulary(["a tiny glorp"])[0, :4].tolist() == [1, 2, len(WORDS) + 1, len(WORDS)]
    assert old.vocabulary is WORDS and old.words.shape == (len(WORDS), 8)
    new.check(new.vocabulary(["glorp"]), 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "words must be a list of words"),
        ("glorp", "words must be a list of words"),
        (["two words"], "words must be a list of words"),
        (["Glorp"], "words must be a list of words, each once and in small letters"),
        (["a", "glorp"], "words must be new to the encoder, got 'a'"),
    ],
)
def test_words_that_cannot_be_added(words, message, unchecked):
    with pytest.raises(ValueError, match=f"^{message}"):
        extended(reading().network.condition, words, rngs=nnx.Rngs(1))


def test_an_extended_model_draws_its_new_word(tmp_path, unchecked):
    """Saved, loaded and asked: the vocabulary travels with the model."""
    model = reading()
    model.network.condition = extended(model.network.condition, ["glorp"], rngs=nnx.Rngs(1))
    checkpoints.save("more", model, {"shape": [4, 4, 3]}, tmp_path)
    loaded = checkpoints.load("more", tmp_path)
    how = {"shape": (4, 4, 3), "steps": 2}
    toy = Denoiser(Toy(loaded.network.condition), schedules.cosine, VELOCITY)
    assert drawing.drawn(toy, ["a red glorp"], **how).shape == (1, 4, 4, 3)
    with pytest.raises(ValueError, match="^prompts must be made of the 6 words of the vocabulary"):
        drawing.drawn(toy, ["a noto emoji of a cat face"], **how)


def test_guidance_of_ones_own_draws_and_is_scored(unchecked):
    """Made here or ready-made, it gives what the package's does where it is the same."""
    model = Denoiser(Toy(reading().network.condition), schedules.cosine, VELOCITY)
    how = {"shape": (4, 4, 3), "steps": 2}
    usual = drawing.drawn(model, ["a red ball"], scale=2.0, **how)
    ready = Guided(model, null_prompts, 2.0)
    assert_array_equal(drawing.drawn(ready, ["a red ball"], scale=None, **how), usual)
    wrapped = Partial(lambda model, *state: model(*state), ready)
    given = {"words": WORDS, "schedule": schedules.cosine}
    again = drawing.drawn(wrapped, ["a red ball"], scale=None, **given, **how)
    assert_allclose(again, usual, atol=1e-5)
    weaker = lambda denoise, null, scale: Guided(denoise, null, scale / 2)
    halved = drawing.drawn(model, ["a red ball"], scale=4.0, guidance=weaker, **how)
    assert_array_equal(halved, usual)
    for missing in given:
        with pytest.raises(ValueError, match=f"^{missing} must be given"):
            left = {name: value for name, value in given.items() if name != missing}
            drawing.drawn(wrapped, ["a red ball"], scale=None, **left, **how)


class Plain:
    """A classifier that costs nothing."""

    def features(self, x):
        return jnp.stack([x.mean((1, 2, 3)), x.std((1, 2, 3)), x.max((1, 2, 3))], axis=1)

    __call__ = features


def test_scores_of_any_denoiser(unchecked):
    """Ready-made guidance has the scores of the package's own at the same price."""
    model = Denoiser(Toy(Labels(3, 8, rngs=nnx.Rngs(0))), schedules.cosine, VELOCITY)
    judge = evaluation.Judge(
        Plain(), np.random.default_rng(0).normal(size=(9, 4, 4, 1)).clip(-1, 1)
    )
    usual = evaluation.scored(model, judge, 2.0, 6, 4)
    ready = Guided(model, null_labels, 2.0)
    assert evaluation.scored(ready, judge, None, 6, 4) == usual
    half = lambda denoise, null, scale: Guided(denoise, null, scale / 2)
    assert evaluation.scored(model, judge, 4.0, 6, 4, guidance=half) == usual
    assert evaluation.scored(ready, judge, None, 6, 2, passes=1, schedule=model.schedule) == usual


# What the losses refuse -----------------------------------------------------------------------

PIXELS = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 1), np.uint8)
LABELS = np.arange(8, dtype=np.uint8) % 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((PIXELS / 255, LABELS), "images must be uint8 from 0 to 255, got float64"),
        ((PIXELS, LABELS + 1), "labels must lie between 0 and 2, or be -1 for no class, got 3"),
        ((PIXELS, LABELS + 0.0), "labels must be an array of 8 whole numbers"),
        ((PIXELS[..., [0, 0]], LABELS), r"images must have shape \[b, h, w, 1\]"),
    ],
)
def test_what_would_train_in_silence_is_refused(data, message, unchecked):
    """Floats that would be nearly black, and labels from 1 on, which would train the null row."""
    with pytest.raises(ValueError, match=f"^{message}"):
        training.fit(sorting(), recipes.denoising_loss, data, steps=1, batch=8, bar=False)
    loss = Partial(recipes.class_loss, changed=lambda x, key: x)
    judge = Classifier(1, 3, widths=(8,), rngs=nnx.Rngs(0))
    if "shape" not in message:
        with pytest.raises(ValueError, match=f"^{message[:18]}"):
            loss(judge, data, jax.random.key(0))


def test_a_hint_for_any_condition(unchecked):
    """A branch on a base that is told labels: a finite loss; hints as floats are refused."""
    base = sorting()
    branch = filled(lambda: Control(base.network, 1, rngs=nnx.Rngs(0)))
    loss = lambda hint: recipes.hint_loss(
        base, branch, (PIXELS, np.int32(LABELS), hint), jax.random.key(0), null=null_labels
    )
    assert np.isfinite(jax.jit(loss)(PIXELS))
    with pytest.raises(ValueError, match="^hint must be uint8 from 0 to 255, got float64"):
        loss(PIXELS / 255)


# Shared and exported --------------------------------------------------------------------------


def test_the_readme_that_hubs_read(mine, monkeypatch):
    """Licence, tags and data in front; every score below; and the code in it runs."""
    yaml = pytest.importorskip("yaml")
    metrics = {"accuracy": 0.5, "few": {"how": "fast", "real": {"n": 4, "frechet": 0.12345}}}
    notes = checkpoints.card("shapes", mine)
    checkpoints.write_card("shapes", notes | {"metrics": metrics, "data": "/home/me/x"}, mine)
    text = cards.readme("shapes", mine)
    _, front, body = text.split("---\n", 2)
    front = yaml.safe_load(front)
    assert front["license"] == "cc-by-4.0" and "diffusion" in front["tags"]
    assert front["pipeline_tag"] == "unconditional-image-generation" and front["datasets"] == ["x"]
    assert "/home/me" not in text and "| real | 4 | 0.1235 |" in body and "ball, box, cone" in body
    code = body.split("```python\n")[1].split("```")[0].replace("steps=25", "steps=1")
    monkeypatch.chdir(mine)
    scope = {}
    exec(code, scope)
    assert scope["images"].shape == (3, 12, 20, 1)
    assert yaml.safe_load(cards.readme("emoji-text", licence="mit").split("---\n")[1]) == {
        "license": "mit",
        "library_name": "workshop-lite",
        "tags": cards.TAGS,
        "pipeline_tag": "text-to-image",
        "datasets": ["emoji"],
    }


@pytest.mark.parametrize("schedule", [schedules.cosine, schedules.straight])
def test_a_file_that_runs_without_the_package(tmp_path, unchecked, schedule):
    """Exported once, it takes batches of any size and gives what the denoiser gives."""
    pytest.importorskip("flatbuffers")
    model = reading()
    model = Denoiser(model.network, schedule, model.prediction)
    path = tmp_path / "model.bin"
    exporting.save(path, exporting.exported(model, (4, 4, 3), WORDS(["a red ball"])))
    loaded = exporting.load(path)
    xt, t = jax.random.normal(jax.random.key(0), (3, 4, 4, 3)), jnp.linspace(0.1, 0.9, 3)
    cond = jnp.asarray(WORDS(["a blue box", "a ball", "red"]))
    wanted = call(model, xt, t, cond)
    assert_allclose(loaded.call(xt, t, cond), wanted, rtol=1e-4, atol=1e-4)
    assert_allclose(loaded.call(xt[:1], t[:1], cond[:1]), wanted[:1], rtol=1e-4, atol=1e-4)
    path.write_bytes(b"hello")
    with pytest.raises(ValueError, match="^path must be that of an exported denoiser"):
        exporting.load(path)
    with pytest.raises(ValueError, match="^denoise must be a Denoiser around a U-Net"):
        exporting.exported(lambda xt, t, cond: xt, (8, 4, 3), np.zeros(1))


def test_plain_convolutions_are_what_an_exporter_knows():
    """The same numbers from an ordinary primitive; the model itself stays as it is."""
    model = sorting()
    plain, state = networks.plain(model), (jnp.ones((1, 4, 4, 1)), jnp.ones(1), jnp.zeros(1, int))
    used = {
        name: {e.primitive.name for e in jax.make_jaxpr(lambda *s, m=m: m(*s))(*state).eqns}
        for name, m in {"plain": plain, "own": model}.items()
    }
    assert "conv_general_dilated" in used["plain"] and "convolved" not in used["plain"]
    assert "conv_general_dilated" not in used["own"]
    assert_allclose(call(plain, *state), call(model, *state), rtol=1e-4, atol=1e-5)


def test_every_named_prediction_is_known():
    """None that a model may be made with is missing from what a card can say."""
    there = [x for x in vars(predictions).values() if isinstance(x, predictions.Prediction)]
    assert all(any(one is known for known in architectures.NAMED.values()) for one in there)
