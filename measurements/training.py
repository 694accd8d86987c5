"""Train the small network of chapter 1 in several ways, three seeds each, and score it.

    PYTHONPATH=. python tools/measure_training.py workshop_lite/data/results/training.json

Rows that the file holds already are kept, so a run that was stopped goes on. About 100 minutes on
one CPU core. Seeds may be named behind the file, to measure only those.
"""

import sys
from functools import partial
from itertools import product
from pathlib import Path

from flax import nnx

from workshop_lite import datasets, evaluation, training
from workshop_lite.evaluation import results
from workshop_lite.recipes import class_denoiser, denoising_loss
from workshop_lite.training import muon

N, SEEDS, BUDGETS = 500, (0, 1, 2), (300, 800)  # steps of 64 images
#: The network that chapter 1 trains on the page.
SMALL = {"n": 10, "d_cond": 64, "widths": (32, 64), "blocks": (1, 1)}
WAYS = {
    "drop 0.1": {"drop": 0.1},
    "drop 0": {"drop": 0.0},
    "drop 0.2": {"drop": 0.2},
    "drop 0.5": {"drop": 0.5},
    "min-SNR": {"drop": 0.1, "weight": training.min_snr},
    "logit-normal": {"drop": 0.1, "times": training.logit_normal},
}


def main(path: Path, seeds: list[int]) -> None:
    train = datasets.load("fashion-mnist", "train")
    judge = evaluation.judge_of("fashion-classifier")
    rows = results.load(path.stem, path.parent) if path.exists() else []
    for steps, seed, (way, options) in product(BUDGETS, seeds, WAYS.items()):
        run = {"way": way, "steps": steps, "seed": seed}
        if results.chosen(rows, **run):
            continue
        fitted = training.fit(
            class_denoiser(nnx.Rngs(seed), **SMALL),
            partial(denoising_loss, **options),
            (train.images, train.labels),
            seed=seed,
            steps=steps,
            optimizer=muon,
            learning_rate=4e-3,
            cooldown=0,  # without a cooldown, averaging has work to do
        )
        for averaged, model in ((True, fitted.model), (False, fitted.last)):
            if not averaged and way != "drop 0.1":
                continue  # averaging is judged on one way
            for scale in (1.0, 2.0):
                scores = evaluation.scored(model, judge, scale, N, 20, seed=seed)
                scores = {k: round(v, 4) for k, v in scores._asdict().items()}
                rows.append({**run, "averaged": averaged, "scale": scale, **scores})
                print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
