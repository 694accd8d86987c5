"""How noisy the gradient is along a training run: the gradient noise scale, and its two parts.

    PYTHONPATH=. python tools/measure_noise.py workshop_lite/data/results/noise.json

The recipe is that of fashion-cfg-weak. A row is one seed at one stage; the stage 1,000 is the
shipped model. ``signal`` is |G|^2 and ``noise`` the trace of the covariance of one row's gradient,
both unbiased; McCandlish et al. (2018), Appendix A.1. That holds for independent rows, so here
each has a time of its own. ``even`` is the noise where a batch's times are spread evenly, as
training spreads them.
"""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from workshop_lite import checkpoints, training
from workshop_lite.evaluation import results
from workshop_lite.recipes import RECIPES, denoising_loss

NAME, SEEDS, SMALL = "fashion-cfg-weak", 4, 64
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


def at(step: int, data):
    """The model after so many steps of the recipe."""
    recipe = RECIPES[NAME]
    if step == recipe.steps:
        return checkpoints.load(NAME)
    model = recipe.build(nnx.Rngs(0))
    options = {"optimizer": recipe.options["optimizer"], "learning_rate": 4e-3, "bar": False}
    return training.fit(model, recipe.loss, data, steps=step, **options).last if step else model


def main(path: Path) -> None:
    data, rows = RECIPES[NAME].rows("train"), []
    for step, batches in BATCHES.items():
        model = at(step, data)
        for seed in range(SEEDS):
            signal, noise = parts(independent_loss, model, data, batches, seed)
            _, even = parts(denoising_loss, model, data, 8, seed)
            numbers = {"signal": signal, "noise": noise, "even": even}
            row = {"step": step, "seed": seed, "rows": batches * SMALL}
            rows.append(row | {k: float(f"{v:.4g}") for k, v in numbers.items()})
            print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
