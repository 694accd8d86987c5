"""Measure other ways to tell a network a class, and the classifier guidance that came before CFG.

    PYTHONPATH=. python tools/measure_routes.py workshop_lite/data/results/routes.json

On Fashion-MNIST: small networks told the class by a vector or by tokens, trained alike, and the
shipped network steered by the shipped classifier, and without one. Since that classifier would
judge its own work, a second one, trained here, gives the accuracy. Rows that the file holds already
are kept. About 20 minutes on one CPU core. Seeds may be named behind the file, to measure only
those.
"""

import sys
from functools import partial
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from workshop_lite import checkpoints, datasets, drawing, evaluation, training
from workshop_lite.conditioning import Labels, null_labels
from workshop_lite.evaluation import results
from workshop_lite.guidance import Guided
from workshop_lite.networks import Classifier, Context, UNet
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import RECIPES, denoising_loss
from workshop_lite.schedules import cosine, over
from workshop_lite.training import muon

N, SEEDS, STEPS, D = 500, (0, 1, 2), 300, 64
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


def main(path: Path, seeds: list[int]) -> None:
    train, test = (datasets.load("fashion-mnist", split) for split in ("train", "test"))
    data, real = (train.images, train.labels), datasets.signed(test.images)
    fresh = Classifier(1, 10, widths=(16, 32, 64), rngs=nnx.Rngs(7))
    options = {"learning_rate": 2e-3, "cooldown": 300, "seed": 7, "steps": 1200}
    second = training.fit(fresh, RECIPES["fashion-classifier"].loss, data, **options).model
    right = np.asarray(jax.jit(lambda m, x: m(x))(second, real[:2000])).argmax(1)
    print(f"second classifier: {(right == test.labels[:2000]).mean():.3f} of test images")
    judge, own = evaluation.Judge(second, real), evaluation.judge_of("fashion-classifier")
    labels = np.arange(N) % 10
    rows = results.load(path.stem, path.parent) if path.exists() else []

    def add(row: dict, denoise, steps: int) -> None:
        options = {"steps": steps, "seed": row["seed"], "batch": 100}
        images = drawing.samples(denoise, cosine, labels, **options)
        scores = own(images, labels)._asdict()
        scores |= {"own": scores["accuracy"], "accuracy": judge(images, labels).accuracy}
        rows.append({**row, **{k: round(float(v), 4) for k, v in scores.items()}})
        print(rows[-1], flush=True)
        results.save(path, rows)

    for seed, (route, (build, size)) in product(seeds, ROUTES.items()):
        if results.chosen(rows, route=route, seed=seed):
            continue
        rngs = nnx.Rngs(seed)
        size = {"d_cond": D, "widths": (32, 64), "blocks": (1, 1), **size}
        network = UNet(1, build(rngs), **size, rngs=rngs)
        fitted = training.fit(
            Denoiser(network, cosine, VELOCITY),
            partial(denoising_loss, drop=0.1),
            data,
            seed=seed,
            steps=STEPS,
            optimizer=muon,
            learning_rate=4e-3,
            cooldown=100,
        )
        row = {"route": route, "scale": 1.0, "seed": seed}
        add({**row, "minutes": round(fitted.seconds / 60, 2)}, fitted.model, 15)
    denoise, classifier = (checkpoints.load(f"fashion-{name}") for name in ("cfg", "classifier"))
    guided = {
        "classifier guidance": lambda scale: Steered(denoise, classifier, scale),
        "classifier-free guidance": lambda scale: Guided(denoise, null_labels, scale),
    }
    for seed, scale, route in product(seeds[:1], SCALES, guided):
        row = {"route": route, "scale": scale, "seed": seed}
        if not results.chosen(rows, **row):
            add({**row, "minutes": None}, guided[route](scale), 15)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]] or list(SEEDS))
