"""A chunk of training: what a step depends on, and many steps inside one scan."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree

from workshop_lite.training.parameters import replaced


class State(NamedTuple):
    """All that the next step depends on; saved whole, so a resumed run is the same run."""

    step: Array
    model: list[Array]
    ema: list[Array]
    optimizer: PyTree


class Descent(NamedTuple):
    """All of the optimizer but the step and the end, which may move without compiling anew."""

    optimizer: Callable
    learning_rate: float
    warmup: int
    clip: float

    def at(self, step, total, cooldown) -> optax.GradientTransformation:
        """That of one step of ``total``, over the last ``cooldown`` of which the rate falls."""
        rise = (step + 1) / max(self.warmup, 1)
        fall = (total - step) / jnp.maximum(cooldown, 1)
        rate = self.learning_rate * jnp.clip(jnp.minimum(rise, fall), 0.0, 1.0)
        return optax.chain(optax.clip_by_global_norm(self.clip), self.optimizer(lambda _: rate))

    def begun(self, parameters: list[Array]) -> State:
        """The state before the first step."""
        moments = self.at(0, 1, 1).init(parameters)
        return State(jnp.int32(0), parameters, parameters, moments)


@partial(jax.jit, static_argnums=(0, 1))
def run(descent, split, loss, model, state, data, rows, key, end):
    """One optimizer step for each row of ``rows`` [steps, batch], all inside one scan."""

    def step(state, rows):
        batch = jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a[rows], split), data)
        key_now = jax.random.fold_in(key, state.step)
        of_batch = lambda parameters: loss(replaced(model, parameters), batch, key_now)  # noqa: E731
        value, gradient = jax.value_and_grad(of_batch)(state.model)
        optimizer = descent.at(state.step, *end)
        update, moments = optimizer.update(gradient, state.optimizer, state.model)
        parameters = optax.apply_updates(state.model, update)
        keep = (1 - 1 / (state.step + 1)) ** 7.94  # EDM2's exponent for a width of 10 %
        mixed = lambda old, new: (keep * old + (1 - keep) * new).astype(old.dtype)  # noqa: E731
        ema = jax.tree.map(mixed, state.ema, parameters)
        finite = value + 0.0 * optax.tree.norm(gradient)  # the loss, or NaN
        return State(state.step + 1, parameters, ema, moments), finite

    return jax.lax.scan(step, state, rows)


def rows_of(seed: int, step: int, batch: int, n: int) -> np.ndarray:
    """The rows of data that make the batch of this step."""
    epoch, place = divmod(step, n // batch)
    return _order(seed, epoch, n)[place * batch : (place + 1) * batch]


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng((seed, epoch)).permutation(n).astype(np.int32)
