"""Measure the shipped text-to-image model, a row for each split, scale and seed.

    PYTHONPATH=. python tools/measure_text.py workshop_lite/data/results/text.json

Rows that the file holds already are kept, so a run that was stopped goes on. About a quarter of an
hour on one CPU core. Seeds may be named behind the file, to measure only those.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from workshop_lite import checkpoints, datasets, metrics, prompting, results
from workshop_lite.recipes import emoji_words

N, SEEDS, STEPS, SCALES = 200, (0, 1, 2), 15, (1, 2, 4, 8)
SPLITS = {"seen": "train", "held out": "test"}


def main(path: Path, seeds: list[int]) -> None:
    denoise, judge = checkpoints.load("emoji-text"), prompting.emoji_judge()
    data = {name: datasets.load("emoji", split, 32) for name, split in SPLITS.items()}
    train = datasets.signed(data["seen"].images)
    held_out = datasets.signed(data["held out"].images)
    usual = np.quantile(metrics.nearest(held_out, train)[0], 0.05)
    rows = results.load(path.stem, path.parent) if path.exists() else []
    for seed, scale, name in product(seeds, (None, *SCALES), data):
        run = {"split": name, "scale": scale, "seed": seed}
        if results.chosen(rows, **run):
            continue
        emoji = data[name]
        asked = prompting.hundreds(emoji, N, seed)
        captions = [datasets.captions(emoji)[i] for i in asked]
        if scale is None:
            images = datasets.signed(emoji.images[asked])
        else:
            images = prompting.drawn(denoise, captions, scale=float(scale), steps=STEPS, seed=seed)
        scores = judge(images, emoji_words()(captions))._asdict()
        far, _ = metrics.nearest(np.clip(images, -1, 1), train)
        scores |= {"nearest": far.mean(), "copied": (far < usual).mean()}
        rows.append({**run, **{k: round(float(v), 4) for k, v in scores.items()}})
        print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
