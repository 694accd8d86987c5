"""Measure the shipped control branch for edges against strength, a row for each seed.

    PYTHONPATH=. python tools/measure_control.py workshop_lite/data/results/control.json

The hints are those of held-out pictures, the prompts theirs too. Rows that the file holds already
are kept, so a run that was stopped goes on. About 20 minutes on one CPU core. Seeds may be named
behind the file, to measure only those.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from workshop_lite import checkpoints, datasets, evaluation, hints, prompting, results
from workshop_lite.control import Controlled, Hinted, null_hinted
from workshop_lite.guidance import Guided
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import emoji_words
from workshop_lite.text import null_prompts

N, SEEDS, STEPS, SCALE = 200, (0, 1, 2), 12, 2.0
STRENGTHS = (1.0, 0.0, 0.5, 1.5, 0.25, 0.75, 1.25)


def main(path: Path, seeds: list[int]) -> None:
    base, judge = checkpoints.load("emoji-text"), prompting.emoji_judge()
    edges = Controlled(base.network, checkpoints.load("emoji-control"))
    emoji = datasets.load("emoji", "test", 32)
    rows = results.load(path.stem, path.parent) if path.exists() else []
    for seed, strength in product(seeds, STRENGTHS):
        run = {"hint": "edges", "strength": strength, "seed": seed}
        if results.chosen(rows, **run):
            continue
        asked = prompting.hundreds(emoji, N, seed)
        real = datasets.signed(emoji.images[asked])
        tokens = emoji_words()([datasets.captions(emoji)[i] for i in asked])
        lines, colours = hints.edges(real), hints.layout(real)
        cond = Hinted(tokens, lines, np.full(N, strength, np.float32))
        denoise = Denoiser(edges, base.schedule, base.prediction)
        guided = Guided(denoise, null_hinted(null_prompts), SCALE)
        options = {"shape": real.shape[1:], "steps": STEPS, "seed": seed, "batch": 100}
        images = evaluation.samples(guided, base.schedule, cond, **options)
        scores = judge(images, tokens)._asdict() | {
            "f1": hints.edge_f1(images, lines).mean(),
            "colour": np.sqrt(((hints.layout(images) - colours) ** 2).mean()),
        }
        rows.append({**run, **{k: round(float(v), 4) for k, v in scores.items()}})
        print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
