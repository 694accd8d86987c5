"""What would go wrong is said before the first step; what goes wrong later loses nothing."""

import errno
import os
import re
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import resumable
from conftest import filled, normal
from flax import nnx
from numpy.testing import assert_allclose
from test_unet import fresh

from workshop_lite import files, training
from workshop_lite.conditioning import null_labels
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine
from workshop_lite.training import fitting, terms

ROOT = Path(__file__).parent.parent
ROWS = np.asarray(normal(16, 4))
SQUARE = lambda model, rows, key: jnp.mean((model(rows) - rows) ** 2)


def refused(message, model=None, loss=SQUARE, data=ROWS, **options):
    """``fit`` says so in one sentence, and compiles nothing."""
    model = linear() if model is None else model
    options = {"steps": 2, "batch": 8, "bar": False} | options
    before = fitting.run._cache_size()
    with pytest.raises(ValueError) as error:
        training.fit(model, loss, data, **options)
    assert re.search(f"^{message}[^\n]*$", str(error.value)), error.value
    assert fitting.run._cache_size() == before


def linear(**options):
    return nnx.Linear(4, 4, rngs=nnx.Rngs(0), **options)


class Tied(nnx.Module):
    def __init__(self):
        self.a = linear()
        self.b = self.a

    def __call__(self, x):
        return self.b(self.a(x))


def test_state_that_is_not_trained():
    """Statistics, masks and counts that a call changes, tied and coarse parameters, and none."""
    rngs = nnx.Rngs(0)
    norm, mask = nnx.BatchNorm(4, rngs=rngs), nnx.Dropout(0.1, rngs=rngs)
    refused("model must hold no state that .*got layers.0.mean, ", nnx.Sequential(norm, linear()))
    refused("model must hold no state that .*count.*Dropout", nnx.Sequential(linear(), mask))
    if os.environ.get("NNX_GRAPH_MODE") != "false":  # which refuses it itself
        refused("model must hold each parameter in one place, got a.bias again at b.bias", Tied())
    half = linear(param_dtype=jnp.bfloat16)
    refused("model must have parameters of float32, .*got bfloat16 at bias; a layer's dtype", half)
    refused("model must have parameters, got 'Module'", nnx.Module())


def test_constants_stay():
    """Dropout that is off, and what is no parameter, take part and stay as they are."""

    class Scaled(nnx.Module):
        def __init__(self):
            self.line, self.mask = linear(), nnx.Dropout(0.1, rngs=nnx.Rngs(0))
            self.scale = nnx.Variable(jnp.float32(3))

        def __call__(self, x):
            return self.scale[...] * self.mask(self.line(x))

    model = Scaled()
    model.eval()
    fitted = training.fit(model, SQUARE, ROWS, steps=3, batch=8, warmup=1, bar=False)
    assert fitted.last.scale[...] == 3 and fitted.model.scale[...] == 3
    assert (fitted.last.line.kernel[...] != model.line.kernel[...]).any()


def test_the_data_are_looked_at():
    """Labels out of range in any row, pictures that were scaled never or twice, and no number."""
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), np.uint8)
    labels = np.arange(40) % 3
    denoise = Denoiser(filled(fresh), cosine, VELOCITY)

    def loss(model, batch, key, divisor=127.5):
        images, labels = batch
        return training.loss(model, images / divisor - 1, labels, null_labels, key, drop=0.1)

    for wrong in (3, 200, -7):
        bad = labels.copy()
        bad[37] = wrong  # not among the first ones
        refused(f"labels must lie between 0 and 2, .*got {wrong}", denoise, loss, (images, bad))
    twice = (images / np.float32(127.5) - 1, labels)
    refused(r"x0 must be scaled .*got numbers from -1.008 to -0.9922", denoise, loss, twice)
    never = partial(loss, divisor=1.0)
    refused("x0 must be scaled .*got numbers from -1 to 254", denoise, never, (images, labels))
    refused("images must have shape", denoise, loss, (images[:, :3], labels))
    thin = Denoiser(lambda xt, t, cond: xt[..., :1], cosine, VELOCITY)
    with pytest.raises(ValueError, match=r"^network must give the shape .*4, 3\), got \(2, .*1\)$"):
        training.loss(
            thin, jnp.ones((2, 4, 4, 3)), labels[:2], null_labels, jax.random.key(0), drop=0.0
        )
    refused(r"loss must give one number, got .*shape=\(8,\)", loss=lambda m, x, key: m(x).sum(1))


