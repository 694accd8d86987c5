"""Measure the shipped control branches, for edges, for a colour layout and for both at once.

    PYTHONPATH=. python tools/measure_control.py workshop_lite/data/results/control.json

The hints are those of held-out pictures, the prompts theirs too; a row for each hint, seed and
strength. Rows that the file holds already are kept, so a run that was stopped goes on. About 30
minutes on one CPU core. Seeds may be named behind the file, to measure only those.
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np

from workshop_lite import checkpoints, datasets, drawing, evaluation
from workshop_lite.conditioning import Controlled, Hinted, hints, null_hinted, null_prompts
from workshop_lite.evaluation import results
from workshop_lite.guidance import Guided
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import emoji_words
from workshop_lite.schedules import cosine

N, STEPS, SCALE = 200, 12, 2.0
STRENGTHS = {"edges": (1.0, 0.0, 0.5, 1.5, 0.25, 0.75, 1.25), "layout": (1.0, 0.0, 0.5, 1.5)}
STRENGTHS["both"] = (1.0,)
SEEDS = {"edges": (0, 1, 2), "layout": (0, 1), "both": (0, 1)}
RUNS = [(hint, seed, s) for hint in SEEDS for seed in SEEDS[hint] for s in STRENGTHS[hint]]


@cache
def network(hint: str) -> Controlled:
    """The base with the branch for a hint, or with one on top of the other."""
    if hint == "both":
        return Controlled(network("edges"), network("layout").control)
    branch = checkpoints.load({"edges": "emoji-control", "layout": "emoji-layout"}[hint])
    return Controlled(checkpoints.load("emoji-text").network, branch)


def main(path: Path, seeds: list[int]) -> None:
    judge, emoji = evaluation.emoji_judge(), datasets.load("emoji", "test", 32)
    rows = results.load(path.stem, path.parent) if path.exists() else []
    for hint, seed, strength in RUNS:
        run = {"hint": hint, "strength": strength, "seed": seed}
        if results.chosen(rows, **run) or (seeds and seed not in seeds):
            continue
        asked = evaluation.hundreds(emoji, N, seed)
        real = datasets.signed(emoji.images[asked])
        tokens = emoji_words()([datasets.captions(emoji)[i] for i in asked])
        lines, colours = hints.edges(real), hints.layout(real)
        cond, null = tokens, null_prompts
        for name, picture in (("edges", lines), ("layout", colours)):
            if hint in (name, "both"):
                cond = Hinted(cond, picture, np.full(N, strength, np.float32))
                null = null_hinted(null)
        guided = Guided(Denoiser(network(hint), cosine, VELOCITY), null, SCALE)
        options = {"shape": real.shape[1:], "steps": STEPS, "seed": seed, "batch": 100}
        images = drawing.samples(guided, cosine, cond, **options)
        scores = judge(images, tokens)._asdict() | {
            "f1": hints.edge_f1(images, lines).mean(),
            "colour": np.sqrt(((hints.layout(images) - colours) ** 2).mean()),
        }
        rows.append({**run, **{k: round(float(v), 4) for k, v in scores.items()}})
        print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]])
