"""The training loop: scanned, averaged, resumable, and the same on one device or many."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, nullcontext
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.tree_util import Partial
from jaxtyping import Float, PyTree
from tqdm.auto import tqdm

from workshop_lite import checks, files
from workshop_lite.training import states, terms
from workshop_lite.training.descent import Descent, rows_of, run
from workshop_lite.training.optimizers import adam
from workshop_lite.training.parameters import check, parameters, replaced
from workshop_lite.training.rehearsal import rehearse

TERMS = ("data", "loss", "optimizer", "learning_rate", "warmup", "clip", "batch", "seed")


class Look(NamedTuple):
    """A run after a chunk: steps done, mean loss of the chunk, last model and average of all."""

    step: int
    loss: float
    model: nnx.Module
    average: nnx.Module


class Fitted(NamedTuple):
    """What a run ends in: the averaged model, the last one, and what they took."""

    model: nnx.Module
    last: nnx.Module
    losses: Float[np.ndarray, " steps"]
    images: int
    seconds: float


def fit(
    model: nnx.Module,
    loss: Callable,
    data: PyTree,
    *,
    bar: bool = True,
    watch: Callable[[Look], Any] | None = None,
    **options,
) -> Fitted:
    """Train a copy of ``model`` and return its average over the run: all of ``steps``.

    With ``bar`` the progress is shown; ``watch`` is called on each ``Look``. All other arguments
    are those of ``steps``, and so are the errors.
    """
    if watch is not None:
        checks.function("watch", watch, "of a look")
    total = options.get("steps")
    with (
        closing(steps(model, loss, data, **options)) as looks,
        tqdm(total=total, unit="step", disable=not bar) as progress,
    ):
        try:
            while True:
                look = next(looks)
                progress.update(look.step - progress.n)
                progress.set_postfix(loss=f"{look.loss:.4f}", refresh=False)
                if watch is not None:
                    watch(look)
        except StopIteration as end:
            return end.value
        except KeyboardInterrupt as stop:
            if options.get("directory"):
                stop.add_note(f"Saved in {options['directory']}: the same call goes on from there.")
            raise


def steps(
    model: nnx.Module,
    loss: Callable,
    data: PyTree,
    *,
    seed: int = 0,
    steps: int | None = None,
    minutes: float | None = None,
    batch: int = 64,
    optimizer: Callable = adam,
    learning_rate: float = 1e-3,
    warmup: int = 200,
    cooldown: int = 0,
    clip: float = 1.0,
    chunk: int = 50,
    mesh: Mesh | None = None,
    directory: str | Path | None = None,
    recipe: str = "",
    save_every: float = 60.0,
    changed: Sequence[str] = (),
) -> Generator[Look, None, Fitted]:
    """Train a copy of ``model``, and hand out a ``Look`` after each ``chunk`` of steps.

    ``loss(model, rows, key)`` gives a scalar for a batch of rows of ``data``, a pytree of arrays
    [n, ...]; a ``np.memmap`` among them is read chunk by chunk. A model that the loss uses and
    nobody trains goes in front, as in ``jax.tree_util.Partial(loss, base)``. Trained is what the
    model has of ``nnx.Param``. Each epoch visits the rows in a new order and drops the ragged last
    batch. ``optimizer`` maps a schedule of the learning rate to an optax transformation. The rate
    rises over ``warmup`` steps, stays, and falls to 0 over the last ``cooldown`` of ``steps``;
    gradients are clipped to norm ``clip``.

    The average is the power-function EMA of Karras et al. (2024, EDM2), Eq. 6, whose memory
    grows with the run (10 % of it), so a run may stop at any time.

    Stops after ``steps`` in all or ``minutes`` of this call, whichever comes first. With a
    ``directory``, which is then this run's alone, the state is saved before the first step, every
    ``save_every`` seconds, at the end, on Ctrl-C, and where the generator is closed. A later call
    with the same ``recipe`` goes on from it to bitwise the same parameters. What it has other of
    data, loss, optimizer, learning_rate, warmup, clip, batch and seed has to be named in
    ``changed``. The batch is split over the devices of ``mesh``, by default all there are.

    Raises ValueError for arguments that cannot be, a batch that does not fit, rows that the loss
    refuses, a model that changes otherwise than by its gradient, a loss that is no longer finite,
    and a directory that is in use, cannot hold the state, or holds one that is damaged or of
    another run.
    """
    check(model)
    n = checks.rows_of("data", data)
    checks.function("loss", loss, "of (model, rows, key)")
    checks.function("optimizer", optimizer, "from a schedule of rates to an optimizer")
    checks.seed("seed", seed)
    checks.whole("warmup", warmup, 0)
    checks.whole("cooldown", cooldown, 0)
    checks.whole("chunk", chunk)
    checks.whole("batch", batch)
    checks.number("learning_rate", learning_rate, 0)
    checks.number("clip", clip, 0)
    checks.number("save_every", save_every, 0)
    if not isinstance(recipe, str):
        raise ValueError(f"recipe must be a name, got {checks.shown(recipe)}")
    if not isinstance(directory, str | Path | None):
        raise ValueError(f"directory must be a path or None, got {checks.shown(directory)}")
    if not isinstance(mesh, Mesh | None):
        raise ValueError(f"mesh must be a jax.sharding.Mesh or None, got {checks.shown(mesh)}")
    named = isinstance(changed, tuple | list) and all(isinstance(name, str) for name in changed)
    if not named or not set(changed) <= set(TERMS):
        raise ValueError(f"changed must be some of {TERMS}, got {checks.shown(changed)}")
    mesh = mesh or Mesh(np.array(jax.devices()), ("data",))
    if steps is None and minutes is None:
        raise ValueError("steps or minutes must be given, or training would never end")
    if steps is not None:
        checks.whole("steps", steps)
    if minutes is not None:
        checks.number("minutes", minutes, 0)
    if not 1 <= batch <= n or batch % mesh.size:
        raise ValueError(
            f"batch must lie between 1 and the {n} rows of data and be a multiple of the"
            f" {mesh.size} devices, got {batch}"
        )
    data = jax.tree.map(checks.array, data)
    rehearse(model, loss, data, batch)
    descent = Descent(optimizer, float(learning_rate), warmup, float(clip))
    kept = None
    if directory is not None:
        of = (terms.of_data(data), terms.of_function(loss), terms.of_function(optimizer))
        of += tuple(map(str, (descent.learning_rate, warmup, descent.clip, batch, seed)))
        kept = states.Kept(Path(directory), recipe, dict(zip(TERMS, of, strict=True)), changed)
    end = (np.inf if steps is None else steps, cooldown)
    clock = (np.inf if minutes is None else 60 * minutes, save_every)
    return _looks(model, loss, data, descent, seed, batch, chunk, end, clock, mesh, kept)


_OWN = [signature(fit).parameters[name] for name in ("bar", "watch")]
fit.__signature__ = signature(fit).replace(
    parameters=[*signature(steps).parameters.values(), *_OWN]
)


def _looks(model, loss, data, descent, seed, batch, chunk, end, clock, mesh, kept):
    """The loop of ``steps``, whose arguments are right."""
    state, progress = descent.begun(parameters(model)), states.Progress([], 0, 0.0)
    with nullcontext() if kept is None else files.claimed(kept.folder, "state"):
        if kept is not None:
            state, progress = kept.begun(state, progress)
        everywhere = NamedSharding(mesh, PartitionSpec())
        loss = loss if isinstance(loss, Partial) else Partial(loss)
        state, fixed, loss = jax.device_put((state, model, loss), everywhere)
        on_disk = any(isinstance(leaf, np.memmap) for leaf in jax.tree.leaves(data))
        data = data if on_disk else jax.device_put(data, everywhere)
        n, split = checks.rows_of("data", data), NamedSharding(mesh, PartitionSpec("data"))
        (total, _), (limit, save_every) = end, clock
        before, begin = len(progress.losses), time.monotonic()
        since = last_save = begin
        try:
            while (done := len(progress.losses)) < total:
                ahead = int(min((done // chunk + 1) * chunk, total))
                rows = np.stack([rows_of(seed, step, batch, n) for step in range(done, ahead)])
                here = data
                if on_disk:
                    here = jax.tree.map(lambda a: np.asarray(a[rows.ravel()]), data)  # noqa: B023
                    rows = np.arange(rows.size, dtype=np.int32).reshape(rows.shape)
                key, until = jax.random.key(seed), jnp.float32(end)
                next_state, new = run(descent, split, loss, fixed, state, here, rows, key, until)
                new = np.asarray(new).tolist()
                if not np.isfinite(new).all():
                    raise ValueError(
                        f"loss is not finite after step {done}, or its gradient; lower"
                        " learning_rate"
                    )
                now = time.monotonic()
                images, seconds = progress.images + len(new) * batch, progress.seconds + now - since
                further = states.Progress(progress.losses + new, images, seconds)
                state, progress = next_state, further  # at once: Ctrl-C may strike in between
                if kept is not None and now - last_save >= save_every:
                    kept.save(state, progress)
                    last_save = now
                yield Look(
                    ahead,
                    float(np.mean(new)),
                    replaced(fixed, state.model),
                    replaced(fixed, state.ema),
                )
                since = time.monotonic()  # what is done with a look is not the run's time
                if since - begin > limit:
                    break
        finally:
            if kept is not None and len(progress.losses) > before:
                kept.save(state, progress)
    average, last = replaced(fixed, state.ema), replaced(fixed, state.model)
    return Fitted(average, last, np.array(progress.losses, np.float32), *progress[1:])
