"""Measure the shipped control branches, for edges, for a colour layout and for both at once.

The hints are those of held-out pictures, the prompts theirs too.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np

from measurements import Measurement, rounded
from workshop_lite import checkpoints, datasets, drawing, evaluation
from workshop_lite.conditioning import Controlled, Hinted, hints, null_hinted, null_prompts
from workshop_lite.guidance import Guided
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import emoji_words
from workshop_lite.schedules import cosine

N, STEPS, SCALE = 200, 12, 2.0
STRENGTHS = {"edges": (1.0, 0.0, 0.5, 1.5, 0.25, 0.75, 1.25), "layout": (1.0, 0.0, 0.5, 1.5)}
STRENGTHS["both"] = (1.0,)
SEEDS = {"edges": (0, 1, 2), "layout": (0, 1), "both": (0, 1)}


def plan(seeds: Sequence[int]) -> list[dict]:
    """Hint by hint, each with its own seeds among those that are asked for."""
    return [
        {"hint": hint, "strength": strength, "seed": seed}
        for hint, own in SEEDS.items()
        for seed in own
        for strength in STRENGTHS[hint]
        if seed in seeds
    ]


@cache
def network(hint: str) -> Controlled:
    """The base with the branch for a hint, or with one on top of the other."""
    if hint == "both":
        return Controlled(network("edges"), network("layout").control)
    branch = checkpoints.load({"edges": "emoji-control", "layout": "emoji-layout"}[hint])
    return Controlled(checkpoints.load("emoji-text").network, branch)


judge = cache(evaluation.emoji_judge)
canvas = cache(lambda: drawing.canvas("emoji-text"))


def measure(run: dict) -> dict:
    hint, seed, emoji = run["hint"], run["seed"], datasets.load("emoji", "test", 64)
    asked = evaluation.hundreds(emoji, N, seed)
    real = datasets.signed(emoji.images[asked])
    tokens = emoji_words()([datasets.captions(emoji)[i] for i in asked])
    lines, colours = hints.edges(real), hints.layout(real)
    cond, null = tokens, null_prompts
    for name, picture in (("edges", lines), ("layout", colours)):
        if hint in (name, "both"):
            cond = Hinted(cond, picture, np.full(N, run["strength"], np.float32))
            null = null_hinted(null)
    guided = Guided(Denoiser(network(hint), cosine, VELOCITY), null, SCALE)
    shape, shown = canvas()
    options = {"shape": shape, "steps": STEPS, "seed": seed, "batch": 100}
    images = shown(drawing.samples(guided, cosine, cond, **options))
    scores = judge()(images, tokens)._asdict() | {
        "f1": hints.edge_f1(images, lines).mean(),
        "colour": np.sqrt(((hints.layout(images) - colours) ** 2).mean()),
    }
    return rounded(scores)


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=18,
    quick=(
        {"hint": "edges", "strength": 1.0, "seed": 0},
        {"hint": "both", "strength": 1.0, "seed": 0},
    ),
)
