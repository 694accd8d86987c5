"""Train a small autoencoder and a small diffusion model together, and apart.

    PYTHONPATH=. python tools/measure_joint.py workshop_lite/data/results/joint.json

Together, the diffusion loss reaches the encoder; apart, it stops at the latents. Each is trained on
latents as they are, and on latents divided by the spread of their batch. A row for each way, seed
and stop. Rows that the file holds already are kept. About 10 minutes on one CPU core.
"""

import sys
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from workshop_lite import datasets, training
from workshop_lite.conditioning import null_prompts
from workshop_lite.evaluation import metrics, results
from workshop_lite.networks import Autoencoder, autoencoder
from workshop_lite.recipes import captioned
from workshop_lite.recipes.emoji import emoji_denoiser
from workshop_lite.training import muon

SEEDS, BATCH, CHUNK, STOPS = (0, 1, 2), 16, 20, range(20, 201, 20)
SMALL = {"widths": (24, 40), "d_cond": 48, "d_tokens": 24}
#: Whether the diffusion loss reaches the encoder, and whether latents are scaled batch by batch.
WAYS = {
    "apart": (False, False),
    "together": (True, False),
    "together, scaled": (True, True),
}
DESCENT = optax.chain(
    optax.clip_by_global_norm(1.0), muon(lambda step: 2e-3 * jnp.minimum((step + 1) / 40, 1.0))
)


def losses(models, images, prompts, key, together: bool, scaled: bool):
    """The loss of the reconstruction, and that of the diffusion model in its latents."""
    ae, denoise = models
    k_draw, k_picture, k_noise = jax.random.split(key, 3)
    z = ae.encode(images).draw(k_draw)
    z = z if together else jax.lax.stop_gradient(z)
    x0 = z / z.std() if scaled else z
    picture = autoencoder.reconstruction_loss(ae, images, k_picture, kl=1e-3, gradients=0.0)
    return picture, training.loss(denoise, x0, prompts, null_prompts, k_noise, drop=0.1)


def trainer(together: bool, scaled: bool):
    """Some optimizer steps on the sum of both losses, compiled."""

    def total(models, batch, key):
        images, prompts = batch
        return sum(losses(models, images / 127.5 - 1, prompts, key, together, scaled))

    @jax.jit
    def run(models, state, batches, keys):
        def step(carry, drawn):
            models, state = carry
            gradient = jax.grad(total)(models, *drawn)
            update, state = DESCENT.update(gradient, state, models)
            return (optax.apply_updates(models, update), state), None

        return jax.lax.scan(step, (models, state), (batches, keys))[0]

    return run


def main(path: Path, seeds: list[int]) -> None:
    train, test = (datasets.load("emoji", split, 64) for split in ("train", "test"))
    data, (_, asked, _) = captioned(train)[:2], captioned(test)
    some = np.random.default_rng(0).permutation(len(test.images))[:64]
    real, asked = datasets.signed(test.images[some]), jnp.asarray(asked[some])
    rows = results.load(path.stem, path.parent) if path.exists() else []

    @jax.jit
    def found(models, scaled):
        ae, denoise = models
        z = ae.encode(real).mean
        x0 = z / jnp.where(scaled, z.std(), 1.0)
        loss = training.loss(denoise, x0, asked, null_prompts, jax.random.key(0), drop=0.0)
        return {"std": z.std(), "loss": loss}, ae.decode(z)

    for seed, (how, (together, scaled)) in product(seeds, WAYS.items()):
        if results.chosen(rows, how=how, seed=seed):
            continue
        rngs, rng = nnx.Rngs(seed), np.random.default_rng(seed)
        ae = Autoencoder(3, 4, widths=(16, 32), rngs=rngs)
        models = (ae, emoji_denoiser(rngs, channels=4, patch=1, **SMALL))
        state, run = DESCENT.init(models), trainer(together, scaled)
        for stop in STOPS:
            which = rng.integers(len(data[0]), size=(CHUNK, BATCH))
            keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), stop), CHUNK)
            models, state = run(models, state, tuple(part[which] for part in data), keys)
            row, images = found(models, scaled)
            row["psnr"] = metrics.psnr(np.clip(images, -1, 1), real).mean()
            rows.append({"how": how, "seed": seed, "step": stop})
            rows[-1] |= {name: round(float(value), 4) for name, value in row.items()}
        print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
