"""Train one small network on each schedule, on pictures and on sound, and score its samples.

    PYTHONPATH=. python tools/measure_schedules.py workshop_lite/data/results/schedules.json

Times are uniform in the schedule's own clock, in training as in sampling: where a schedule spends
its time is all that differs. ``minutes`` are those of the processor, compilation and sampling
included. Rows that the file holds already are kept, so a run that was stopped
goes on. About three quarters of an hour on one CPU core. Seeds may be named behind the file, to
measure only those.
"""

import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from flax import nnx

from workshop_lite import datasets, evaluation, schedules, training
from workshop_lite.evaluation import results
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import RECIPES, class_denoiser, denoising_loss
from workshop_lite.training import muon

N, SEEDS, STEPS, EVALUATIONS = 500, (0, 1, 2), 300, 20
MODELS = {"notes": "notes-cfg", "fashion-mnist": "fashion-cfg"}
SCHEDULES = {
    "cosine": schedules.cosine,
    "linear": schedules.linear,
    "sigmoid": schedules.sigmoid,
    "quadratic": schedules.quadratic,
    # Cosine was good for 64 pixels; 32 of them want this much less noise: Hoogeboom et al. (2023).
    "shifted": schedules.shifted(schedules.cosine, 2 * np.log(64 / 32)),
}


def trained(denoise: Denoiser, data: tuple, seed: int) -> Denoiser:
    return training.fit(
        denoise,
        denoising_loss,
        data,
        seed=seed,
        steps=STEPS,
        optimizer=muon,
        learning_rate=4e-3,
        warmup=50,
        cooldown=100,
    ).model


def main(path: Path, seeds: list[int]) -> None:
    rows = results.load(path.stem, path.parent) if path.exists() else []
    recipes = {data: RECIPES[model] for data, model in MODELS.items()}
    judges = {data: evaluation.judge_of(recipe.judge) for data, recipe in recipes.items()}
    train = {data: recipe.rows("train") for data, recipe in recipes.items()}

    for seed, (name, data) in product(seeds, product(["real", *SCHEDULES], MODELS)):
        run = {"data": data, "schedule": name, "seed": seed}
        if results.chosen(rows, **run):
            continue
        start = time.process_time()
        if name == "real":
            images, labels = evaluation.some_real(recipes[data], N, seed)
            scores = judges[data](datasets.signed(images), labels)
        else:
            size = {"d_cond": 64, "widths": (32, 64), "blocks": (1, 1)}
            fresh = class_denoiser(nnx.Rngs(seed), n=judges[data].classes, **size)
            fresh = Denoiser(fresh.network, SCHEDULES[name], VELOCITY)
            model = trained(fresh, train[data], seed)
            scores = evaluation.scored(model, judges[data], 1.0, N, EVALUATIONS, seed=seed)
        minutes = round((time.process_time() - start) / 60, 2)
        scores = {k: round(v, 4) for k, v in scores._asdict().items()}
        rows.append({**run, **scores, "minutes": minutes})
        results.save(path, rows)
        print(rows[-1], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
