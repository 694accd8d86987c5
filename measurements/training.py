"""Train the small network of chapter 1 in several ways, and score it."""

from collections.abc import Sequence
from functools import cache, lru_cache, partial
from itertools import product

from flax import nnx

from measurements import Measurement, rounded
from workshop_lite import datasets, evaluation, training
from workshop_lite.recipes import class_denoiser, denoising_loss
from workshop_lite.training import muon

N, BUDGETS = 500, (300, 800)  # steps of 64 images
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


def plan(seeds: Sequence[int]) -> list[dict]:
    """The shorter budget first; averaging is judged on one way."""
    return [
        {"way": way, "steps": steps, "seed": seed, "averaged": averaged, "scale": scale}
        for steps, seed, way in product(BUDGETS, seeds, WAYS)
        for averaged, scale in product((True, False), (1.0, 2.0))
        if averaged or way == "drop 0.1"
    ]


judge = cache(lambda: evaluation.judge_of("fashion-classifier"))


@lru_cache(maxsize=1)
def trained(way: str, steps: int, seed: int) -> training.Fitted:
    train = datasets.load("fashion-mnist", "train")
    return training.fit(
        class_denoiser(nnx.Rngs(seed), **SMALL),
        partial(denoising_loss, **WAYS[way]),
        (train.images, train.labels),
        seed=seed,
        steps=steps,
        optimizer=muon,
        learning_rate=4e-3,
        cooldown=0,  # without a cooldown, averaging has work to do
    )


def measure(run: dict) -> dict:
    fitted = trained(run["way"], run["steps"], run["seed"])
    model = fitted.model if run["averaged"] else fitted.last
    return rounded(
        evaluation.scored(model, judge(), run["scale"], N, 20, seed=run["seed"])._asdict()
    )


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=60,
    quick=({"way": "drop 0.1", "steps": 300, "seed": 0},),
    unchecked="the other ways and 800 steps, which are trained too",
    exact=("n",),
)
