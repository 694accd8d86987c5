"""Train control branches for edges and watch how well samples keep to them, step by step.

    PYTHONPATH=. python tools/measure_convergence.py workshop_lite/data/results/convergence.json

With zero-initialised links and with random ones, a row for each start, seed and step. Rows that the
file holds already are kept. About 20 minutes on one CPU core. Seeds may be named behind the file.
"""

import sys
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from workshop_lite import checkpoints, datasets, drawing
from workshop_lite.conditioning import Control, Controlled, Hinted, hints, null_hinted, null_prompts
from workshop_lite.evaluation import results
from workshop_lite.guidance import Guided
from workshop_lite.networks.layers import zeros
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import emoji_words, hint_loss, hinted
from workshop_lite.training import muon

N, SEEDS, BATCH, STOPS = 50, (0, 1, 2), 32, (0, 25, 50, 75, 100, 150, 200, 250)
STARTS = {"zero": zeros, "random": nnx.initializers.lecun_normal()}
DESCENT = optax.chain(
    optax.clip_by_global_norm(1.0), muon(lambda step: 2e-3 * jnp.minimum((step + 1) / 20, 1.0))
)


@jax.jit
def trained(base, control, state, batches, keys):
    """Some optimizer steps, and the mean of their losses."""

    def step(carry, drawn):
        control, state = carry
        value, gradient = jax.value_and_grad(hint_loss, 1)(base, control, *drawn)
        update, state = DESCENT.update(gradient, state, control)
        return (optax.apply_updates(control, update), state), value

    (control, state), losses = jax.lax.scan(step, (control, state), (batches, keys))
    return control, state, losses.mean()


def main(path: Path, seeds: list[int]) -> None:
    base = checkpoints.load("emoji-text")
    data = hinted(datasets.load("emoji", "train", 32), hints.edges)
    test = datasets.load("emoji", "test", 32)
    asked = np.random.default_rng(0).permutation(len(test.images))[:N]
    lines = hints.edges(datasets.signed(test.images[asked]))
    tokens = emoji_words()([datasets.captions(test)[i] for i in asked])
    cond = Hinted(tokens, lines, np.ones(N, np.float32))
    rows = results.load(path.stem, path.parent) if path.exists() else []

    def f1(control) -> float:
        denoise = Denoiser(Controlled(base.network, control), base.schedule, base.prediction)
        guided = Guided(denoise, null_hinted(null_prompts), 2.0)
        images = drawing.samples(guided, base.schedule, cond, shape=(32, 32, 3), steps=10)
        return round(float(hints.edge_f1(images, lines).mean()), 4)

    for seed, start in product(seeds, STARTS):
        if results.chosen(rows, init=start, seed=seed):
            continue
        control = Control(base.network, 1, rngs=nnx.Rngs(seed), link_init=STARTS[start])
        state, rng, done, loss = DESCENT.init(control), np.random.default_rng(seed), 0, None
        for stop in STOPS:
            while done < stop:  # 25 at a time, so that all calls have one shape
                batch = rng.integers(len(data[0]), size=(25, BATCH))
                keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), done), 25)
                batches = tuple(part[batch] for part in data)
                control, state, loss = trained(base, control, state, batches, keys)
                done += 25
            row = {"init": start, "seed": seed, "step": stop, "f1": f1(control)}
            rows.append({**row, "loss": None if loss is None else round(float(loss), 4)})
            print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
