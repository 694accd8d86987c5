"""Train one small network on each schedule, on pictures and on sound, and score its samples.

Times are uniform in the schedule's own clock, in training as in sampling: where a schedule spends
its time is all that differs. ``minutes`` are those of the processor, compilation and sampling
included.
"""

import time
from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np
from flax import nnx

from measurements import Measurement, rounded
from measurements.samplers import MODELS
from workshop_lite import datasets, evaluation, schedules, training
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import RECIPES, class_denoiser, denoising_loss
from workshop_lite.training import muon

N, STEPS, EVALUATIONS = 500, 300, 20
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


def plan(seeds: Sequence[int]) -> list[dict]:
    """Real images, then each schedule, on both data sets."""
    return [
        {"data": data, "schedule": name, "seed": seed}
        for seed, name, data in product(seeds, ("real", *SCHEDULES), MODELS)
    ]


@cache
def given(data: str) -> tuple:
    """A recipe, what it trains on, and its judge."""
    recipe = RECIPES[MODELS[data]]
    return recipe, recipe.rows("train"), evaluation.judge_of(recipe.judge)


def measure(run: dict) -> dict:
    (recipe, train, judge), seed = given(run["data"]), run["seed"]
    start = time.process_time()
    if run["schedule"] == "real":
        images, labels = evaluation.some_real(recipe, N, seed)
        scores = judge(datasets.signed(images), labels)
    else:
        size = {"d_cond": 64, "widths": (32, 64), "blocks": (1, 1)}
        fresh = class_denoiser(nnx.Rngs(seed), n=judge.classes, **size)
        fresh = Denoiser(fresh.network, SCHEDULES[run["schedule"]], VELOCITY)
        scores = evaluation.scored(
            trained(fresh, train, seed), judge, 1.0, N, EVALUATIONS, seed=seed
        )
    minutes = round((time.process_time() - start) / 60, 2)
    return rounded({**scores._asdict(), "minutes": minutes})


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=28,
    quick=({"schedule": "real", "seed": 0}, {"data": "notes", "schedule": "cosine", "seed": 0}),
    unchecked="the other nine trainings of a seed",
    exact=("n",),
    timed=("minutes",),
)
