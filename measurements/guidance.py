"""Measure guidance and its kin on the shipped weights.

All methods start from the same noise and ask for the same classes. The yardsticks are real images,
and spoilt ones, each seed's its own part of the training images.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product

import numpy as np

from measurements import Measurement, rounded
from workshop_lite import checkpoints, checks, datasets, drawing, evaluation, samplers
from workshop_lite.conditioning import null_labels
from workshop_lite.evaluation import metrics
from workshop_lite.guidance import Guided, Thresholded

N, STEPS, MIDDLE = 10_000, 15, (0.25, 0.75)
BATCH = 2500
SCALES = (1, 0, 1.5, 2, 3, 4, 7.5, 12)
YARDSTICKS = ("real", "noise 0.05", "noise 0.1", "noise 0.2", "blurred")


def methods(denoise, weak) -> dict:
    """What turns a scale into a guided denoiser."""
    return {
        "cfg": lambda scale: denoise if scale == 1 else Guided(denoise, null_labels, scale),
        "interval": lambda scale: Guided(denoise, null_labels, scale, interval=MIDDLE),
        "rescale": lambda scale: Guided(denoise, null_labels, scale, rescale=0.7),
        "threshold": lambda scale: Thresholded(Guided(denoise, null_labels, scale)),
        "autoguidance": lambda scale: Guided(denoise, None, scale, weak=weak),
    }


def plan(seeds: Sequence[int]) -> list[dict]:
    """Yardsticks, then methods, seed by seed, the most wanted first."""
    if any(seed > 5 for seed in seeds):
        checks.one_of("each seed", str(max(seeds)), [str(seed) for seed in range(6)])
    scales = {"cfg": SCALES, "interval": (2, 3), "rescale": (3,), "threshold": (3,)}
    scales |= {"autoguidance": (1.2, 1.5, 2)}
    runs = [(method, s, STEPS, "dpmpp_2m") for method, row in scales.items() for s in row]
    runs += [("cfg", 1, steps, "dpmpp_2m") for steps in (5, 10, 20)]
    runs += [("cfg", 1, steps, "ddim") for steps in (5, 10, 20, 50)]
    runs += [("cfg", 2, steps, "dpmpp_2m") for steps in (5, 10)]
    runs += [("cfg", 2, 20, "ddim"), ("interval", 2, 10, "dpmpp_2m")]  # as is usual; for less
    real = product(seeds, [(name, None, 0, None) for name in YARDSTICKS])
    names = ("method", "scale", "steps", "sampler")
    return [
        dict(zip(names, run, strict=True), seed=seed)
        for seed, run in [*real, *product(seeds, runs)]
    ]


def passes(run: dict) -> int:
    """Network evaluations that one image pays for."""
    low, high = MIDDLE if run["method"] == "interval" else (0, 1)
    t = np.linspace(1, 0, run["steps"] + 1)[:-1]
    guided = run["scale"] != 1
    return run["steps"] + int(guided * ((low <= t) & (t <= high)).sum())


def sharpness(images) -> float:
    """Mean absolute difference of neighbouring pixels."""
    return float(sum(np.abs(np.diff(images, axis=axis)).mean() for axis in (1, 2)) / 2)


@cache
def shipped() -> tuple:
    """The judge, the schedule and the guided denoisers."""
    denoise, weak = checkpoints.load("fashion-cfg"), checkpoints.load("fashion-cfg-weak")
    judge = evaluation.judge_of("fashion-classifier")
    return judge, denoise.schedule, methods(denoise, weak)


def yardstick(name: str, seed: int) -> tuple:
    """Training images, maybe spoilt, and their labels."""
    train, part = datasets.load("fashion-mnist", "train"), slice(seed * N, (seed + 1) * N)
    return metrics.yardsticks(datasets.signed(train.images[part]), seed)[name], train.labels[part]


def drawn(method: str, scale: float, steps: int, sampler: str, seed: int) -> tuple:
    """Samples of all classes alike, and their labels."""
    (_, schedule, guided), labels = shipped(), np.arange(N) % 10
    options = {"steps": steps, "seed": seed, "sampler": getattr(samplers, sampler), "batch": BATCH}
    return drawing.samples(guided[method](float(scale)), schedule, labels, **options), labels


def measure(run: dict) -> dict:
    if run["method"] in YARDSTICKS:
        images, labels = yardstick(run["method"], run["seed"])
    else:
        images, labels = drawn(**run)
    scores = shipped()[0](images, labels)._asdict()
    return rounded({"evaluations": passes(run), **scores, "sharpness": sharpness(images)})


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=440,
    gpu=True,
    quick=(
        {"method": "real", "seed": 0},
        {"method": "noise 0.1", "seed": 0},
        {"method": "cfg", "scale": 1, "steps": 5, "sampler": "dpmpp_2m", "seed": 0},
    ),
    unchecked="scales other than 1 and other methods, minutes a row of 10,000 pictures",
    exact=("evaluations", "n"),
)
