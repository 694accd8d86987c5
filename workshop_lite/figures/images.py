"""Figures of pictures, and of what they score."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Float, UInt8
from matplotlib.figure import Figure

from workshop_lite import checks
from workshop_lite.datasets import pixels
from workshop_lite.evaluation.results import chosen, spread
from workshop_lite.figures.style import (
    BLUE,
    COLOURS,
    GREEN,
    GREY,
    INK,
    LEGEND,
    ORANGE,
    PURPLE,
    errors,
    finished,
    plain_log,
    tidy,
)


def mosaic(
    images: Float[ArrayLike, "n h w c"], columns: int, gap: int = 1
) -> UInt8[np.ndarray, "..."]:
    """One picture of many, row by row: [H, W, c], or [H, W] if c is 1."""
    checks.whole("columns", columns)
    checks.whole("gap", gap, 0)
    n, h, w, c = checks.images("images", images).shape
    rows = -(-n // columns)
    tall, wide = h + gap, w + gap
    sheet = np.full((rows * columns, tall, wide, c), 255, np.uint8)
    sheet[:n, :h, :w] = pixels(images)
    sheet = sheet.reshape(rows, columns, tall, wide, c).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * tall, columns * wide, c)
    sheet = sheet[: rows * tall - gap, : columns * wide - gap]
    return sheet[..., 0] if c == 1 else sheet


def gallery(
    images: Float[ArrayLike, "n h w c"],
    rows: Sequence[str],
    columns: Sequence[str] = (),
    title: str = "",
) -> Figure:
    """A grid of pictures, grey ones dark on white, with names for its rows and columns."""
    images = checks.images("images", images)
    n, h, w, c = images.shape
    if c not in (1, 3):
        raise ValueError(f"images must have 1 or 3 channels, got {c}")
    for name, words in (("rows", rows), ("columns", columns)):
        if not isinstance(words, tuple | list) or not all(isinstance(w, str) for w in words):
            raise ValueError(f"{name} must be a list of names, got {checks.shown(words)}")
    if not isinstance(title, str):
        raise ValueError(f"title must be text, got {checks.shown(title)}")
    if not rows or n % len(rows):
        raise ValueError(f"rows must be as many as divide {n} images, got {checks.shown(rows)}")
    if len(columns) not in (0, n // len(rows)):
        raise ValueError(f"columns must be {n // len(rows)} names, got {checks.shown(columns)}")
    across = n // len(rows)
    sheet = mosaic(-images if c == 1 else images, across)
    width = 6.4
    figure, axes = plt.subplots(
        figsize=(width, 0.4 + 0.86 * width * sheet.shape[0] / sheet.shape[1]), layout="constrained"
    )
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_yticks(np.arange(len(rows)) * (h + 1) + h / 2, rows)
    axes.set_xticks(np.arange(len(columns)) * (w + 1) + w / 2, columns)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=11)
    if len(columns) > 6:  # names side by side would touch
        axes.tick_params(axis="x", labelrotation=40)
    axes.spines[:].set_visible(False)
    if title:
        axes.set_xlabel(title, fontsize=11)
    plt.close(figure)
    return figure


def scale_curves(rows: list[dict], yardsticks: list[dict]) -> Figure:
    """Scores against guidance scale, mean and standard deviation over the seeds of ``rows``.

    ``yardsticks`` are rows of real and spoilt images, told apart by their ``method``.
    """
    figure, panels = plt.subplots(2, 2, figsize=(8.4, 6.6), layout="constrained", sharex=True)
    real = spread(yardsticks, "method", "diversity")["real"].mean
    rows = [{**row, "diversity (real = 1)": row["diversity"] / real} for row in rows]
    curves = [
        [("frechet", BLUE, "o")],
        [("accuracy", BLUE, "o"), ("precision", GREEN, "s")],
        [("recall", ORANGE, "^"), ("diversity (real = 1)", PURPLE, "D")],
        [("saturation", BLUE, "o")],
    ]
    for axes, lines in zip(panels.flat, curves, strict=True):
        for field, colour, mark in lines:
            errors(axes, spread(rows, "scale", field), colour, mark, field)
        tidy(axes)
        if len(lines) > 1:
            axes.legend(**LEGEND)
    for axes, top in zip(panels.flat[1:], (1.03, 1.25, 1.03), strict=True):
        axes.set_ylim(0, top)
    distance = panels[0, 0]
    styles = ["-", "--", ":", "-.", (0, (1, 4))]
    found = spread(yardsticks, "method", "frechet")
    for name, style in zip(
        dict.fromkeys(row["method"] for row in yardsticks), styles, strict=False
    ):
        distance.axhline(found[name].mean, color=GREY, linestyle=style, label=name)
    distance.set_title("Fréchet distance")
    plain_log(distance, "y")
    handles = distance.lines[-len(found) :]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(found), **LEGEND)
    panels[0, 1].set_title("accuracy and precision")
    panels[1, 0].set_title("recall and diversity")
    panels[1, 1].set_title("saturation")
    for axes in panels[1]:
        axes.set(xlabel="guidance scale", xticks=range(0, 13, 2))
    return finished(figure)


def tradeoff(methods: dict[str, list[dict]]) -> Figure:
    """Fréchet distance against recall: a line for each method, a point for each scale."""
    figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    below = {"xytext": (-4, -4), "ha": "right", "va": "top"}  # for the first, clear of the others'
    places = (below, *[{"xytext": (4, 4)}] * 4)
    kinds = zip(methods.items(), (*COLOURS, INK), "os^Dv", places, strict=False)
    for (name, rows), colour, mark, place in kinds:
        recall, distance = spread(rows, "scale", "recall"), spread(rows, "scale", "frechet")
        x, y = ([s.mean for s in found.values()] for found in (recall, distance))
        bars = {
            "xerr": [s.std for s in recall.values()],
            "yerr": [s.std for s in distance.values()],
        }
        axes.errorbar(x, y, **bars, fmt=mark + "-", color=colour, label=name, capsize=2)
        for scale, *point in zip(recall, x, y, strict=True):
            text = {"textcoords": "offset points", "color": colour, **place}
            axes.annotate(f"{scale:g}", point, **text)
    axes.set(xlabel="recall", ylabel="Fréchet distance")
    plain_log(axes, "y")
    axes.legend(**LEGEND)
    tidy(axes)
    return finished(figure)


def step_curves(rows: list[dict], fields: dict[str, str]) -> Figure:
    """One panel for each field of ``fields``, a line for each sampler, against steps."""
    figure, panels = plt.subplots(1, len(fields), figsize=(8.4, 3.5), layout="constrained")
    names = sorted({row["sampler"] for row in rows})
    for axes, (field, title) in zip(np.ravel(panels), fields.items(), strict=True):
        for name, colour, mark in zip(names, COLOURS, "os^D", strict=False):
            errors(axes, spread(chosen(rows, sampler=name), "steps", field), colour, mark, name)
        steps = sorted({row["steps"] for row in rows})
        axes.set(xscale="log", xlabel="steps")
        axes.set_xticks(steps, [str(n) for n in steps])
        axes.minorticks_off()
        axes.set_title(title, fontsize=12)
        axes.legend(**LEGEND)
        tidy(axes)
    return finished(figure)
