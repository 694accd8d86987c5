"""From a folder to a model that is shared, by the command line alone."""

import json
from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from PIL import Image

from workshop_lite import checkpoints, datasets, evaluation, recipes, training
from workshop_lite.__main__ import main

BATCH = 45  # all of the training pictures: fewer than the 64 of the recipe
RNG = np.random.default_rng(0)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder ``mine`` with two classes, dark and bright; and no recipe of it left behind."""
    for name, low in (("dark", 0), ("bright", 128)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for i in range(24):
            picture = RNG.integers(low, low + 100, (9, 12), np.uint8)
            Image.fromarray(picture).save(tmp_path / "mine" / name / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(recipes, "RECIPES", recipes.RECIPES)
    before = dict(recipes.RECIPES)
    yield tmp_path
    recipes.RECIPES.clear()
    recipes.RECIPES.update(before)


def untrained(model, loss, rows, *, steps, batch, **options):
    """In place of ``training.fit``, which other tests try: the model as it begins."""
    assert rows[0].dtype == rows[1].dtype == np.uint8 and len(rows[0]) >= batch
    jax.eval_shape(loss, model, [a[:batch] for a in rows], jax.random.key(0))
    return training.Fitted(model, model, np.ones(steps, np.float32), steps * batch, 1.0)


class Brightness:
    """A judge that costs nothing."""

    def features(self, x):
        return jnp.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3))], axis=1)

    __call__ = features


def test_train_sample_evaluate_and_share(here, monkeypatch, capsys):
    """No line of Python and no registry: by the end it is as a stranger would find it."""
    monkeypatch.setattr(training, "fit", untrained)
    main("train --data mine --like fashion-cfg-weak --size 8x12 --steps 2".split())
    card = checkpoints.card("mine", "runs/mine")
    assert card["shape"] == [8, 12, 1] and card["classes"] == ["bright", "dark"]
    assert (card["data"], card["images"]) == ("./mine", 2 * BATCH)
    assert len(card["data_sha256"]) == 64
    del recipes.RECIPES["mine"]  # as in another process
    main("list".split())
    out = capsys.readouterr().out
    assert "parameters for 8 x 12 x 1, 90 images seen" in out and "in runs/mine" in out
    main("sample mine --labels dark 0 --columns 3 --steps 1".split())
    assert np.asarray(Image.open("samples.png")).shape == (2 * 9 - 1, 3 * 13 - 1)
    real = datasets.signed(recipes.like("fashion-cfg", "./mine", (8, 12)).rows("train")[0])
    judge = evaluation.Judge(Brightness(), real)
    monkeypatch.setattr(evaluation.reports, "trained_judge", lambda recipe: judge)
    main("evaluate mine --n 6 --evaluations 2 --scales 2".split())
    scores = checkpoints.card("mine", "runs/mine")["metrics"]["N=6, 2 evaluations"]
    assert {"how", "real", "scale 2"} <= set(scores) and scores["real"]["accuracy"] > 0.9
    main("card mine --license mit --out shared".split())
    assert {path.name for path in Path("shared").iterdir()} == {
        "README.md",
        "mine.json",
        "mine.safetensors",
    }
    assert 'license: "mit"' in Path("shared/README.md").read_text()
    checkpoints.load("mine", "shared")


def test_a_judge_is_trained_where_there_is_none(here, monkeypatch, capsys):
    """It tells dark from bright, says how sure it is, and compares with all where few are new."""
    recipe = recipes.like("fashion-cfg", "./mine", 8)

    def fitted(model, loss, rows, **budget):
        """What training would come to; other tests train."""
        assert model.n == 2 and budget["steps"] == 30 and budget["batch"] <= len(rows[0])
        return training.Fitted(Brightness(), None, np.ones(30, np.float32), 0, 0.0)

    monkeypatch.setattr(evaluation.judges, "fit", fitted)
    judge = evaluation.trained_judge(recipe, steps=30)
    assert "judge        trained on ./mine, test accuracy 100.0%" in capsys.readouterr().out
    assert (judge.classes, judge.shape, len(judge.real)) == (2, (8, 8, 1), 48)
    with pytest.raises(ValueError, match="^recipe must be of data with labels"):
        evaluation.trained_judge(replace(recipe, arrays=lambda data: (data.images,)))


def test_captions_make_a_model_that_reads(here):
    """Its words are those of the captions, however long; nothing is trained here."""
    texts = ["a dark one", "a bright one, " + "very " * 20 + "bright"]
    lines = [{"file_name": f"dark/{i}.png", "text": texts[i % 2]} for i in range(12)]
    Path("mine/metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    recipe = recipes.like("emoji-pixel64", "./mine", 8)
    net = nnx.eval_shape(lambda: recipe.build(None)).network
    told = net.condition
    assert told.vocabulary.words == ("a", "bright", "dark", "one", "very")
    assert told.length == 25 and net.channels == 1
    images, captions, brief = recipe.rows("train")
    assert images.shape[1:] == (8, 8, 1) and captions.shape == brief.shape == (len(images), 25)
    with pytest.raises(
        ValueError, match="^data must have a folder for each class for a model like"
    ):
        recipes.like("fashion-cfg", "./mine", 8)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train", "name must be one of"),
        ("train --data nowhere", "data must be a folder, got nowhere"),
        ("train fashion-cfg --data mine", "name must not be that of a shipped model"),
        ("train --data mine --size 8x8x8", "size must be a number such as 32, or 48x40, got 8x8x8"),
        ("train --data mine --size big", "size must be a number such as 32, or 48x40, got big"),
        ("train --data mine --like emoji-latent", "like must be one of"),
        ("train --data mine --like emoji-pixel64", "data must have captions in metadata.jsonl"),
        ("sample fashion-cfg --labels Boot Hat", "labels must be numbers or among ['T-shirt'"),
        ("card nope", "name must be one of"),
        ("export fashion-classifier --out x.bin", "name must be that of a model that draws"),
    ],
)
def test_bad_arguments(here, line, message, capsys):
    """One sentence each."""
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2 and message in capsys.readouterr().err
