"""How noisy the gradient is along a training run: the gradient noise scale, and its two parts.

The recipe is that of fashion-cfg-weak. A row is one seed at one stage; the stage 1,000 is the
shipped model. ``signal`` is |G|^2 and ``noise`` the trace of the covariance of one row's gradient,
both unbiased; McCandlish et al. (2018), Appendix A.1. That holds for independent rows, so here
each has a time of its own. ``even`` is the noise where a batch's times are spread evenly, as
training spreads them.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from measurements import Measurement
from workshop_lite import checkpoints, training
from workshop_lite.recipes import RECIPES, denoising_loss

NAME, SMALL = "fashion-cfg-weak", 64
BATCHES = {0: 8, 10: 16, 100: 32, 1000: 64}


def independent_loss(denoise, batch, key):
    """The recipe's loss, each row at a time of its own."""
    key, k_time = jax.random.split(key)
    times = lambda t: jax.random.uniform(k_time, t.shape)  # noqa: E731
    return denoising_loss(denoise, batch, key, times=times)


def parts(loss, model, data, batches: int, seed: int) -> tuple[float, float]:
    """Signal and noise, from gradients of small batches and from their mean."""
    gradient = jax.jit(jax.grad(loss))
    rng, total, small = np.random.default_rng(seed), None, 0.0
    for i in range(batches):
        rows = rng.integers(0, len(data[0]), SMALL)
        key = jax.random.fold_in(jax.random.key(seed), i)
        g = gradient(model, tuple(a[rows] for a in data), key)
        small += float(optax.tree.norm(g, squared=True)) / batches
        total = g if total is None else jax.tree.map(jnp.add, total, g)
    big = float(optax.tree.norm(total, squared=True)) / batches**2
    noise = (small - big) / (1 / SMALL - 1 / (batches * SMALL))
    return big - noise / (batches * SMALL), noise


@cache
def data() -> tuple:
    return RECIPES[NAME].rows("train")


@cache
def at(step: int):
    """The model after so many steps of the recipe."""
    recipe = RECIPES[NAME]
    if step == recipe.steps:
        return checkpoints.load(NAME)
    model = recipe.build(nnx.Rngs(0))
    options = {"optimizer": recipe.options["optimizer"], "learning_rate": 4e-3, "bar": False}
    return training.fit(model, recipe.loss, data(), steps=step, **options).last if step else model


def plan(seeds: Sequence[int]) -> list[dict]:
    """Stage by stage."""
    return [{"step": step, "seed": seed} for step, seed in product(BATCHES, seeds)]


def measure(run: dict) -> dict:
    batches, model, seed = BATCHES[run["step"]], at(run["step"]), run["seed"]
    signal, noise = parts(independent_loss, model, data(), batches, seed)
    _, even = parts(denoising_loss, model, data(), 8, seed)
    numbers = {"signal": signal, "noise": noise, "even": even}
    return {"rows": batches * SMALL} | {k: float(f"{v:.4g}") for k, v in numbers.items()}


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2, 3),
    minutes=6,
    quick=({"step": 0, "seed": 0}, {"step": 1000, "seed": 0}),
    unchecked="the stages between, which are trained",
    exact=("rows",),
)
