"""Many samples, in batches of bounded memory, and what the judge says of them."""

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float, PyTree
from tqdm.auto import tqdm

from workshop_lite import checkpoints, checks, datasets, metrics
from workshop_lite.autoencoder import Autoencoder, TinyDecoder, decoded, encoded
from workshop_lite.classifier import Classifier
from workshop_lite.conditioning import null_labels
from workshop_lite.guidance import Guided
from workshop_lite.metrics import Judge, Scores, yardsticks
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import Recipe
from workshop_lite.samplers import dpmpp_2m


def samples(
    denoise: Callable,
    schedule: Callable,
    cond: PyTree,
    *,
    shape: tuple[int, int, int] = (28, 28, 1),
    steps: int,
    seed: int = 0,
    sampler: Callable = dpmpp_2m,
    batch: int = 250,
    mesh: Mesh | None = None,
    bar: bool = False,
) -> Float[np.ndarray, "n h w c"]:
    """One image for each row of the condition, in batches that ``mesh``'s devices share.

    Those are all there are by default. Only one batch is on the devices at a time, so any number
    of rows will do. Batch i draws from the key ``fold_in(seed, i)``. Raises ValueError
    without a row.
    """
    n, mesh = checks.rows_of("cond", cond), mesh or Mesh(np.array(jax.devices()), ("data",))
    checks.function("denoise", denoise, "(xt, t, cond) -> x0")
    checks.function("sampler", sampler, "of workshop_lite.samplers")
    checks.whole("batch", batch)
    checks.seed("seed", seed)
    checks.wholes("shape", shape, 3)
    batch = min(batch, n)
    batch += -batch % mesh.size
    split = NamedSharding(mesh, PartitionSpec("data"))
    images = []
    for i in tqdm(range(-(-n // batch)), disable=not bar, unit="batch"):
        key = jax.random.fold_in(jax.random.key(seed), i)
        noise = jax.random.normal(key, (batch, *shape))
        wanted = np.arange(i * batch, (i + 1) * batch) % n  # the last batch is whole too
        rows = jax.tree.map(lambda leaf, at=wanted: np.asarray(leaf)[at], cond)
        if hasattr(denoise, "check"):  # before a device drops the upper half of a long number
            denoise.check(noise, rows)
        noise, rows = jax.device_put((noise, rows), split)
        fresh = jax.random.fold_in(key, 1)
        x0, _ = sampler(denoise, schedule, noise, rows, steps=steps, key=fresh)
        images.append(np.asarray(x0))
    return np.concatenate(images)[:n]


def canvas(
    name: str, folder: str | Path = checkpoints.FOLDER
) -> tuple[tuple[int, int, int], Callable]:
    """The shape that a model draws in, and the function from that to pictures in [-1, 1].

    Latents are decoded by the autoencoder that the model was trained on.
    """
    recipe, ae = (f(name, folder) for f in (checkpoints.recipe, checkpoints.base))
    h, w, c = datasets.load(recipe.data, "test", recipe.size).images.shape[1:]
    if not isinstance(ae, Autoencoder):
        return (h, w, c), lambda x: x
    shape = (h // ae.factor, w // ae.factor, ae.latent)
    return shape, lambda z: decoded(ae, np.asarray(z) / float(ae.scale[...]))


def judge_of(name: str) -> Judge:
    """A shipped classifier, comparing with the test images of the data that it was trained on."""
    images, _ = checkpoints.recipe(name).rows("test")
    return Judge(checkpoints.load(name), datasets.signed(images))


def scored(
    denoise: Denoiser,
    judge: Judge,
    scale: float,
    n: int,
    evaluations: int,
    *,
    sampler: Callable = dpmpp_2m,
    seed: int = 0,
) -> Scores:
    """Scores of n guided images, all classes of the judge alike.

    Every image pays ``evaluations`` passes through the network: that many steps at scale 1,
    half as many where guidance takes two passes a step. ``sampler`` takes one look a step.
    """
    checks.whole("n", n, 4)  # precision and recall look at third neighbours
    checks.whole("evaluations", evaluations, 2)
    checks.number("scale", scale)
    if not isinstance(judge, Judge):
        raise ValueError(f"judge must be a Judge, got {checks.shown(judge)}")
    steps = evaluations if scale == 1 else evaluations // 2
    labels = np.arange(n) % judge.classes
    guided = Guided(denoise, null_labels, scale)
    options = {"shape": judge.shape, "steps": steps, "seed": seed, "sampler": sampler}
    images = samples(guided, denoise.schedule, labels, **options, bar=True)
    return judge(images, labels)


def some_real(recipe: Recipe, n: int, seed: int = 0) -> tuple:
    """Images and labels of n training examples, drawn by the seed: the files may be sorted."""
    images, labels = recipe.rows("train")
    drawn = np.random.default_rng(seed).permutation(len(images))[:n]
    return images[drawn], labels[drawn]


def denoiser_report(
    denoise: Denoiser,
    recipe: Recipe,
    scales: list[float],
    n: int,
    evaluations: int,
    sampler: Callable = dpmpp_2m,
) -> dict:
    """Print and return the scores at each guidance scale, after those of the yardsticks."""
    checks.whole("n", n, 4)  # precision and recall look at third neighbours
    checks.whole("evaluations", evaluations, 2)
    if not isinstance(scales, tuple | list) or not scales:
        raise ValueError(f"scales must be a list of numbers, got {checks.shown(scales)}")
    for scale in scales:
        checks.number("each of scales", scale)
    if not recipe.judge:
        raise ValueError(f"recipe must be one that a classifier judges, got one of {recipe.data}")
    judge = judge_of(recipe.judge)
    images, labels = some_real(recipe, n)
    spoilt = yardsticks(datasets.signed(images))
    rows = {name: judge(images, labels) for name, images in spoilt.items()}
    for name, scores in rows.items():
        print(f"{name:12} {scores}", flush=True)
    for scale in scales:
        rows[f"scale {scale:g}"] = scored(denoise, judge, scale, n, evaluations, sampler=sampler)
        print(f"scale {scale:<6g} {rows[f'scale {scale:g}']}", flush=True)
    passes = f"{sampler.__name__}, {evaluations} network evaluations an image"
    return {
        "how": f"against the {len(judge.real):,} test images; {passes}",
        **{name: scores._asdict() for name, scores in rows.items()},
    }


def reconstruction_report(
    ae: Autoencoder, model: Autoencoder | TinyDecoder, recipe: Recipe
) -> dict:
    """Print and return how much of the test images survives ``ae.encode`` and ``model.decode``."""
    images = datasets.load(recipe.data, "test", recipe.size).images
    posterior, real = encoded(ae, images), datasets.signed(images)
    seen = np.clip(decoded(model, posterior.mean), -1, 1)
    row = {"n": len(images), "nats": float(posterior.kl().mean())}
    row |= {f.__name__: float(f(seen, real).mean()) for f in (metrics.psnr, metrics.ssim)}
    print(", ".join(f"{name} {value:.4g}" for name, value in row.items()))
    return row


def classifier_report(classifier: Classifier, recipe: Recipe) -> dict:
    """Print and return the accuracy on the test split."""
    images, labels = recipe.rows("test")
    logits = np.concatenate(
        [classifier(datasets.signed(part)) for part in np.array_split(images, 20)]
    )
    accuracy = float((logits.argmax(1) == labels).mean())
    print(f"test accuracy {accuracy:.2%}, N={len(labels)}")
    return {"test_accuracy": accuracy, "n": len(labels)}
