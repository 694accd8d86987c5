"""Measure other ways to tell a network a class, and the classifier guidance that came before CFG.

On Fashion-MNIST: small networks told the class by a vector or by tokens, trained alike, and the
shipped network steered by the shipped classifier, and without one. Since that classifier would
judge its own work, a second one, trained here, gives the accuracy.
"""

from collections.abc import Sequence
from functools import cache, partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from measurements import Measurement, rounded
from workshop_lite import checkpoints, datasets, drawing, evaluation, training
from workshop_lite.conditioning import Labels, null_labels
from workshop_lite.guidance import Guided
from workshop_lite.networks import Classifier, Context, UNet
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import RECIPES, denoising_loss
from workshop_lite.schedules import cosine, over
from workshop_lite.training import muon

N, STEPS, D = 500, 300, 64
SCALES = (1.0, 0.0, 2.0, 4.0, 8.0)


class LabelTokens(nnx.Module):
    """Four learned tokens for each class instead of one vector."""

    def __init__(self, n: int, d: int, *, rngs):
        self.labels = Labels(n, 4 * d, rngs=rngs)

    def __call__(self, labels) -> Context:
        tokens = self.labels(labels).vector.reshape(len(labels), 4, -1)
        return Context(jnp.zeros((len(labels), D)), tokens, jnp.ones(tokens.shape[:2], bool))

    def check(self, labels, rows: int) -> None:
        self.labels.check(labels, rows)


ROUTES = {
    "class vector": (lambda rngs: Labels(10, D, rngs=rngs), {}),
    "class tokens": (lambda rngs: LabelTokens(10, D, rngs=rngs), {"d_tokens": D}),
}


class Steered(nnx.Module):
    """Classifier guidance; Dhariwal & Nichol (2021), Section 4, on the estimate of x_0.

    The gradient of log p(c | x_0) goes through the unconditional denoiser to x_t. Its weight
    sigma^2 / alpha is held to 10, for a classifier of clean images knows nothing of pure noise.
    """

    def __init__(self, denoise: Denoiser, classifier: Classifier, scale: float):
        self.denoise, self.classifier = denoise, classifier
        self.scale = nnx.data(jnp.float32(scale))

    def __call__(self, xt, t, labels):
        def certainty(xt):
            x0 = self.denoise(xt, t, null_labels(labels))
            logits = jax.nn.log_softmax(self.classifier(jnp.clip(x0, -1, 1)))
            return jnp.take_along_axis(logits, labels[:, None], axis=1).sum(), x0

        gradient, x0 = jax.grad(certainty, has_aux=True)(xt)
        alpha, sigma = over(cosine(t), xt)
        return x0 + self.scale * jnp.minimum(sigma**2 / alpha, 10.0) * gradient


GUIDED = {
    "classifier guidance": lambda scale: Steered(*shipped(), scale),
    "classifier-free guidance": lambda scale: Guided(shipped()[0], null_labels, scale),
}


def shipped() -> tuple[Denoiser, Classifier]:
    return checkpoints.load("fashion-cfg"), checkpoints.load("fashion-classifier")


def plan(seeds: Sequence[int]) -> list[dict]:
    """The trained networks, then for the first seed the shipped one at each scale."""
    trained = [(route, 1.0, seed) for seed, route in product(seeds, ROUTES)]
    steered = [(route, scale, s) for s, scale, route in product(seeds[:1], SCALES, GUIDED)]
    return [dict(zip(("route", "scale", "seed"), run, strict=True)) for run in (*trained, *steered)]


@cache
def judges() -> tuple[evaluation.Judge, evaluation.Judge]:
    """The shipped classifier, and a second one, trained here."""
    train, test = (datasets.load("fashion-mnist", split) for split in ("train", "test"))
    fresh = Classifier(1, 10, widths=(16, 32, 64), rngs=nnx.Rngs(7))
    options = {"learning_rate": 2e-3, "cooldown": 300, "seed": 7, "steps": 1200}
    loss = RECIPES["fashion-classifier"].loss
    second = training.fit(fresh, loss, (train.images, train.labels), **options).model
    own = evaluation.judge_of("fashion-classifier")
    return own, evaluation.Judge(second, datasets.signed(test.images))


def trained(route: str, seed: int) -> training.Fitted:
    """A small network that is told the class this way."""
    (build, size), rngs = ROUTES[route], nnx.Rngs(seed)
    train = datasets.load("fashion-mnist", "train")
    size = {"d_cond": D, "widths": (32, 64), "blocks": (1, 1), **size}
    return training.fit(
        Denoiser(UNet(1, build(rngs), **size, rngs=rngs), cosine, VELOCITY),
        partial(denoising_loss, drop=0.1),
        (train.images, train.labels),
        seed=seed,
        steps=STEPS,
        optimizer=muon,
        learning_rate=4e-3,
        cooldown=100,
    )


def measure(run: dict) -> dict:
    if run["route"] in ROUTES:
        fitted = trained(run["route"], run["seed"])
        denoise, minutes = fitted.model, round(fitted.seconds / 60, 2)
    else:
        denoise, minutes = GUIDED[run["route"]](run["scale"]), None
    (own, second), labels = judges(), np.arange(N) % 10
    images = drawing.samples(denoise, cosine, labels, steps=15, seed=run["seed"], batch=100)
    scores = own(images, labels)._asdict()
    scores |= {"own": scores["accuracy"], "accuracy": second(images, labels).accuracy}
    return rounded({"minutes": minutes, **scores})


measurement = Measurement(
    plan,
    measure,
    seeds=(0, 1, 2),
    minutes=12,
    quick=(
        {"route": "classifier guidance", "scale": 2.0, "seed": 0},
        {"route": "classifier-free guidance", "scale": 2.0, "seed": 0},
    ),
    unchecked="networks that are trained; theirs is minutes each",
    timed=("minutes",),
)