def test_a_loss_may_want_jax_arrays():
    """What NumPy's arrays lack is no reason to refuse a loss."""
    at = lambda model, rows, key: jnp.mean(model(rows.at[0].set(0)) ** 2)
    assert np.isfinite(training.fit(linear(), at, ROWS, steps=1, batch=8, bar=False).losses).all()


def test_any_byte_order_and_a_file():
    """Data of another machine, and data that stay on disk, train to the same bits."""
    fitted = [
        training.fit(linear(), SQUARE, data, steps=5, chunk=2, batch=8, bar=False)
        for data in (ROWS, ROWS.astype(">f4"))
    ]
    assert (fitted[0].losses == fitted[1].losses).all()


def test_rows_from_disk(tmp_path):
    """A memory-mapped array is read chunk by chunk, to the same losses."""
    np.save(tmp_path / "rows.npy", ROWS)
    disk = np.load(tmp_path / "rows.npy", mmap_mode="r")
    fitted = [
        training.fit(linear(), SQUARE, data, steps=4, chunk=2, batch=8, bar=False)
        for data in (ROWS, disk)
    ]
    assert_allclose(fitted[0].losses, fitted[1].losses, rtol=1e-6)


def other(model, batch, key):
    return 2 * resumable.loss(model, batch, key)


def test_another_run_is_refused_unless_named(tmp_path):
    """What differs is named; named by the caller, it is taken, and images are counted right."""
    call = {"model": resumable.model(), "loss": resumable.loss, "data": resumable.DATA}
    call |= {"bar": False} | resumable.options(tmp_path, steps=6)
    training.fit(**call)
    x, rows = resumable.DATA
    for name, value, told in (
        ("loss", other, "loss .*, not other"),
        ("data", (x, rows[::-1].copy()), "data"),
        ("data", (x[:16], rows[:16]), "data"),
        ("batch", 4, r"batch \(8, not 4\)"),
        ("seed", 1, r"seed \(0, not 1\)"),
        ("learning_rate", 0.1, r"learning_rate \(0.05, not 0.1\)"),
        ("optimizer", training.muon, "optimizer .*adam .*, not muon"),
    ):
        with pytest.raises(ValueError, match=f"^directory holds a run with other {told}") as error:
            training.fit(**call | {name: value, "steps": 12})
        assert f"changed=('{name}',)" in str(error.value)
    call |= {"optimizer": optax.sgd, "loss": other, "batch": 4, "steps": 12}
    fitted = training.fit(**call, changed=("optimizer", "loss", "batch"))
    assert len(fitted.losses) == 12 and fitted.images == 6 * 8 + 6 * 4


def test_a_function_is_told_by_what_it_does():
    """Other code, other arguments and other arrays in it are another; the same code is the same."""
    weigh = lambda w: lambda model, rows, key: w * jnp.mean(model(rows))
    same, another = weigh(2.0), weigh(3.0)
    assert terms.of_function(same) == terms.of_function(weigh(2.0)) != terms.of_function(another)
    assert terms.of_function(jax.jit(same)) == terms.of_function(same)
    halves = [partial(SQUARE, key=k) for k in (1, 2)] + [
        jax.tree_util.Partial(SQUARE, jnp.float32(k)) for k in (1, 2)
    ]
    assert len({terms.of_function(f) for f in halves}) == 4

    def itself(model, rows, key):
        return itself

    assert terms.of_function(itself)


def test_a_folder_is_one_runs(tmp_path):
    """A second fit in a folder is refused while the first goes on, and welcome afterwards."""
    options = resumable.options(tmp_path)
    looks = training.steps(resumable.model(), resumable.loss, resumable.DATA, **options)
    next(looks)
    with pytest.raises(ValueError, match="^folder .* is in use by another run; wait"):
        resumable.run(tmp_path)
    looks.close()
    assert len(resumable.run(tmp_path).losses) == resumable.STEPS


