"""Measure the shipped text-to-image model, a row for each split, scale and seed.

    PYTHONPATH=. python tools/measure_text.py workshop_lite/data/results/text.json

Rows that the file holds already are kept, so a run that was stopped goes on. About half an hour on
one CPU core. Seeds may be named behind the file, to measure only those.
"""

import sys
from itertools import product
from pathlib import Path

import jax
import numpy as np

from workshop_lite import checkpoints, datasets, drawing, evaluation
from workshop_lite.conditioning import DualEncoder
from workshop_lite.evaluation import metrics, results
from workshop_lite.recipes import emoji_words

N, SEEDS, STEPS, SCALES = 400, (0, 1, 2), 12, (1, 2, 4, 8)
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


def main(path: Path, seeds: list[int]) -> None:
    denoise, judge = checkpoints.load("emoji-text"), evaluation.emoji_judge()
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
        asked = evaluation.hundreds(emoji, N, seed)
        captions = [datasets.captions(emoji)[i] for i in asked]
        if scale is None:
            images = datasets.signed(emoji.images[asked])
        else:
            images = drawing.drawn(denoise, captions, scale=float(scale), steps=STEPS, seed=seed)
        scores = judge(images, emoji_words()(captions))._asdict()
        far, _ = metrics.nearest(np.clip(images, -1, 1), train)
        of_asked = emoji._replace(styles=emoji.styles[asked], concepts=emoji.concepts[asked])
        scores |= {"nearest": far.mean(), "copied": (far < usual).mean()}
        scores |= {"style": in_style(judge, images, of_asked)}
        rows.append({**run, **{k: round(float(v), 4) for k, v in scores.items()}})
        print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
