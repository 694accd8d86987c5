"""Train two small text-to-image networks alike, and let two encoders read the prompts.

One learns its words with the network; the other is MiniLM, frozen, which must be installed (see
``workshop_lite.conditioning.minilm``).
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from measurements import Measurement, rounded
from workshop_lite import datasets, drawing, evaluation, training
from workshop_lite.conditioning import TextEncoder, null_prompts
from workshop_lite.conditioning.minilm import Projected, encoded, null_sentences
from workshop_lite.guidance import Guided
from workshop_lite.networks import UNet
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import emoji_words
from workshop_lite.schedules import cosine
from workshop_lite.training import muon

N, STEPS, SCALE = 200, 800, 3.0
SIZE = {"d_cond": 128, "d_tokens": 128, "widths": (32, 96), "blocks": (1, 1)}
#: Each encoder: how it is built, what it makes of prompts, and their unconditional twin.
ENCODERS = {
    "words": (
        lambda rngs: TextEncoder(len(emoji_words()), d_vector=128, rngs=rngs),
        lambda prompts: emoji_words()(prompts),
        null_prompts,
    ),
    "MiniLM": (lambda rngs: Projected(d_vector=128, rngs=rngs), encoded, null_sentences),
}
#: Another word for one of the vocabulary; those on the right are not in it.
SYNONYMS = {
    "red": "crimson", "house": "cottage", "automobile": "limousine", "woman": "dame", "man": "guy",
    "cat": "kitty", "dog": "puppy", "rabbit": "hare", "boat": "vessel",
    "grinning": "jolly", "crying": "weeping", "smiling": "gleeful", "angry": "furious",
    "mountain": "summit", "flower": "bloom", "tree": "oak", "book": "novel", "fish": "trout",
    "bird": "sparrow", "bottle": "flask", "clock": "timepiece", "phone": "cellphone",
    "face": "visage", "button": "knob", "person": "human", "shoe": "sneaker",
}  # fmt: skip


def asked(name: str, captions: list[str]) -> list[str] | None:
    """How a caption is put to the encoder; None where this kind of prompt does not apply."""
    if name in ("seen", "held out"):
        return captions
    if name == "paraphrase":  # the same words in another order and frame
        return [f"{c.split(' emoji of ')[1]} {c.split(' emoji of ')[0]} emoji" for c in captions]
    return [" ".join(SYNONYMS.get(word, word) for word in c.split()) for c in captions]


def chosen(emoji: datasets.Emoji, seed: int, name: str) -> np.ndarray:
    """Two hundreds of pictures to ask for; of new words, those whose captions have a synonym."""
    if name != "new word":
        return evaluation.hundreds(emoji, N, seed)
    captions = datasets.captions(emoji)
    rows = [i for i in range(len(captions)) if set(captions[i].split()) & set(SYNONYMS)]
    kept = emoji._replace(styles=emoji.styles[rows], concepts=emoji.concepts[rows])
    return np.array(rows)[evaluation.hundreds(kept, N, seed)]


def plan(seeds: Sequence[int]) -> list[dict]:
    """Four kinds of prompt for each training."""
    kinds = ("seen", "held out", "paraphrase", "new word")
    return [
        {"encoder": encoder, "prompts": name, "seed": seed}
        for seed, encoder, name in product(seeds, ENCODERS, kinds)
    ]


judge = cache(evaluation.emoji_judge)


@lru_cache(maxsize=1)
def trained(encoder: str, seed: int) -> Denoiser:
    build, read, null = ENCODERS[encoder]
    train = datasets.load("emoji", "train", 32)

    def loss(denoise, batch, key):
        images, cond = batch
        return training.loss(denoise, images / 127.5 - 1, cond, null, key, drop=0.1)

    rngs = nnx.Rngs(seed)
    network = UNet(3, build(rngs), **SIZE, rngs=rngs)
    return training.fit(
        Denoiser(network, cosine, VELOCITY),
        loss,
        (train.images, read(datasets.captions(train))),
        seed=seed,
        steps=STEPS,
        optimizer=muon,
        learning_rate=4e-3,
        cooldown=300,
    ).model


def measure(run: dict) -> dict:
    _, read, null = ENCODERS[run["encoder"]]
    emoji = datasets.load("emoji", "test" if run["prompts"] == "held out" else "train", 32)
    which = chosen(emoji, run["seed"], run["prompts"])
    captions = [datasets.captions(emoji)[i] for i in which]
    try:
        cond = read(asked(run["prompts"], captions))
    except ValueError as error:  # the vocabulary refuses what it does not know
        return {"refused": str(error)}
    guided = Guided(trained(run["encoder"], run["seed"]), null, SCALE)
    options = {"shape": drawing.SHAPE, "steps": 12, "seed": run["seed"], "batch": 100}
    images = drawing.samples(guided, cosine, jax.tree.map(jnp.asarray, cond), **options)
    return rounded(judge()(images, emoji_words()(captions))._asdict())


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1),
    minutes=12,
    quick=({"encoder": "words", "prompts": "new word", "seed": 0},),
    unchecked="the scores, for a training takes minutes; only who refuses a new word is",
    missing=(1,),
)
