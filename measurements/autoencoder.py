"""Train a small autoencoder at several prices of a nat, and score its reconstructions.

    PYTHONPATH=. python tools/measure_autoencoder.py workshop_lite/data/results/autoencoder.json

A row for each price, gradient weight and seed, and yardsticks. Rows that the file holds already are
kept, so a run that was stopped goes on. About ten minutes on one CPU core.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np
from flax import nnx

from workshop_lite import checkpoints, datasets, training
from workshop_lite.evaluation import PromptJudge, metrics, results
from workshop_lite.networks import Autoencoder, autoencoder
from workshop_lite.recipes.latent import picture_loss
from workshop_lite.training import muon

SEEDS, STEPS = (0, 1), 200
#: An eighth of the cost of emoji-vae.
WIDTHS = (16, 32)
WAYS = [(kl, 0.0) for kl in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)] + [(1e-3, 0.5)]


def main(path: Path, seeds: list[int]) -> None:
    train, test = (datasets.load("emoji", split, 64) for split in ("train", "test"))
    real = datasets.signed(test.images)
    judge = PromptJudge(checkpoints.load("emoji-clip"), real)
    rows = results.load(path.stem, path.parent) if path.exists() else []

    def scored(images) -> dict:
        scores = {"psnr": metrics.psnr(images, real).mean(), "ssim": metrics.ssim(images, real)}
        scores["frechet64"] = metrics.frechet(judge.real, judge.seen(images)[0])
        return {name: round(float(np.mean(value)), 4) for name, value in scores.items()}

    if not results.chosen(rows, kind="yardstick"):
        for name, images in metrics.yardsticks(real).items():
            rows.append({"kind": "yardstick", "name": name, **scored(images)})
    for seed in seeds:
        for kl, gradients in WAYS:
            run = {"kind": "run", "kl": kl, "gradients": gradients, "seed": seed}
            if any(run.items() <= row.items() for row in rows):
                continue
            ae = training.fit(
                Autoencoder(3, 4, widths=WIDTHS, rngs=nnx.Rngs(seed)),
                partial(picture_loss, kl=kl, gradients=gradients),
                (train.images,),
                seed=seed,
                steps=STEPS,
                batch=32,
                optimizer=muon,
                learning_rate=2e-3,
                warmup=50,
                cooldown=80,
                bar=False,
            ).model
            posterior = autoencoder.encoded(ae, test.images)
            each = posterior.mean**2 + np.exp(posterior.log_var) - 1 - posterior.log_var
            nats = each.sum(axis=(1, 2)).mean(axis=0) / 2  # of each channel
            images = np.clip(autoencoder.decoded(ae, posterior.mean), -1, 1)
            row = {"nats": nats.sum(), "silent": (nats < 0.01 * nats.sum()).sum()}
            row |= {"std": posterior.mean.std(), "steps": STEPS}
            rows.append({**run, **{k: round(float(v), 4) for k, v in row.items()}})
            rows[-1] |= scored(images)
            print(rows[-1], flush=True)
            results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
