"""Train the small network of chapter 1 once, and score it on the way at three scales."""

from collections.abc import Sequence
from functools import cache, lru_cache

from flax import nnx

from measurements import Measurement, rounded
from measurements.training import SMALL, judge
from workshop_lite import datasets, training
from workshop_lite.recipes import class_denoiser, denoising_loss
from workshop_lite.runs import watching
from workshop_lite.training import muon

SCALES, STEPS = (1.0, 2.0, 4.0), (50, 100, 200, 400, 800)


def plan(seeds: Sequence[int]) -> list[dict]:
    return [{"step": step, "seed": seed} for seed in seeds for step in STEPS]


@cache
def measures():
    """The loss on test images; the scores of 400 samples at each scale."""
    test = datasets.load("fashion-mnist", "test")
    unseen = watching.held_out(denoising_loss, (test.images, test.labels))
    return unseen, watching.class_scores(judge(), scales=SCALES, n=400)


@lru_cache(maxsize=1)
def looks(seed: int) -> dict[int, training.Look]:
    """A run of 64 images a step, at each of ``STEPS``."""
    train = datasets.load("fashion-mnist", "train")
    run = training.steps(
        class_denoiser(nnx.Rngs(seed), **SMALL),
        denoising_loss,
        (train.images, train.labels),
        seed=seed,
        steps=STEPS[-1],
        optimizer=muon,
        learning_rate=4e-3,
    )
    return {look.step: look for look in run if look.step in STEPS}


def measure(run: dict) -> dict:
    look, (unseen, scores) = looks(run["seed"])[run["step"]], measures()
    numbers = {"loss": look.loss, "held-out loss": unseen(look.average)}
    return rounded(numbers | scores(look.average))


measurement = Measurement(
    plan,
    measure,
    seeds=(0,),
    minutes=3,
    quick=({"step": 100, "seed": 0},),
    unchecked="the later steps, which are trained too",
)
