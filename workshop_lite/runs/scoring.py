"""Scores for the card of a model, by whoever can judge its kind."""

from collections.abc import Callable
from pathlib import Path

from workshop_lite import checkpoints, drawing, evaluation
from workshop_lite.conditioning import Control, Controlled, DualEncoder, TextEncoder
from workshop_lite.networks import Autoencoder, Classifier, TinyDecoder
from workshop_lite.predictions import Denoiser
from workshop_lite.samplers import dpmpp_2m


def scored(
    name: str,
    folder: Path,
    *,
    n: int = 5000,
    evaluations: int = 50,
    sampler: Callable = dpmpp_2m,
    scales: tuple[float, ...] = (1.0, 1.5, 2.0, 4.0),
) -> None:
    """Measure a model, print what comes out, and add it to its card.

    Raises ValueError for a model that nothing here can judge.
    """
    model = checkpoints.load(name, folder)
    notes, recipe = (f(name, folder) for f in (checkpoints.card, checkpoints.recipe))
    metrics = notes.setdefault("metrics", {})
    if isinstance(model, Classifier):
        metrics.update(evaluation.classifier_report(model, recipe))
    elif isinstance(model, DualEncoder):
        metrics.update(evaluation.encoder_report(model))
    elif isinstance(model, Autoencoder | TinyDecoder):
        ae = (*checkpoints.bases(name, folder), model)[0]
        metrics.update(evaluation.reconstruction_report(ae, model, recipe))
    elif isinstance(model, Control):
        base, (shape, shown) = checkpoints.bases(name, folder)[0], drawing.canvas(name, folder)
        denoise = Denoiser(Controlled(base.network, model), base.schedule, base.prediction)
        report = evaluation.control_report(
            denoise, recipe.arrays.keywords["see"], min(n, 400), evaluations // 2, shape, shown
        )
        metrics.setdefault(f"N={min(n, 400)}, {evaluations} evaluations", {}).update(report)
    elif not isinstance(model, Denoiser):
        raise ValueError(f"name must be that of a denoiser, a decoder or a judge, got {name!r}")
    elif isinstance(model.network.condition, TextEncoder):
        n, steps = min(n, 400), evaluations // 2  # of two passes
        canvas = drawing.canvas(name, folder)
        judge = evaluation.emoji_judge(folder)
        report = evaluation.prompt_report(model, list(scales), n, steps, *canvas, judge=judge)
        metrics.setdefault(f"N={n}, {evaluations} evaluations", {}).update(report)
    else:
        report = evaluation.denoiser_report(model, recipe, list(scales), n, evaluations, sampler)
        budget = f"N={n}, {evaluations} evaluations"
        budget += "" if sampler is dpmpp_2m else f" of {sampler.__name__}"
        metrics.setdefault(budget, {}).update(report)
    checkpoints.write_card(name, notes, folder)
