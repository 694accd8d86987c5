"""Score samplers and grids of steps by what they pay, on the shipped weights, unguided.

    PYTHONPATH=. python tools/measure_samplers.py workshop_lite/data/results/samplers.json

A grid of steps is one more schedule: the network is told the noise level, so a sampler may stand
on any levels that it likes. All runs of a seed start from the same noise. ``seconds`` are those of
the processor, for all n images, without compilation. Rows that the file holds already are kept, so
a run that was stopped goes on. About half an hour on one CPU core. Seeds may be named behind the
file, to measure only those.
"""

import sys
import time
from itertools import product
from pathlib import Path

import numpy as np
from jax.tree_util import Partial

from workshop_lite import checkpoints, datasets, drawing, evaluation, samplers, schedules
from workshop_lite.evaluation import results
from workshop_lite.predictions import Denoiser

N, SEEDS, BATCH = 500, (0,), 50
MODELS = ("notes-cfg", "fashion-cfg")
SIGMAS = 0.002, 80.0  # where the other two grids end, as Karras et al. (2022) have them
LOG_SNR = schedules.uniform_log_snr(*(-2 * np.log(sigma) for sigma in SIGMAS))
KARRAS = schedules.karras(7, *SIGMAS)
# The levels on which a sampler stands, and the schedule on which the denoiser reads its time. The
# two must be one: the last entry measures what happens where they are not.
GRIDS = {
    "t": (schedules.cosine, schedules.cosine),
    "log-SNR": (LOG_SNR, LOG_SNR),
    "karras": (KARRAS, KARRAS),
    "karras, two clocks": (KARRAS, schedules.cosine),
}
# DDPM is DDIM with eta = 1, step for step, so only one of the two is measured.
ETA = {"ddpm": 1.0, "ddim": 0.0, "heun": 0.0, "dpmpp_2m": 0.0}


def plan() -> list[dict]:
    """What to measure, the cheapest and most wanted first."""
    runs = [(name, "t", n) for n in (10, 20) for name in ETA]
    runs += [(name, "t", 5) for name in ("ddpm", "ddim", "dpmpp_2m")] + [("heun", "t", 4)]
    runs += [
        (name, grid, n)
        for n in (10, 20)
        for grid in ("log-SNR", "karras")
        for name in ("dpmpp_2m", "ddim")
    ]
    runs += [(name, "karras, two clocks", 20) for name in ("dpmpp_2m", "ddim")]
    runs += [(name, "t", 50) for name in ETA] + [(name, "t", 100) for name in ("ddpm", "ddim")]
    return [
        {"sampler": name, "eta": ETA[name], "grid": grid, "evaluations": n}
        for name, grid, n in runs
    ]


def unscheduled(model, *asked):
    """A sampler refuses a denoiser of another clock; a plain function has none to compare."""
    return model(*asked)


def drawn(denoise, run: dict, labels, shape) -> np.ndarray:
    """An image for each label, at the cost that the run names."""
    grid, clock = GRIDS[run["grid"]]
    # Heun looks twice a step, but once from pure noise and once into data.
    heun, n = run["sampler"] == "heun", run["evaluations"]
    model = Denoiser(denoise.network, clock, denoise.prediction)
    return drawing.samples(
        Partial(unscheduled, model),
        grid,
        labels,
        shape=shape,
        steps=n // 2 + 1 if heun else n,
        seed=run["seed"],
        sampler=getattr(samplers, run["sampler"]),
        batch=BATCH,
    )


def main(path: Path, seeds: list[int]) -> None:
    rows = results.load(path.stem, path.parent) if path.exists() else []
    recipes = {model: checkpoints.recipe(model) for model in MODELS}
    judges = {model: evaluation.judge_of(recipe.judge) for model, recipe in recipes.items()}
    denoise = {model: checkpoints.load(model) for model in MODELS}
    real = {"sampler": "real", "eta": None, "grid": None, "evaluations": 0}

    for seed, run, model in product(seeds, [real, *plan()], MODELS):
        run, judge = {"data": recipes[model].data, **run, "seed": seed}, judges[model]
        if results.chosen(rows, **run):
            continue
        labels, seconds = np.arange(N) % judge.classes, 0.0
        if run["sampler"] == "real":
            images, labels = evaluation.some_real(recipes[model], N, seed)
            images = datasets.signed(images)
        else:
            drawn(denoise[model], run, labels[:BATCH], judge.shape)  # compiles
            start = time.process_time()
            images = drawn(denoise[model], run, labels, judge.shape)
            seconds = round(time.process_time() - start, 2)
        scores = {k: round(v, 4) for k, v in judge(images, labels)._asdict().items()}
        rows.append({**run, **scores, "seconds": seconds})
        results.save(path, rows)
        print(rows[-1], flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
