"""A run loses no finished model: its folder is its own, and what can fail costs nothing."""

import errno
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import filled
from flax import nnx
from PIL import Image
from test_unet import small

from workshop_lite import checkpoints, evaluation, runs, training
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import RECIPES, denoising_loss
from workshop_lite.schedules import cosine

NAME = "notes-classifier"


def full(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(scope="module")
def finished():
    """What a training returned: a model, in fact untrained."""
    model = filled(lambda: RECIPES[NAME].build(nnx.Rngs(0)))
    return training.Fitted(model, model, np.ones(4, np.float32), 256, 1.0)


def test_a_folder_is_claimed(tmp_path):
    """By a new run only if it is empty, by one that goes on only with a state, by two never."""
    folder = tmp_path / "runs" / "a"
    with pytest.raises(ValueError, match="^resume must name the folder of a run, got "):
        runs.claimed(folder, resume=True).__enter__()
    with runs.claimed(folder):
        with pytest.raises(ValueError, match="in use by another run"), runs.claimed(folder):
            pass
        (folder / "state.safetensors").write_bytes(b"state")
    with pytest.raises(ValueError, match="exists; give --resume"), runs.claimed(folder):
        pass
    with runs.claimed(folder, resume=True):
        pass


def test_a_run_that_came_to_nothing_blocks_nothing(tmp_path):
    """A folder in which no step was made is free for the next try."""
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), runs.claimed(tmp_path / "a"):
            raise ZeroDivisionError


@pytest.mark.parametrize("lacking", ["steps", "commit"])
def test_a_start_without_its_history_is_refused(tmp_path, finished, lacking):
    """Before the first step, not after the last one."""
    notes = {"recipe": NAME, "steps": 1, "images": 64, "minutes": 0.1, "commit": "none"}
    checkpoints.save(
        NAME, finished.model, {k: v for k, v in notes.items() if k != lacking}, tmp_path
    )
    with pytest.raises(ValueError, match=rf"^start must hold a model .* without \['{lacking}'\]$"):
        runs.Run(NAME, tmp_path / "run", start=tmp_path)


def test_no_room_for_the_weights_loses_nothing(tmp_path, finished, monkeypatch):
    """One sentence, no half file, the old model as it was; with room again they are written."""
    run = runs.Run(NAME, tmp_path)
    run.save(finished, {})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    further = finished._replace(losses=np.ones(8, np.float32))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(ValueError, match="^folder .* must have room for the model, .*No space"):
            run.save(further, {})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    checkpoints.load(NAME, tmp_path)
    assert run.save(further, {})["steps"] == 8


def test_no_git_is_no_error(monkeypatch):
    """The card then says so."""
    monkeypatch.setenv("PATH", "")
    assert runs.run._commit() == "unknown"


def test_what_is_shown_of_a_run(tmp_path, monkeypatch):
    """Held-out loss, scores and pictures of a model that draws; every one in the log."""
    model = Denoiser(filled(small), cosine, VELOCITY)
    rows = (np.random.default_rng(0).integers(0, 256, (16, 4, 4, 1), np.uint8), np.arange(16) % 3)
    recipe = replace(RECIPES["fashion-cfg"], arrays=lambda data: rows, judge="a judge")
    monkeypatch.setattr(type(recipe), "rows", lambda self, split, *base: rows)
    monkeypatch.setattr(type(recipe), "shown", lambda self: {"shape": [4, 4, 1]})

    class Mean:
        def features(self, x):
            return jnp.stack([x.mean((1, 2, 3)), x.std((1, 2, 3)), x.max((1, 2, 3))], axis=1)

        __call__ = features

    judge = evaluation.Judge(Mean(), np.zeros((9, 4, 4, 1), np.float32))
    monkeypatch.setattr(runs.run, "judge_of", lambda name: judge)
    run = object.__new__(runs.Run)
    run.recipe, run.model, run.folder = recipe, model, tmp_path
    run.loss = jax.tree_util.Partial(denoising_loss)
    painted = lambda images, columns: Image.new("L", (columns, len(images)))
    watch = run.watch(60.0, painted, (1.0,))
    watch.measures["scores"] = lambda model: {"accuracy at 1": 0.5}  # test_watching has them
    watch.now(training.Look(5, 1.0, model, model))
    [row] = watch.rows
    assert list(row) == ["step", "loss", "held-out loss", "accuracy at 1"]
    assert (tmp_path / "watched.jsonl").exists() and watch.shown.size == (3, 3)
    plain = SimpleNamespace(**vars(run) | {"model": nnx.Linear(1, 1, rngs=nnx.Rngs(0))})
    assert list(runs.Run.watch(plain, 60.0, painted, ()).measures) == ["held-out loss"]
