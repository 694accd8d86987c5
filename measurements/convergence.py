"""Train control branches for edges, and watch step by step how well samples keep to them.

Their links to the base begin at zero, or at random.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from measurements import Measurement, rounded
from workshop_lite import checkpoints, datasets, drawing
from workshop_lite.conditioning import Control, Controlled, Hinted, hints, null_hinted, null_prompts
from workshop_lite.guidance import Guided
from workshop_lite.networks.layers import zeros
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import emoji_words, hinted, latent_hint_loss
from workshop_lite.training import muon

N, BATCH, CHUNK, STOPS = 50, 32, 25, (0, 25, 50, 75, 100, 150, 200, 250)
STARTS = {"zero": zeros, "random": nnx.initializers.lecun_normal()}
DESCENT = optax.chain(
    optax.clip_by_global_norm(1.0), muon(lambda step: 2e-3 * jnp.minimum((step + 1) / 20, 1.0))
)


def plan(seeds: Sequence[int]) -> list[dict]:
    """All stops of a training, one training after the other."""
    return [
        {"init": init, "seed": seed, "step": stop}
        for seed, init, stop in product(seeds, STARTS, STOPS)
    ]


@jax.jit
def trained(base, ae, control, state, batches, keys):
    """Some optimizer steps, and the mean of their losses."""

    def step(carry, drawn):
        control, state = carry
        value, gradient = jax.value_and_grad(latent_hint_loss, 2)(base, ae, control, *drawn)
        update, state = DESCENT.update(gradient, state, control)
        return (optax.apply_updates(control, update), state), value

    (control, state), losses = jax.lax.scan(step, (control, state), (batches, keys))
    return control, state, losses.mean()


class Stage(NamedTuple):
    """A branch on its way; the loss is the mean of the last steps."""

    control: Control
    state: optax.OptState
    loss: jax.Array | None


base = cache(lambda: checkpoints.load("emoji-text"))
ae = cache(lambda: checkpoints.bases("emoji-text")[0])
canvas = cache(lambda: drawing.canvas("emoji-text"))


@cache
def data() -> tuple:
    """Posteriors, captions and edges of the training pictures."""
    return hinted(datasets.load("emoji", "train", 64), base(), ae(), see=hints.edges)


@lru_cache(maxsize=2)
def reached(init: str, seed: int, step: int) -> Stage:
    """The branch after so many steps, from 25 steps earlier: so all calls have one shape."""
    if step == 0:
        how = {"factor": ae().factor, "link_init": STARTS[init]}
        control = Control(base().network, 1, **how, rngs=nnx.Rngs(seed))
        return Stage(control, DESCENT.init(control), None)
    before, done = reached(init, seed, step - CHUNK), step - CHUNK
    shape = STOPS[-1] // CHUNK, CHUNK, BATCH
    batch = np.random.default_rng(seed).integers(len(data()[1]), size=shape)[done // CHUNK]
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), done), CHUNK)
    batches = jax.tree.map(lambda part: part[batch], data())
    return Stage(*trained(base(), ae(), before.control, before.state, batches, keys))


@cache
def asked() -> Hinted:
    """Prompts and edges of held-out pictures."""
    test = datasets.load("emoji", "test", 64)
    some = np.random.default_rng(0).permutation(len(test.images))[:N]
    tokens = emoji_words()([datasets.captions(test)[i] for i in some])
    return Hinted(tokens, hints.edges(datasets.signed(test.images[some])), np.ones(N, np.float32))


def measure(run: dict) -> dict:
    stage, cond = reached(run["init"], run["seed"], run["step"]), asked()
    network = Controlled(base().network, stage.control)
    denoise = Denoiser(network, base().schedule, base().prediction)
    guided = Guided(denoise, null_hinted(null_prompts), 2.0)
    shape, shown = canvas()
    images = shown(drawing.samples(guided, base().schedule, cond, shape=shape, steps=10))
    return rounded({"f1": hints.edge_f1(images, cond.hint).mean(), "loss": stage.loss})


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=12,
    quick=({"seed": 0, "step": 0}, {"seed": 0, "step": 25}),
    unchecked="the steps after 25",
)