HOLD = """
import sys
from pathlib import Path
from workshop_lite import files
with files.claimed(Path(sys.argv[1]), "run"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_claim_ends_with_its_process(tmp_path):
    """Another process's claim holds, and a kill frees the folder, half-written files removed."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], cwd=ROOT, **pipes) as child:
        assert child.stdout.readline() == "held\n"
        (tmp_path / "run.json.0a1b.part").write_text("half")
        with pytest.raises(ValueError, match="in use"), files.claimed(tmp_path, "run"):
            pass
        child.kill()
    with files.claimed(tmp_path, "run"):
        assert not list(tmp_path.glob("*.part"))


def full(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_found_before_the_first_step(tmp_path, monkeypatch):
    """The state is written once before anything is computed."""
    monkeypatch.setattr(Path, "write_bytes", full)
    refused("directory .* must have room for the state .*No space left", directory=tmp_path)


def test_a_disk_that_fills_up_loses_nothing(tmp_path, monkeypatch):
    """The run goes on and returns its model; the last state that fitted stays, and no more."""
    looks = training.steps(
        resumable.model(),
        resumable.loss,
        resumable.DATA,
        **resumable.options(tmp_path, save_every=0.0),
    )
    next(looks)
    whole = (tmp_path / "state.safetensors").read_bytes()
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(UserWarning, match="^state could not be saved, No space left"):
        try:
            while True:
                next(looks)
        except StopIteration as end:
            fitted = end.value
    assert len(fitted.losses) == resumable.STEPS
    assert (tmp_path / "state.safetensors").read_bytes() == whole
    assert not list(tmp_path.glob("*.part"))
    monkeypatch.undo()
    assert (resumable.run(tmp_path).losses == fitted.losses).all()


def test_a_swap_that_fails_keeps_the_old_file(tmp_path, monkeypatch):
    """Whatever goes wrong, the old bytes are there and nothing else."""
    path = tmp_path / "card.json"
    files.swap(path, b"old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.swap(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["card.json"] and path.read_bytes() == b"old"


def test_looks(tmp_path):
    """A look after every chunk, of one compilation; in all the run that ``fit`` makes."""
    before = fitting.run._cache_size()
    drawn = jax.jit(lambda model: model(jnp.ones((1, 1))))
    run = training.steps(resumable.model(), resumable.loss, resumable.DATA, **resumable.options())
    looks, values = [], []
    for look in run:
        looks.append(look)
        values.append(float(drawn(look.average)[0, 0]))
    assert fitting.run._cache_size() <= before + 1 and drawn._cache_size() == 1
    assert [look.step for look in looks] == list(range(6, 61, 6)) and len(set(values)) == 10
    fitted = resumable.run()
    assert_allclose([look.loss for look in looks], fitted.losses.reshape(10, 6).mean(1), rtol=1e-6)
    assert (looks[-1].average.kernel[...] == fitted.model.kernel[...]).all()
    assert (looks[-1].model.kernel[...] == fitted.last.kernel[...]).all()


def test_looks_go_on(tmp_path):
    """Left after some looks, a run is saved, and goes on to the same bits."""
    options = resumable.options(tmp_path)
    for look in training.steps(resumable.model(), resumable.loss, resumable.DATA, **options):
        if look.step >= 18:
            break
    del look
    fitted = resumable.run(tmp_path)
    assert (fitted.losses == resumable.run().losses).all()


def test_time_spent_on_looks_is_not_the_runs():
    """But the minutes of a call are: nobody waits longer than asked for."""
    options = resumable.options(minutes=0.003)
    run = training.steps(resumable.model(), resumable.loss, resumable.DATA, **options)
    next(run)
    time.sleep(0.3)
    with pytest.raises(StopIteration) as end:
        next(run)
    assert end.value.value.seconds < 60 and len(end.value.value.losses) == resumable.CHUNK
