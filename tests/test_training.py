"""Training: it learns, stops, resumes to the bit, and is the same on many devices."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import resumable
from conftest import gaussian, normal
from flax import nnx
from numpy.testing import assert_allclose
from safetensors import safe_open

from workshop_lite import mixtures, training
from workshop_lite.conditioning import null_labels
from workshop_lite.predictions import CLEAN, NOISE, VELOCITY, Denoiser, Prediction
from workshop_lite.schedules import cosine, linear
from workshop_lite.training import descent, fitting, states

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run that was never stopped, and its folder."""
    folder = tmp_path_factory.mktemp("unbroken")
    return resumable.run(folder), folder


def assert_same_run(folder, unbroken):
    """Resuming ``folder`` gives the bits of the unbroken run: average, losses, whole state."""
    expected, home = unbroken
    fitted = resumable.run(folder, len(expected.losses))
    assert len(fitted.losses) == len(expected.losses)
    assert (fitted.losses == expected.losses).all()
    for a, b in zip(jax.tree.leaves(fitted.model), jax.tree.leaves(expected.model), strict=True):
        assert (a == b).all()
    states = [safe_open(f / "state.safetensors", "np") for f in (folder, home)]
    assert sorted(states[0].keys()) == sorted(states[1].keys())
    for name in states[0].keys():  # noqa: SIM118
        assert (states[0].get_tensor(name) == states[1].get_tensor(name)).all(), name


def test_fit_learns(unbroken):
    """The loss of a small regression falls by far, and the average fits nearly as well."""
    fitted, _ = unbroken
    assert fitted.losses.shape == (resumable.STEPS,) and fitted.images == 8 * resumable.STEPS
    assert fitted.losses[-10:].mean() < 0.8 * fitted.losses[:10].mean()
    batch, key = tuple(jnp.asarray(a) for a in resumable.DATA), jax.random.key(0)
    assert resumable.loss(fitted.model, batch, key) < resumable.loss(resumable.model(), batch, key)


def test_seed_decides():
    """The same seed gives the same bits, and another seed another run."""
    runs = [
        training.fit(
            resumable.model(), resumable.loss, resumable.DATA, steps=3, batch=8, seed=s, bar=False
        ).losses
        for s in (1, 1, 2)
    ]
    assert (runs[0] == runs[1]).all() and (runs[0] != runs[2]).any()


@pytest.mark.parametrize("stop", [1, 12, 29])
def test_resume_is_exact(tmp_path, unbroken, stop):
    """Stopped early, in the middle of a chunk or at its end, a run resumes to the same bits."""
    resumable.run(tmp_path, steps=stop)
    assert_same_run(tmp_path, unbroken)


def test_resume_of_a_finished_run_changes_nothing(tmp_path, unbroken):
    """A run that is done returns at once what it returned before."""
    shutil.copytree(unbroken[1], tmp_path, dirs_exist_ok=True)
    assert_same_run(tmp_path, unbroken)


@pytest.mark.parametrize("moment", ["dispatched", "computing"])
def test_ctrl_c_saves_first(tmp_path, unbroken, monkeypatch, moment):
    """Ctrl-C while a chunk is computed saves the state before it, and resumes to the same bits."""
    run, chunks = fitting.run, []

    class Computing:
        def __array__(self, *args, **kwargs):
            raise KeyboardInterrupt

    def struck(*args):
        chunks.append(run(*args))
        if len(chunks) < 3:
            return chunks[-1]
        if moment == "dispatched":
            raise KeyboardInterrupt
        return chunks[-1][0], Computing()

    monkeypatch.setattr(fitting, "run", struck)
    with pytest.raises(KeyboardInterrupt):
        resumable.run(tmp_path)
    monkeypatch.undo()
    with safe_open(tmp_path / "state.safetensors", "np") as state:
        assert len(state.get_tensor("losses")) == 2 * resumable.CHUNK
    assert_same_run(tmp_path, unbroken)


@pytest.mark.parametrize("place", ["update", "set_postfix"])
def test_ctrl_c_between_chunks(tmp_path, unbroken, monkeypatch, place):
    """Ctrl-C while the progress is shown loses nothing either."""
    tqdm = fitting.tqdm

    class Struck(tqdm):
        pass

    def strike(self, *args, **kwargs):
        raise KeyboardInterrupt

    setattr(Struck, place, strike)
    monkeypatch.setattr(fitting, "tqdm", Struck)
    with pytest.raises(KeyboardInterrupt):
        resumable.run(tmp_path)
    monkeypatch.setattr(fitting, "tqdm", tqdm)
    with safe_open(tmp_path / "state.safetensors", "np") as state:
        assert len(state.get_tensor("losses")) == resumable.CHUNK
    assert_same_run(tmp_path, unbroken)


