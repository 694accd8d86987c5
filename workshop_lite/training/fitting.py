"""The training loop: scanned, averaged, resumable, and the same on one device or many."""

import time
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jax.tree_util import Partial
from jaxtyping import Array, Float, PyTree
from tqdm.auto import tqdm

from workshop_lite import checks
from workshop_lite.training import states
from workshop_lite.training.optimizers import adam


class Fitted(NamedTuple):
    """What ``fit`` returns: the averaged model, the last one, and what they took."""

    model: nnx.Module
    last: nnx.Module
    losses: Float[np.ndarray, " steps"]
    images: int
    seconds: float


class _State(NamedTuple):
    """All that the next step depends on; saved whole, so a resumed run is the same run."""

    step: Array
    model: nnx.Module
    ema: nnx.Module
    optimizer: PyTree


def fit(
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
    bar: bool = True,
) -> Fitted:
    """Train a copy of ``model`` and return its average over the run.

    ``loss(model, rows, key)`` gives a scalar for a batch of rows of ``data``, a pytree of arrays
    [n, ...]. A model that the loss uses and nobody trains goes in front, as in
    ``jax.tree_util.Partial(loss, base)``. Each epoch visits the rows in a new order and drops the
    ragged last batch. ``optimizer`` maps a schedule of the learning rate to an optax
    transformation. The rate rises over ``warmup`` steps, stays, and falls to 0 over the last
    ``cooldown`` of ``steps``; gradients are clipped to norm ``clip``.

    The average is the power-function EMA of Karras et al. (2024, EDM2), Eq. 6, whose memory
    grows with the run (10 % of it), so a run may stop at any time.

    Stops after ``steps`` in all or ``minutes`` of this call, whichever comes first. With a
    ``directory`` the state is saved every ``save_every`` seconds, at the end and on Ctrl-C, and a
    later call with the same ``recipe`` goes on from it to bitwise the same parameters. The batch
    is split over the devices of ``mesh``, by default all there are.

    Raises ValueError for arguments that cannot be, a batch that does not fit, a loss that is no
    longer finite, or a directory that holds a damaged state or that of another recipe.
    """
    n = checks.rows_of("data", data)
    if not isinstance(model, nnx.Module):
        raise ValueError(f"model must be an nnx.Module, got {checks.shown(model)}")
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
    total = np.inf if steps is None else steps
    descent, end = _Descent(optimizer, float(learning_rate), warmup, float(clip)), (total, cooldown)
    state = _State(jnp.int32(0), model, model, descent.until(*end).init(model))
    losses, seconds = [], 0.0
    saved = None if directory is None else Path(directory) / "state.safetensors"
    if saved and saved.exists():
        state, losses, seconds = states.restored(saved, state, recipe)
    everywhere = NamedSharding(mesh, PartitionSpec())
    loss = loss if isinstance(loss, Partial) else Partial(loss)
    state, data, loss = jax.device_put((state, data, loss), everywhere)
    run = partial(_run, descent, NamedSharding(mesh, PartitionSpec("data")), loss)

    begin = last_save = time.monotonic()
    progress = tqdm(total=steps, initial=len(losses), unit="step", disable=not bar)
    try:
        while (done := len(losses)) < total:
            ahead = int(min((done // chunk + 1) * chunk, total))
            rows = np.stack([_rows(seed, step, batch, n) for step in range(done, ahead)])
            next_state, new = run(state, data, rows, jax.random.key(seed), jnp.float32(end))
            new = np.asarray(new).tolist()
            if not np.isfinite(new).all():
                raise ValueError(
                    f"loss is not finite after step {done}, or its gradient; lower learning_rate"
                )
            state, losses = next_state, losses + new  # at once: Ctrl-C may strike between two lines
            progress.update(ahead - done)
            progress.set_postfix(loss=f"{np.mean(losses[-200:]):.4f}", refresh=False)
            now = time.monotonic()
            if saved and now - last_save >= save_every:
                states.save(saved, state, losses, seconds + now - begin, recipe)
                last_save = now
            if minutes is not None and now - begin > 60 * minutes:
                break
    finally:
        seconds += time.monotonic() - begin
        progress.close()
        if saved:
            states.save(saved, state, losses, seconds, recipe)
    return Fitted(
        state.ema, state.model, np.array(losses, np.float32), len(losses) * batch, seconds
    )


class _Descent(NamedTuple):
    """All of the optimizer but the end of the run, which may move without compiling anew."""

    optimizer: Callable
    learning_rate: float
    warmup: int
    clip: float

    def until(self, total, cooldown) -> optax.GradientTransformation:
        """That of a run of ``total`` steps, whose rate falls over the last ``cooldown``."""

        def rate(step):
            rise = (step + 1) / max(self.warmup, 1)
            fall = (total - step) / jnp.maximum(cooldown, 1)
            return self.learning_rate * jnp.clip(jnp.minimum(rise, fall), 0.0, 1.0)

        return optax.chain(optax.clip_by_global_norm(self.clip), self.optimizer(rate))


@partial(jax.jit, static_argnums=(0, 1))
def _run(descent, split, loss, state, data, rows, key, end):
    """One optimizer step for each row of ``rows`` [steps, batch], all inside one scan."""
    optimizer = descent.until(*end)

    def step(state, rows):
        batch = jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a[rows], split), data)
        key_now = jax.random.fold_in(key, state.step)
        value, gradient = jax.value_and_grad(loss)(state.model, batch, key_now)
        update, moments = optimizer.update(gradient, state.optimizer, state.model)
        model = optax.apply_updates(state.model, update)
        keep = (1 - 1 / (state.step + 1)) ** 7.94  # EDM2's exponent for a width of 10 %
        ema = jax.tree.map(lambda old, new: keep * old + (1 - keep) * new, state.ema, model)
        finite = value + 0.0 * optax.tree.norm(gradient)  # the loss, or NaN
        return _State(state.step + 1, model, ema, moments), finite

    return jax.lax.scan(step, state, rows)


def _rows(seed: int, step: int, batch: int, n: int) -> np.ndarray:
    """The rows of data that make the batch of this step."""
    epoch, place = divmod(step, n // batch)
    return _order(seed, epoch, n)[place * batch : (place + 1) * batch]


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(n).astype(np.int32)
