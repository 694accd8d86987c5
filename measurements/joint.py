"""Train a small autoencoder and a small diffusion model together, and apart.

Together, the diffusion loss reaches the encoder; apart, it stops at the latents. Each is trained on
latents as they are; together, also on latents divided by the spread of their batch.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from measurements import Measurement, rounded
from workshop_lite import datasets, training
from workshop_lite.conditioning import null_prompts
from workshop_lite.evaluation import metrics
from workshop_lite.networks import Autoencoder, autoencoder
from workshop_lite.recipes import captioned
from workshop_lite.recipes.emoji import emoji_denoiser
from workshop_lite.training import muon

BATCH, CHUNK, STOPS = 16, 20, range(20, 201, 20)
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


def plan(seeds: Sequence[int]) -> list[dict]:
    """All stops of a training, one training after the other."""
    return [
        {"how": how, "seed": seed, "step": stop} for seed, how, stop in product(seeds, WAYS, STOPS)
    ]


def losses(models, images, prompts, key, together: bool, scaled: bool):
    """The loss of the reconstruction, and that of the diffusion model in its latents."""
    ae, denoise = models
    k_draw, k_picture, k_noise = jax.random.split(key, 3)
    z = ae.encode(images).draw(k_draw)
    z = z if together else jax.lax.stop_gradient(z)
    x0 = z / z.std() if scaled else z
    picture = autoencoder.reconstruction_loss(ae, images, k_picture, kl=1e-3, gradients=0.0)
    return picture, training.loss(denoise, x0, prompts, null_prompts, k_noise, drop=0.1)


@cache
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


@cache
def data() -> tuple:
    """Pictures and prompts to train on, and a few held-out ones to look at."""
    train, test = (datasets.load("emoji", split, 64) for split in ("train", "test"))
    some = np.random.default_rng(0).permutation(len(test.images))[:64]
    asked = jnp.asarray(captioned(test)[1][some])
    return captioned(train)[:2], datasets.signed(test.images[some]), asked


@lru_cache(maxsize=2)
def reached(how: str, seed: int, step: int) -> tuple:
    """Both models and the optimizer's state after so many steps, from the stop before."""
    if step == 0:
        rngs = nnx.Rngs(seed)
        ae = Autoencoder(3, 4, widths=(16, 32), rngs=rngs)
        models = (ae, emoji_denoiser(rngs, channels=4, patch=1, **SMALL))
        return models, DESCENT.init(models)
    models, state = reached(how, seed, step - CHUNK)
    train, shape = data()[0], (len(STOPS), CHUNK, BATCH)
    which = np.random.default_rng(seed).integers(len(train[0]), size=shape)[step // CHUNK - 1]
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), step), CHUNK)
    return trainer(*WAYS[how])(models, state, tuple(part[which] for part in train), keys)


@jax.jit
def found(models, real, asked, scaled):
    """The spread of the latents, the loss in them, and reconstructions."""
    ae, denoise = models
    z = ae.encode(real).mean
    x0 = z / jnp.where(scaled, z.std(), 1.0)
    loss = training.loss(denoise, x0, asked, null_prompts, jax.random.key(0), drop=0.0)
    return {"loss": loss, "std": z.std()}, ae.decode(z)


def measure(run: dict) -> dict:
    _, real, asked = data()
    models, _ = reached(run["how"], run["seed"], run["step"])
    row, images = found(models, real, asked, WAYS[run["how"]][1])
    return rounded(row | {"psnr": metrics.psnr(np.clip(images, -1, 1), real).mean()})


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=6,
    quick=({"seed": 0, "step": 20},),
    unchecked="the steps after 20",
)