def test_twenty_sigkills_resume_to_the_same_bits(tmp_path):
    """Killed twenty times without warning, a run resumes to the bits of one that never was.

    Every second kill strikes in the middle of writing the state, after a random share of its
    bytes or before the new file is in place; the others at a random moment after some progress.
    """
    steps, rng = 1500, np.random.default_rng(0)
    home, folder = tmp_path / "unbroken", tmp_path / "killed"
    unbroken = resumable.run(home, steps), home
    saved = folder / "state.safetensors"
    cache = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache")}
    cache |= {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(
        [sys.executable, resumable.__file__, folder],
        env={**os.environ, **cache, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        **pipes,
    ) as runs:
        for kill in range(20):
            midway = kill % 2 == 0
            saves, share = (int(rng.integers(4)), rng.uniform(0, 1.2)) if midway else (10**9, 0.0)
            before = saved.stat().st_mtime_ns if saved.exists() else None
            print(json.dumps([steps, saves, share]), file=runs.stdin, flush=True)
            child = int(runs.stdout.readline())
            if not midway:
                wait_for(lambda b=before: saved.exists() and saved.stat().st_mtime_ns != b)
                time.sleep(rng.uniform(0, 0.3))
                os.kill(child, signal.SIGKILL)
            assert int(runs.stdout.readline()) == -signal.SIGKILL
            assert list(folder.glob("state.*.part")) or not midway
            if saved.exists():
                with safe_open(saved, "np") as state:
                    losses = state.get_tensor("losses")
                assert (losses == unbroken[0].losses[: len(losses)]).all()
        runs.stdin.close()
    assert 0 < len(losses) < steps
    assert_same_run(folder, unbroken)


def wait_for(condition) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_diverging_run_keeps_the_last_good_state(tmp_path, unbroken):
    """A loss that is no longer finite is reported, and does not overwrite what was saved."""
    resumable.run(tmp_path, steps=6)
    broken = lambda model, batch, key: resumable.loss(model, batch, key) / 0.0
    with pytest.raises(
        ValueError, match="^loss is not finite after step 6, or its gradient; lower"
    ):
        resumable.run(tmp_path, loss=broken, changed=("loss",))
    assert_same_run(tmp_path, unbroken)


def test_a_gradient_that_is_not_finite_is_reported(tmp_path):
    """At the last step, too, where no further loss would show it; nothing of it is saved."""
    kinked = lambda model, batch, key: jnp.sqrt(0.0 * resumable.loss(model, batch, key))
    with pytest.raises(ValueError, match="^loss is not finite after step 0, or its gradient"):
        resumable.run(tmp_path, steps=1, loss=kinked)
    with safe_open(tmp_path / "state.safetensors", "np") as file:
        assert all(np.isfinite(file.get_tensor(name)).all() for name in file.keys())  # noqa: SIM118


@pytest.mark.parametrize("damage", ["truncated", "empty", "text"])
def test_damaged_state_is_refused(tmp_path, unbroken, damage):
    """A damaged state is named in one sentence, and not overwritten."""
    saved = tmp_path / "state.safetensors"
    whole = (unbroken[1] / "state.safetensors").read_bytes()
    body = {"truncated": whole[: len(whole) // 2], "empty": b"", "text": b"hello " * 9}[damage]
    saved.write_bytes(body)
    with pytest.raises(
        ValueError, match="^directory holds a damaged state, .*safetensors: [^\n]*$"
    ):
        resumable.run(tmp_path)
    assert saved.read_bytes() == body


def test_a_flipped_bit_in_the_state_is_refused(tmp_path, unbroken):
    """One bit, anywhere in the header and at many places behind it, and nothing is resumed."""
    saved, rng = tmp_path / "state.safetensors", np.random.default_rng(0)
    whole = (unbroken[1] / "state.safetensors").read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    places = [*range(header), *rng.integers(header, len(whole), size=100)]
    start = descent.State(*[None] * 4)
    for place in places:
        body = bytearray(whole)
        body[place] ^= 1 << int(rng.integers(8))
        saved.write_bytes(body)
        with pytest.raises(ValueError, match="^directory holds a damaged state, [^\n]*$"):
            states.restored(saved, start, "a line", {})
        assert saved.read_bytes() == body


def test_another_recipe_is_refused(tmp_path, unbroken):
    """A state is only taken up by its own recipe, and by a model of the same shapes."""
    shutil.copytree(unbroken[1], tmp_path, dirs_exist_ok=True)
    body = (tmp_path / "state.safetensors").read_bytes()
    with pytest.raises(ValueError, match="^directory holds the state of recipe 'a line'[^\n]*$"):
        resumable.run(tmp_path, recipe="a curve")
    wide = nnx.Linear(1, 4, rngs=nnx.Rngs(0))
    with pytest.raises(ValueError, match="^directory holds the state of another model, with "):
        training.fit(wide, resumable.loss, resumable.DATA, bar=False, **resumable.options(tmp_path))
    assert (tmp_path / "state.safetensors").read_bytes() == body


def test_every_epoch_visits_every_row_once():
    """Each epoch is a new order of all rows, but for the ragged last batch."""
    rows = []

    def loss(model, batch, key):
        jax.debug.callback(lambda row: rows.append(row.tolist()), batch, ordered=True)
        return jnp.sum(model.kernel[...] ** 2)

    n, batch, epochs = 14, 4, 3
    model = resumable.model()
    training.fit(model, loss, np.arange(n), steps=9, batch=batch, chunk=4, bar=False)
    jax.effects_barrier()
    orders = [sum(rows[3 * e : 3 * e + 3], []) for e in range(epochs)]
    assert all(len(set(order)) == 12 and set(order) <= set(range(n)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize("cooldown", [0, 4])
def test_average_and_optimizer(cooldown):
    """Adam, clipping, the rise and fall of the rate, and the average are those of a plain loop."""
    rise = np.minimum(np.arange(1, 10) / resumable.WARMUP, 1.0)
    fall = np.minimum(np.arange(9, 0, -1) / max(cooldown, 1), 1.0)
    rates = jnp.float32(resumable.RATE * np.minimum(rise, fall))
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(lambda i: rates[i], b2=0.99))
    average = model = resumable.model()
    state = adam.init(model)
    for step in range(9):
        batch = jax.tree.map(lambda a, s=step: a[descent.rows_of(0, s, 8, 32)], resumable.DATA)
        key = jax.random.fold_in(jax.random.key(0), step)
        gradient = jax.grad(resumable.loss)(model, batch, key)
        update, state = adam.update(gradient, state, model)
        model = optax.apply_updates(model, update)
        keep = (1 - 1 / (step + 1)) ** 7.94
        average = jax.tree.map(lambda a, b, k=keep: k * a + (1 - k) * b, average, model)
    fitted = resumable.run(steps=9, cooldown=cooldown).model
    for a, b in zip(jax.tree.leaves(fitted), jax.tree.leaves(average), strict=True):
        assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert jnp.abs(fitted.kernel[...] - model.kernel[...]).max() > 1e-3


def test_eight_devices_are_one():
    """Split over 8 devices, training gives the parameters of one device to rounding."""
    code = """
import jax, numpy as np, resumable
from jax.sharding import Mesh
from workshop_lite import training
assert jax.device_count() == 8
many, one = (
    training.fit(resumable.model(), resumable.loss, resumable.DATA, steps=20, batch=8, warmup=5,
                 mesh=mesh, bar=False)
    for mesh in (None, Mesh(np.array(jax.devices()[:1]), ("data",)))
)
assert len(many.model.kernel[...].sharding.device_set) == 8
np.testing.assert_allclose(many.losses, one.losses, rtol=1e-4)
for a, b in zip(jax.tree.leaves(many.model), jax.tree.leaves(one.model), strict=True):
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-6)
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **flags, **paths}, check=True)


@pytest.mark.parametrize(
    ("prediction", "schedule"), [(CLEAN, cosine), (VELOCITY, cosine), (NOISE, linear)]
)
def test_loss_of_the_ideal_network(prediction, schedule):
    """On N(0, 1) the ideal loss is the mean of sigma^2 for x_0, alpha^2 for noise, 1 for v."""
    n = 20_000
    denoise = mixtures.ideal(gaussian(0.0, 1.0), schedule, prediction)
    x0 = normal(n, 1)
    labels = jnp.full(n, -1)
    value = training.loss(denoise, x0, labels, null_labels, jax.random.key(3), drop=0.0)
    alpha = np.asarray(schedule(np.linspace(0, 1, 2001)).alpha)
    exact = {id(CLEAN): 1 - alpha**2, id(NOISE): alpha**2, id(VELOCITY): np.ones(2001)}
    # Each squared error is at most chi-squared, whose standard deviation is sqrt(2).
    assert abs(value - exact[id(prediction)].mean()) < 4 * np.sqrt(2 / n)


def test_min_snr_weighs_errors_of_x0():
    """The weighted velocity error is min(SNR, 5) times the squared error of x_0."""
    level = cosine(jnp.linspace(0.05, 0.95, 19))
    snr = (level.alpha / level.sigma) ** 2
    x0_error = 1.7
    v_error = x0_error * jnp.sqrt(1 + snr)  # from x0 = alpha x_t - sigma v
    assert_allclose(
        training.min_snr(level) * v_error**2, jnp.minimum(snr, 5) * x0_error**2, rtol=1e-4
    )


def test_loss_takes_a_weight():
    """A weight that is 0 beyond half the way leaves the errors of the first half, by row."""
    network = lambda xt, t, cond: jnp.zeros_like(xt)
    toy = Denoiser(network, cosine, VELOCITY)  # whose target is white
    x0, labels = normal(400, 3), jnp.zeros(400, jnp.int32)
    early = lambda level: level.sigma < jnp.sqrt(0.5)
    key = jax.random.key(0)
    whole = training.loss(toy, x0, labels, null_labels, key, drop=0.0)
    half = training.loss(toy, x0, labels, null_labels, key, drop=0.0, weight=early)
    assert_allclose(half, whole / 2, rtol=0.15)  # noise of 200 rows of 3


def test_logit_normal_times():
    """Even quantiles become times whose logit has mean 0 and deviation 1, ends included."""
    quantiles = (jnp.arange(2000) + 0.5) / 2000
    t = training.logit_normal(quantiles)
    logit = jnp.log(t / (1 - t))
    assert abs(logit.mean()) < 1e-3 and abs(logit.std() - 1) < 0.01
    assert_allclose(training.logit_normal(jnp.array([0.0, 0.5, 1.0])), [0.0, 0.5, 1.0], atol=1e-6)


def test_loss_takes_times():
    """Times that are all 1/4 show the network nothing but the noise level of 1/4."""
    seen = []

    def network(xt, t, cond):
        seen.append(t)
        return jnp.zeros_like(xt)

    toy = Denoiser(network, cosine, VELOCITY)
    labels = jnp.zeros(8, jnp.int32)
    quarter = lambda u: jnp.full_like(u, 0.25)
    training.loss(
        toy, normal(8, 3), labels, null_labels, jax.random.key(0), drop=0.0, times=quarter
    )
    assert_allclose(seen[0], 0.25, atol=1e-6)


@pytest.mark.parametrize("drop", [0.0, 0.2, 1.0])
def test_loss_drops_labels(drop):
    """The loss shows the network the null label for the share asked for, and 0 means never."""

    class Reporter(nnx.Module):
        def __call__(self, xt, t, cond):
            return jnp.broadcast_to((cond == -1)[:, None], xt.shape).astype(float)

    nothing = Prediction(target=lambda x0, eps, level: 0 * x0, to_x0=lambda v, xt, level: xt)
    denoise = Denoiser(Reporter(), cosine, nothing)
    n = 10_000
    share = training.loss(
        denoise, normal(n, 1), jnp.arange(n) % 5, null_labels, jax.random.key(0), drop=drop
    )
    assert abs(share - drop) <= 4 * np.sqrt(drop * (1 - drop) / n) + 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 33, "steps": 1}, "batch must lie between 1 and the 32 rows of data"),
        ({"batch": 0, "steps": 1}, "batch must be a whole number of at least 1, got 0"),
        ({"batch": 8}, "steps or minutes must be given"),
        ({"batch": 8, "steps": 0}, "steps must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_options_are_refused(options, message):
    """What cannot be trained is refused before anything is compiled."""
    with pytest.raises(ValueError, match=f"^{message}[^\n]*$"):
        training.fit(resumable.model(), resumable.loss, resumable.DATA, bar=False, **options)
