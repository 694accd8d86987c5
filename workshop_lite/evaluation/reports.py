"""What a model reaches, printed and returned for its card, beside what real pictures reach."""

from collections.abc import Callable

import numpy as np

from workshop_lite import checks, datasets
from workshop_lite.conditioning import (
    DualEncoder,
    Hinted,
    hints,
    null_hinted,
    null_labels,
    null_prompts,
)
from workshop_lite.drawing import SHAPE, drawn, samples, schedule_of
from workshop_lite.evaluation import metrics
from workshop_lite.evaluation.judges import (
    HUNDRED,
    Judge,
    PromptJudge,
    Scores,
    emoji_judge,
    hundreds,
    judge_of,
    trained_judge,
)
from workshop_lite.evaluation.metrics import yardsticks
from workshop_lite.guidance import Guided
from workshop_lite.networks import Autoencoder, Classifier, TinyDecoder
from workshop_lite.networks.autoencoder import decoded, encoded
from workshop_lite.recipes import Recipe
from workshop_lite.samplers import dpmpp_2m


def scored(
    denoise: Callable,
    judge: Judge,
    scale: float | None,
    n: int,
    evaluations: int,
    *,
    guidance: Callable = Guided,
    passes: int | None = None,
    schedule: Callable | None = None,
    sampler: Callable = dpmpp_2m,
    seed: int = 0,
    bar: bool = False,
) -> Scores:
    """Scores of n guided images, all classes of the judge alike; ``bar`` shows progress.

    Every image pays ``evaluations`` passes through the network: that many steps at scale 1,
    half as many where guidance takes two ``passes`` a step. ``sampler`` takes one look a step.
    ``guidance(denoise, null, scale)`` makes the guided denoiser; at scale 1 ``denoise`` is taken as
    it is, and so it is, ready-made, with a scale of None. The schedule is the denoiser's own if
    none is given.
    """
    checks.function("denoise", denoise, "(xt, t, cond) -> x0")
    checks.function("guidance", guidance, "(denoise, null, scale) -> denoise")
    checks.whole("n", n, 4)  # precision and recall look at third neighbours
    checks.whole("evaluations", evaluations, 2)
    if scale is not None:
        checks.number("scale", scale)
    if not isinstance(judge, Judge):
        raise ValueError(f"judge must be a Judge, got {checks.shown(judge)}")
    passes = passes or (1 if scale == 1 else 2)
    checks.whole("passes", passes)
    labels = np.arange(n) % judge.classes
    guided = denoise if scale in (None, 1) else guidance(denoise, null_labels, scale)
    options = {"shape": judge.shape, "steps": max(evaluations // passes, 1), "seed": seed}
    options |= {"sampler": sampler, "bar": bar}
    images = samples(guided, schedule or schedule_of(denoise), labels, **options)
    return judge(images, labels)


def some_real(recipe: Recipe, n: int, seed: int = 0) -> tuple:
    """Images and labels of n training examples, drawn by the seed: the files may be sorted."""
    images, labels = recipe.rows("train")
    drawn = np.random.default_rng(seed).permutation(len(images))[:n]
    return images[drawn], labels[drawn]


def denoiser_report(
    denoise: Callable,
    recipe: Recipe,
    scales: list[float],
    n: int,
    evaluations: int,
    sampler: Callable = dpmpp_2m,
    guidance: Callable = Guided,
) -> dict:
    """Print and return the scores at each guidance scale, after those of the yardsticks."""
    checks.whole("n", n, 4)  # precision and recall look at third neighbours
    checks.whole("evaluations", evaluations, 2)
    if not isinstance(scales, tuple | list) or not scales:
        raise ValueError(f"scales must be a list of numbers, got {checks.shown(scales)}")
    for scale in scales:
        checks.number("each of scales", scale)
    judge = judge_of(recipe.judge) if recipe.judge else trained_judge(recipe)
    images, labels = some_real(recipe, n)
    spoilt = yardsticks(datasets.signed(images))
    rows = {name: judge(images, labels) for name, images in spoilt.items()}
    for name, scores in rows.items():
        print(f"{name:12} {scores}", flush=True)
    for scale in scales:
        rows[f"scale {scale:g}"] = scored(
            denoise, judge, scale, n, evaluations, guidance=guidance, sampler=sampler, bar=True
        )
        print(f"scale {scale:<6g} {rows[f'scale {scale:g}']}", flush=True)
    passes = f"{sampler.__name__}, {evaluations} network evaluations an image"
    return {
        "how": f"against the {len(judge.real):,} {judge.whose}; {passes}",
        **{name: scores._asdict() for name, scores in rows.items()},
    }


def prompt_report(
    denoise: Callable,
    scales: list[float],
    n: int,
    steps: int,
    shape: tuple[int, int, int] = SHAPE,
    shown: Callable | None = None,
    judge: PromptJudge | None = None,
    guidance: Callable = Guided,
) -> dict:
    """Print and return the scores of real pictures and of samples, seen pairs and held out.

    The judge is the shipped one if none is given.
    """
    canvas = {"shape": shape, "shown": shown}
    judge, rows = judge or emoji_judge(), {}
    for name, split in (("seen", "train"), ("held out", "test")):
        emoji = datasets.load("emoji", split, 32)
        asked = hundreds(emoji, n)
        captions = [datasets.captions(emoji)[i] for i in asked]
        tokens = judge.words(captions)
        rows[f"{name}, real"] = judge(datasets.signed(emoji.images[asked]), tokens)
        print(f"{name}, real      {rows[f'{name}, real']}", flush=True)
        for scale in scales:
            images = drawn(denoise, captions, scale=scale, steps=steps, guidance=guidance, **canvas)
            rows[f"{name}, scale {scale:g}"] = judge(images, tokens)
            print(f"{name}, scale {scale:<4g}{rows[f'{name}, scale {scale:g}']}", flush=True)
    how = f"right caption of {HUNDRED} in the same style by emoji-clip; Fréchet to all training"
    how += f" images; dpmpp_2m, {steps} guided steps"
    return {"how": how, **{name: scores._asdict() for name, scores in rows.items()}}


def control_report(
    denoise: Callable,
    see: Callable,
    n: int,
    steps: int,
    shape: tuple[int, int, int],
    shown: Callable,
    scale: float = 2.0,
) -> dict:
    """Print and return how well held-out pictures' hints, ``see(images)``, are kept.

    ``denoise`` has a ``Controlled`` network. Beside the judge's scores stand the F1 of the edges
    and the root mean square between the colours of 8 x 8 cells, at strength 0 and 1.
    """
    emoji, judge, rows = datasets.load("emoji", "test", 64), emoji_judge(), {}
    asked = hundreds(emoji, n)
    real, captions = datasets.signed(emoji.images[asked]), datasets.captions(emoji)
    tokens, lines = judge.words([captions[i] for i in asked]), hints.edges(real)
    guided = Guided(denoise, null_hinted(null_prompts), scale)
    for strength in (0.0, 1.0):
        cond = Hinted(tokens, see(real), np.full(n, strength, np.float32))
        images = shown(samples(guided, schedule_of(denoise), cond, shape=shape, steps=steps))
        off = np.sqrt(((hints.layout(images) - hints.layout(real)) ** 2).mean())
        f1 = hints.edge_f1(images, lines).mean()
        scores = judge(images, tokens)
        rows[f"strength {strength:g}"] = {"f1": float(f1), "colour": float(off)} | scores._asdict()
        print(f"strength {strength:<5g} F1 {f1:.3f} colour {off:.3f} {scores}", flush=True)
    return {"how": f"dpmpp_2m, {steps} guided steps, scale {scale:g}", **rows}


def encoder_report(encoder: DualEncoder) -> dict:
    """Print and return how often the encoder finds the caption of a real picture."""
    rows = {}
    for name, split in (("seen", "train"), ("held out", "test")):
        emoji = datasets.load("emoji", split, 32)
        asked, captions = hundreds(emoji, 400), datasets.captions(emoji)
        images = datasets.signed(emoji.images)
        judge = PromptJudge(encoder, images)
        rows[name] = judge(images[asked], judge.words([captions[i] for i in asked]))
        print(f"{name:>9} {rows[name]}", flush=True)
    return {name: scores._asdict() for name, scores in rows.items()}


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
