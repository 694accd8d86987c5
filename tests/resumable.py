"""A training run to be killed: python tests/resumable.py FOLDER, by test_training.py."""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from workshop_lite import training

STEPS, CHUNK, RATE, WARMUP = 60, 6, 0.05, 5
DATA = (np.linspace(-1, 1, 32, dtype=np.float32)[:, None], np.arange(32))


def model():
    return nnx.Linear(1, 3, rngs=nnx.Rngs(0))


def loss(model, batch, key):
    x, rows = batch
    noise = jax.random.normal(key, x.shape)
    return jnp.mean((model(x + 0.1 * noise) - jnp.sin(rows)[:, None]) ** 2)


def run(directory=None, steps=STEPS, recipe="a line", loss=loss, cooldown=0):
    return training.fit(
        model(),
        loss,
        DATA,
        steps=steps,
        batch=8,
        chunk=CHUNK,
        warmup=WARMUP,
        learning_rate=RATE,
        cooldown=cooldown,
        bar=False,
        directory=directory,
        recipe=recipe,
    )


def main():
    """Save after every chunk instead of every minute, and take long enough to be killed."""
    clock = iter(range(0, 10**9, 100))
    training.time.monotonic = lambda: next(clock)
    save = training._save

    def slow_save(*args):
        save(*args)
        time.sleep(0.3)

    training._save = slow_save
    run(sys.argv[1])


if __name__ == "__main__":
    main()
