"""Score the shipped models that draw 64 pixels, and time what a step and a picture cost.

Rows of the stops before the last are from states of those trainings that are kept no more, and so
are all rows of "emoji-latent-f8": a network of the same size as the other two, in latents of an
earlier autoencoder of f = 8, smaller and worse by 3.6 dB. Rows of kind "cost" are from before CPUs
filtered tiles, as the models were trained. Timing wants an idle machine.
"""

import time
from collections.abc import Sequence
from functools import cache
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from measurements import Measurement, rounded
from measurements.guidance import YARDSTICKS
from measurements.latent_cost import draw
from workshop_lite import checkpoints, datasets, drawing, evaluation
from workshop_lite.evaluation import PromptJudge, metrics
from workshop_lite.networks import autoencoder
from workshop_lite.recipes import RECIPES, emoji_words

MODELS = ("emoji-pixel64", "emoji-latent", "emoji-text")
AUTOENCODERS = ("emoji-vae", "emoji-vae-f8")
N, STEPS, ROUNDS = 400, 12, 7
#: The best of each, by its card.
SCALES = {"emoji-pixel64": 4.0, "emoji-latent": 4.0, "emoji-text": 2.0}
#: Stops whose states are gone.
GONE = {
    "emoji-pixel64": (850, 1600, 2450),
    "emoji-latent": (800, 1600, 2400),
}


def plan(seeds: Sequence[int]) -> list[dict]:
    """Yardsticks, the shipped models at the end of their training, and what each model costs."""
    return [
        *({"kind": "yardstick", "name": name} for name in (*YARDSTICKS, *AUTOENCODERS)),
        *(
            {"kind": "stop", "model": name, "steps": checkpoints.card(name)["steps"], "seed": seed}
            for name, seed in product(MODELS, seeds)
        ),
        *({"kind": "cost, tiles", "model": name} for name in MODELS),
    ]


@cache
def judges() -> tuple[PromptJudge, PromptJudge]:
    """Who compares pictures of 32 pixels with training images, and who those of 64."""
    small, train = evaluation.emoji_judge(), datasets.load("emoji", "train", 64)
    return small, PromptJudge(small.encoder, datasets.signed(train.images))


def asked(seed: int) -> tuple[np.ndarray, list[str]]:
    """Held-out pictures and their captions."""
    emoji = datasets.load("emoji", "test", 64)
    which = evaluation.hundreds(emoji, N, seed)
    return emoji.images[which], [datasets.captions(emoji)[i] for i in which]


def scored(images, captions) -> dict:
    (small, large), images = judges(), np.clip(images, -1, 1)
    row = small(images, emoji_words()(captions))._asdict()
    row["frechet32"] = row.pop("frechet")
    return row | {"frechet64": metrics.frechet(large.real, large.seen(images)[0])}


def yardstick(name: str) -> dict:
    """The scores of real pictures, spoilt or reconstructed."""
    images, captions = asked(0)
    if name not in AUTOENCODERS:
        return scored(metrics.yardsticks(datasets.signed(images))[name], captions)
    ae = checkpoints.load(name)
    return scored(autoencoder.decoded(ae, autoencoder.encoded(ae, images).mean), captions)


def stop(model: str, steps: int, seed: int) -> dict:
    """The scores of a shipped model, which was trained for so many steps."""
    (shape, shown), captions = drawing.canvas(model), asked(seed)[1]
    how = {"scale": SCALES[model], "steps": STEPS, "seed": seed, "shape": shape, "shown": shown}
    return scored(drawing.drawn(checkpoints.load(model), captions, **how), captions)


def seconds(run, *inputs) -> float:
    """The median time of a compiled call."""
    taken = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        jax.block_until_ready(run(*inputs))
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken[1:]))


def price(model: str, images: int = 64, drawn: int = 16) -> dict:
    """What a training step costs, a guided draw of 20 steps, the decoder."""
    tokens = jnp.asarray(emoji_words()(["a noto emoji of a cat face"] * images))
    recipe, denoise = RECIPES[model], RECIPES[model].build(nnx.Rngs(0))
    base = [] if recipe.base is None else [checkpoints.load(recipe.base)]
    batch = jax.tree.map(lambda part: part[:images], recipe.rows("test", *base))
    loss = jax.tree_util.Partial(recipe.loss, *base)
    descent = recipe.options["optimizer"](lambda step: 1e-3)

    def step(denoise, state, batch, key):
        gradient = jax.grad(loss)(denoise, batch, key)
        update, state = descent.update(gradient, state, denoise)
        return optax.apply_updates(denoise, update), state

    shape = (64, 64, 3) if not base else (64 // base[0].factor,) * 2 + (base[0].latent,)
    key = jax.random.key(0)
    noise = jax.random.normal(key, (drawn, *shape))
    calls = {"train": (jax.jit(step), (denoise, descent.init(denoise), batch, key))}
    calls["draw"] = jax.jit(draw), (base, denoise, noise, tokens[:drawn])
    if base:
        calls["decode"] = jax.jit(lambda ae, z: ae.decode(z)), (base[0], noise)
    row = {"images": images, "drawn": drawn, "steps": 20}
    for part, (function, inputs) in calls.items():
        program = function.lower(*inputs).compile()
        row[f"seconds_{part}"] = seconds(program, *inputs)
        row[f"MiB_{part}"] = round(program.memory_analysis().temp_size_in_bytes / 2**20, 1)
    return row


KINDS = {"yardstick": yardstick, "stop": stop, "cost, tiles": price}


def measure(run: dict) -> dict:
    of = {name: value for name, value in run.items() if name != "kind"}
    return rounded(KINDS[run["kind"]](**of))


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=10,
    quick=({"kind": "yardstick"}, {"kind": "stop", "seed": 0}),
    unchecked="stops whose states are gone, and times",
    timed=("seconds_train", "seconds_draw", "seconds_decode"),
    past=(
        {"kind": "cost"},
        {"model": "emoji-latent-f8"},
        *({"model": model, "steps": steps} for model, stops in GONE.items() for steps in stops),
    ),
)
