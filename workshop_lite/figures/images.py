"""Figures of pictures, and of what they score."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Float, UInt8
from matplotlib.figure import Figure

from workshop_lite import checks
from workshop_lite.datasets import pixels
from workshop_lite.figures.style import BLUE, GREEN, GREY, LEGEND, ORANGE, finished, tidy
from workshop_lite.metrics import Scores


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


def scale_curves(scores: dict[float, Scores], yardsticks: dict[str, Scores]) -> Figure:
    """Fréchet distance, accuracy, precision and recall against guidance scale."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.7), layout="constrained")
    scales = list(scores)
    left.plot(scales, [s.frechet for s in scores.values()], "o-", color=BLUE)
    styles = ["-", "--", ":", "-.", (0, (1, 4))]
    for (name, row), style in zip(yardsticks.items(), styles, strict=False):
        left.axhline(row.frechet, color=GREY, linestyle=style, label=name)
    left.set(xlabel="guidance scale", title="Fréchet distance", yscale="log")
    left.set_yticks([20, 50, 100, 200, 500], ["20", "50", "100", "200", "500"])
    left.minorticks_off()
    figure.legend(loc="outside upper center", ncols=len(yardsticks) or 1, **LEGEND)
    for field, colour, mark in [
        ("accuracy", BLUE, "o"),
        ("precision", GREEN, "s"),
        ("recall", ORANGE, "^"),
    ]:
        right.plot(scales, [getattr(s, field) for s in scores.values()], mark + "-", color=colour)
        end = getattr(scores[scales[-1]], field)
        right.annotate(f" {field}", (scales[-1], end), color=colour, va="center")
    right.set(xlabel="guidance scale", title="Shares", ylim=(0, 1.03))
    right.set_xlim(None, scales[-1] * 1.4)  # room for the names
    for axes in (left, right):
        axes.set_xticks([s for s in scales if s % 2 == 0])
        tidy(axes)
    return finished(figure)
