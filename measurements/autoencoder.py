"""Train a small autoencoder at several prices of a nat, and score its reconstructions."""

from collections.abc import Sequence
from functools import cache, partial
from itertools import product

import numpy as np
from flax import nnx

from measurements import Measurement, rounded
from measurements.guidance import YARDSTICKS
from workshop_lite import checkpoints, datasets, training
from workshop_lite.evaluation import PromptJudge, metrics
from workshop_lite.networks import Autoencoder, autoencoder
from workshop_lite.recipes.latent import picture_loss
from workshop_lite.training import muon

STEPS = 200
#: An eighth of the cost of emoji-vae.
WIDTHS = (16, 32)
WAYS = [(kl, 0.0) for kl in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)] + [(1e-3, 0.5)]


def plan(seeds: Sequence[int]) -> list[dict]:
    """The yardsticks, then a training for each price and weight of gradients."""
    return [{"kind": "yardstick", "name": name} for name in YARDSTICKS] + [
        {"kind": "run", "kl": kl, "gradients": gradients, "seed": seed}
        for seed, (kl, gradients) in product(seeds, WAYS)
    ]


@cache
def judged() -> tuple:
    """Real pictures, and who compares with them."""
    real = datasets.signed(datasets.load("emoji", "test", 64).images)
    return real, PromptJudge(checkpoints.load("emoji-clip"), real)


def scored(images) -> dict:
    real, judge = judged()
    scores = {"psnr": metrics.psnr(images, real).mean(), "ssim": metrics.ssim(images, real)}
    scores["frechet64"] = metrics.frechet(judge.real, judge.seen(images)[0])
    return {name: float(np.mean(value)) for name, value in scores.items()}


def trained(kl: float, gradients: float, seed: int) -> Autoencoder:
    return training.fit(
        Autoencoder(3, 4, widths=WIDTHS, rngs=nnx.Rngs(seed)),
        partial(picture_loss, kl=kl, gradients=gradients),
        (datasets.load("emoji", "train", 64).images,),
        seed=seed,
        steps=STEPS,
        batch=32,
        optimizer=muon,
        learning_rate=2e-3,
        warmup=50,
        cooldown=80,
        bar=False,
    ).model


def measure(run: dict) -> dict:
    if run["kind"] == "yardstick":
        return rounded(scored(metrics.yardsticks(judged()[0])[run["name"]]))
    ae = trained(run["kl"], run["gradients"], run["seed"])
    posterior = autoencoder.encoded(ae, datasets.load("emoji", "test", 64).images)
    each = posterior.mean**2 + np.exp(posterior.log_var) - 1 - posterior.log_var
    nats = each.sum(axis=(1, 2)).mean(axis=0) / 2  # of each channel
    images = np.clip(autoencoder.decoded(ae, posterior.mean), -1, 1)
    row = {"nats": nats.sum(), "silent": (nats < 0.01 * nats.sum()).sum()}
    return rounded(row | {"std": posterior.mean.std(), "steps": float(STEPS), **scored(images)})


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1),
    minutes=6,
    quick=({"kind": "yardstick"}, {"kl": 1e-3, "gradients": 0.0, "seed": 0}),
)
