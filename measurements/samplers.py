"""Score samplers and grids of steps by what they pay, on the shipped weights, unguided.

A grid of steps is one more schedule: the network is told the noise level, so a sampler may stand
on any levels that it likes. All runs of a seed start from the same noise. ``seconds`` are those of
the processor, for all n images, without compilation.
"""

import time
from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from jax.tree_util import Partial

from measurements import Measurement, rounded
from workshop_lite import checkpoints, datasets, drawing, evaluation, samplers, schedules
from workshop_lite.predictions import Denoiser

N, BATCH = 500, 50
MODELS = {"notes": "notes-cfg", "fashion-mnist": "fashion-cfg"}
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


def plan(seeds: Sequence[int]) -> list[dict]:
    """Real images, then samplers, the cheapest and most wanted first, each on both data sets."""
    runs = [("real", None, 0)] + [(name, "t", n) for n in (10, 20) for name in ETA]
    runs += [(name, "t", 5) for name in ("ddpm", "ddim", "dpmpp_2m")] + [("heun", "t", 4)]
    runs += [
        (name, grid, n)
        for n in (10, 20)
        for grid in ("log-SNR", "karras")
        for name in ("dpmpp_2m", "ddim")
    ]
    runs += [(name, "karras, two clocks", 20) for name in ("dpmpp_2m", "ddim")]
    runs += [(name, "t", 50) for name in ETA] + [(name, "t", 100) for name in ("ddpm", "ddim")]
    points = [
        {"data": data, "sampler": name, "eta": ETA.get(name), "grid": grid, "evaluations": n}
        for (name, grid, n), data in product(runs, MODELS)
    ]
    return [{**point, "seed": seed} for seed, point in product(seeds, points)]


def unscheduled(model, *asked):
    """A sampler refuses a denoiser of another clock; a plain function has none to compare."""
    return model(*asked)


@cache
def shipped(data: str) -> tuple:
    """The recipe of a shipped model, the model, and its judge."""
    recipe = checkpoints.recipe(MODELS[data])
    return recipe, checkpoints.load(MODELS[data]), evaluation.judge_of(recipe.judge)


def drawn(run: dict, labels) -> np.ndarray:
    """An image for each label, at the cost that the run names."""
    _, denoise, judge = shipped(run["data"])
    grid, clock = GRIDS[run["grid"]]
    # Heun looks twice a step, but once from pure noise and once into data.
    heun, n = run["sampler"] == "heun", run["evaluations"]
    model = Denoiser(denoise.network, clock, denoise.prediction)
    return drawing.samples(
        Partial(unscheduled, model),
        grid,
        labels,
        shape=judge.shape,
        steps=n // 2 + 1 if heun else n,
        seed=run["seed"],
        sampler=getattr(samplers, run["sampler"]),
        batch=BATCH,
    )


def measure(run: dict) -> dict:
    recipe, _, judge = shipped(run["data"])
    labels, seconds = np.arange(N) % judge.classes, 0.0
    if run["sampler"] == "real":
        images, labels = evaluation.some_real(recipe, N, run["seed"])
        images = datasets.signed(images)
    else:
        drawn(run, labels[:BATCH])  # compiles
        start = time.process_time()
        images = drawn(run, labels)
        seconds = round(time.process_time() - start, 2)
    return rounded({**judge(images, labels)._asdict(), "seconds": seconds})


measurement = Measurement(
    plan,
    measure,
    seeds=(0,),
    minutes=18,
    quick=(
        {"sampler": "real", "seed": 0},
        {"sampler": "dpmpp_2m", "grid": "t", "evaluations": 10, "seed": 0},
        {"sampler": "ddim", "grid": "log-SNR", "evaluations": 10, "seed": 0},
    ),
    unchecked="other samplers, grids and more evaluations",
    exact=("n",),
    timed=("seconds",),
)
