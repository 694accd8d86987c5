"""Measure guidance and its kin on the shipped weights, a row for each seed.

    PYTHONPATH=. python tools/measure_guidance.py workshop_lite/data/results/guidance.json

All methods start from the same noise and ask for the same classes. Rows that the file holds already
are kept, so a run that was stopped goes on. A few minutes on a large GPU; two CPU cores take half
an hour for 1,000 images a row. Seeds may be named behind the file, to measure only those.
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np

from workshop_lite import checkpoints, datasets, drawing, evaluation, samplers
from workshop_lite.conditioning import null_labels
from workshop_lite.evaluation import metrics, results
from workshop_lite.guidance import Guided, Thresholded

N, SEEDS, STEPS, MIDDLE = 10_000, (0, 1, 2), 15, (0.25, 0.75)
BATCH = 2500
SCALES = (1, 0, 1.5, 2, 3, 4, 7.5, 12)
YARDSTICKS = ("real", "noise 0.05", "noise 0.1", "noise 0.2", "blurred")


def methods(denoise, weak) -> dict:
    """What turns a scale into a guided denoiser."""
    return {
        "cfg": lambda scale: Guided(denoise, null_labels, scale),
        "interval": lambda scale: Guided(denoise, null_labels, scale, interval=MIDDLE),
        "rescale": lambda scale: Guided(denoise, null_labels, scale, rescale=0.7),
        "threshold": lambda scale: Thresholded(Guided(denoise, null_labels, scale)),
        "autoguidance": lambda scale: Guided(denoise, None, scale, weak=weak),
    }


def plan(seeds: list[int]) -> list[dict]:
    """What to measure: seed by seed, the most wanted first."""
    scales = {"cfg": SCALES, "interval": (2, 3), "rescale": (3,), "threshold": (3,)}
    scales |= {"autoguidance": (1.2, 1.5, 2)}
    runs = [(method, s, STEPS, "dpmpp_2m") for method, row in scales.items() for s in row]
    runs += [("cfg", 1, steps, "dpmpp_2m") for steps in (5, 10, 20)]
    runs += [("cfg", 1, steps, "ddim") for steps in (5, 10, 20, 50)]
    runs += [("cfg", 2, steps, "dpmpp_2m") for steps in (5, 10)]
    runs += [("cfg", 2, 20, "ddim"), ("interval", 2, 10, "dpmpp_2m")]  # as is usual; for less
    names = ("method", "scale", "steps", "sampler")
    return [dict(zip(names, run, strict=True), seed=seed) for seed, run in product(seeds, runs)]


def passes(run: dict) -> int:
    """Network evaluations that one image pays for."""
    low, high = MIDDLE if run["method"] == "interval" else (0, 1)
    t = np.linspace(1, 0, run["steps"] + 1)[:-1]
    guided = run["scale"] != 1
    return run["steps"] + int(guided * ((low <= t) & (t <= high)).sum())


def sharpness(images) -> float:
    """Mean absolute difference of neighbouring pixels."""
    return float(sum(np.abs(np.diff(images, axis=axis)).mean() for axis in (1, 2)) / 2)


def main(path: Path, seeds: list[int]) -> None:
    denoise, weak = checkpoints.load("fashion-cfg"), checkpoints.load("fashion-cfg-weak")
    guided, judge = methods(denoise, weak), evaluation.judge_of("fashion-classifier")
    labels = np.arange(N) % 10
    rows = results.load(path.stem, path.parent) if path.exists() else []
    keys = ("method", "scale", "steps", "sampler", "seed")

    def add(row: dict, images, labels) -> None:
        scores = {k: round(v, 4) for k, v in judge(images, labels)._asdict().items()}
        rows.append({**row, **scores, "sharpness": round(sharpness(images), 4)})
        results.save(path, rows)
        print(rows[-1], flush=True)

    train = datasets.load("fashion-mnist", "train")
    for seed, name in product(seeds, YARDSTICKS):
        run = dict(zip(keys, (name, None, 0, None, seed), strict=True))
        if not results.chosen(rows, **run):
            part = slice(seed * N, (seed + 1) * N)
            images = metrics.yardsticks(datasets.signed(train.images[part]), seed)[name]
            add({**run, "evaluations": 0}, images, train.labels[part])
    for run in plan(seeds):
        if results.chosen(rows, **run):
            continue
        images = drawing.samples(
            guided[run["method"]](float(run["scale"])),
            denoise.schedule,
            labels,
            steps=run["steps"],
            seed=run["seed"],
            sampler=getattr(samplers, run["sampler"]),
            batch=BATCH,
        )
        add({**run, "evaluations": passes(run)}, images, labels)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
