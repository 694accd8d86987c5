"""Measure the shipped text-to-image model at several scales, on seen and on held-out captions."""

from collections.abc import Sequence
from functools import cache
from itertools import product

import jax
import numpy as np

from measurements import Measurement, rounded
from workshop_lite import checkpoints, datasets, drawing, evaluation
from workshop_lite.conditioning import DualEncoder
from workshop_lite.evaluation import metrics
from workshop_lite.recipes import emoji_words

N, STEPS, SCALES = 400, 15, (1, 1.5, 2, 3, 4, 8)
SPLITS = {"seen": "train", "held out": "test"}


def in_style(judge, images, emoji: datasets.Emoji) -> float:
    """How often the judge finds the style that was asked for, among all, of the same concept."""
    _, seen = judge.seen(np.clip(images, -1, 1))
    read = jax.jit(DualEncoder.prompts)
    likeness = []
    for style in range(len(emoji.style_names)):
        captions = datasets.captions(emoji._replace(styles=np.full_like(emoji.styles, style)))
        likeness.append((seen * read(judge.encoder, emoji_words()(captions))).sum(axis=1))
    return (np.argmax(likeness, axis=0) == emoji.styles).mean()


def plan(seeds: Sequence[int]) -> list[dict]:
    """Real pictures, whose scale is None, then each scale, for both splits."""
    return [
        {"split": split, "scale": scale, "seed": seed}
        for seed, scale, split in product(seeds, (None, *SCALES), SPLITS)
    ]


judge = cache(evaluation.emoji_judge)


def small(images) -> np.ndarray:
    """Pictures of 32 pixels, in which near is counted: small shifts of an edge weigh less."""
    return metrics.box_mean(np.clip(images, -1, 1), 32)


@cache
def trained_on() -> tuple[np.ndarray, float]:
    """All training pictures, and how near to them a held-out one comes that could be a copy."""
    train, held_out = (
        small(datasets.signed(datasets.load("emoji", split, 64).images))
        for split in SPLITS.values()
    )
    return train, np.quantile(metrics.nearest(held_out, train)[0], 0.05)


@cache
def model() -> tuple:
    """The shipped model, and what it draws in."""
    shape, shown = drawing.canvas("emoji-text")
    return checkpoints.load("emoji-text"), {"shape": shape, "shown": shown}


def measure(run: dict) -> dict:
    emoji, (train, usual) = datasets.load("emoji", SPLITS[run["split"]], 64), trained_on()
    asked = evaluation.hundreds(emoji, N, run["seed"])
    captions = [datasets.captions(emoji)[i] for i in asked]
    if run["scale"] is None:
        images = datasets.signed(emoji.images[asked])
    else:
        how = {"scale": float(run["scale"]), "steps": STEPS, "seed": run["seed"]}
        denoise, canvas = model()
        images = drawing.drawn(denoise, captions, **how, **canvas)
    scores = judge()(images, emoji_words()(captions))._asdict()
    far, _ = metrics.nearest(small(images), train)
    of_asked = emoji._replace(styles=emoji.styles[asked], concepts=emoji.concepts[asked])
    scores |= {"nearest": far.mean(), "copied": (far < usual).mean()}
    return rounded(scores | {"style": in_style(judge(), images, of_asked)})


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=18,
    quick=({"scale": None, "seed": 0}, {"scale": 2, "seed": 0}),
    unchecked="scales other than 2",
)
