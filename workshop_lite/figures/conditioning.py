"""Figures of conditions: words, hints, and how well they are followed."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Float
from matplotlib.figure import Figure

from workshop_lite import checks
from workshop_lite.datasets import pixels
from workshop_lite.evaluation.results import chosen, over_seeds, spread
from workshop_lite.figures.style import (
    BLUE,
    COLOURS,
    GREEN,
    LEGEND,
    errors,
    finished,
    lines_across,
    tidy,
)

STYLES = {"seen": ("o", "-"), "held out": ("s", "--")}


def hint_pictures(hint: Float[ArrayLike, "n h w c"]) -> Float[np.ndarray, "n h w 3"]:
    """Hints in [0, 1] as pictures in [-1, 1]: edges dark on white, colours as they are."""
    hint = np.asarray(checks.images("hint", hint))
    if hint.shape[3] not in (1, 3):
        raise ValueError(f"hint must have 1 or 3 channels, got {hint.shape[3]}")
    return 1 - 2 * hint.repeat(3, axis=3) if hint.shape[3] == 1 else 2 * hint - 1


def word_maps(
    images: Float[ArrayLike, "n h w 3"],
    words: Sequence[Sequence[str]],
    maps: Sequence[Float[ArrayLike, "m i j"]],
) -> Figure:
    """A row for each picture: the picture, then for each word which cells of a grid look at it.

    Every map is stretched from its own least to its own largest value.
    """
    images = np.asarray(checks.images("images", images))
    if len(words) != len(images) or len(maps) != len(images):
        raise ValueError(
            f"words and maps must be as many as the {len(images)} images,"
            f" got {len(words)} and {len(maps)}"
        )
    across = 1 + max(map(len, words))
    size = (8.4, 0.3 + 8.4 / across * 1.16 * len(images))
    figure, panels = plt.subplots(
        len(images), across, figsize=size, layout="constrained", squeeze=False
    )
    for axes in panels.flat:
        axes.axis("off")
    side = images.shape[1]
    for row, image, names, looks in zip(panels, images, words, maps, strict=True):
        row[0].imshow(pixels(image))
        for axes, name, look in zip(row[1:], names, looks, strict=False):
            grey = np.asarray(image).mean(axis=-1) * 0.25 + 0.7
            axes.imshow(grey, cmap="gray", vmin=-1, vmax=1)
            extent = (-0.5, side - 0.5, side - 0.5, -0.5)
            axes.imshow(look, cmap="viridis", alpha=0.75, extent=extent, interpolation="nearest")
            axes.set_title(name, fontsize=11)
    return finished(figure)


def text_curves(rows: list[dict], real: list[dict]) -> Figure:
    """Retrieval, style, likeness and Fréchet distance against guidance scale, by split.

    ``rows`` are of samples and ``real`` of real pictures; lines without marks are the latter.
    """
    figure, panels = plt.subplots(2, 2, figsize=(8.4, 6.6), layout="constrained", sharex=True)
    curves = {
        "right concept of 100": (("top1", BLUE), ("top5", GREEN)),
        "right style of four": (("style", BLUE),),
        "likeness": (("score", BLUE),),
        "Fréchet distance": (("frechet", BLUE),),
    }
    for axes, (title, fields) in zip(panels.flat, curves.items(), strict=True):
        for field, colour in fields:
            for split, (mark, line) in STYLES.items():
                found = spread(chosen(rows, split=split), "scale", field)
                label = f"{split}, {field}" if len(fields) > 1 else split
                errors(axes, found, colour, mark, label, line)
                yardstick = over_seeds(chosen(real, split=split), field).mean
                axes.axhline(yardstick, color=colour, linestyle=line, alpha=0.4)
        axes.set_title(title, fontsize=12)
        tidy(axes)
    panels[0, 0].legend(**LEGEND, loc="lower right", ncols=2)
    panels[0, 1].legend(**LEGEND, loc="lower right")
    for axes in panels[0]:
        axes.set_ylim(0, 1.03)
    for axes in panels[1]:
        axes.set_ylim(bottom=0)
        axes.set_xlabel("guidance scale")
    return finished(figure)


def grouped_bars(rows: list[dict], group: str, by: str, fields: Mapping[str, str]) -> Figure:
    """A panel for each of ``fields``; in it a bar for each value of ``by`` in each ``group``.

    Where no row has both values, no bar stands.
    """
    figure, panels = plt.subplots(1, len(fields), figsize=(8.4, 3.4), layout="constrained")
    groups, kinds = (list(dict.fromkeys(row[name] for row in rows)) for name in (group, by))
    width = 0.8 / len(kinds)
    for axes, (field, title) in zip(np.ravel(panels), fields.items(), strict=True):
        for place, (kind, colour) in enumerate(zip(kinds, COLOURS, strict=False)):
            found = spread(chosen(rows, **{by: kind}), group, field)
            at = np.array([groups.index(g) for g in found]) + (place - (len(kinds) - 1) / 2) * width
            means, stds = zip(*((s.mean, s.std) for s in found.values()), strict=True)
            axes.bar(at, means, width, yerr=stds, color=colour, label=str(kind), capsize=3)
        axes.set_xticks(np.arange(len(groups)), [str(g) for g in groups])
        axes.set_title(title, fontsize=12)
        tidy(axes)
    handles = np.ravel(panels)[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=len(kinds), **LEGEND)
    return finished(figure)


def strength_curves(rows: list[dict], yardsticks: Mapping[str, Mapping[str, float]]) -> Figure:
    """A panel for each field of ``yardsticks`` against strength, with named grey lines in it."""
    count = len(yardsticks)
    figure, panels = plt.subplots(1, count, figsize=(8.4, 3.5), layout="constrained")
    titles = {"f1": "edge F1", "frechet": "Fréchet distance", "top1": "right concept of 100"}
    for axes, (field, lines) in zip(np.ravel(panels), yardsticks.items(), strict=True):
        errors(axes, spread(rows, "strength", field), BLUE, "o", "samples")
        lines_across(axes, lines)
        axes.set_title(titles[field], fontsize=12)
        axes.set_xlabel("strength")
        tidy(axes)
    return finished(figure)


def convergence_curves(rows: list[dict], yardstick: float) -> Figure:
    """Edge F1 and loss against training step: a thin line for each seed, a thick one for the mean.

    ``yardstick`` is the F1 without control. A loss of None was not measured.
    """
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 3.5), layout="constrained")
    for axes, field, title in zip(panels, ("f1", "loss"), ("edge F1", "loss"), strict=True):
        for init, colour in zip(dict.fromkeys(row["init"] for row in rows), COLOURS, strict=False):
            of_one = [row for row in chosen(rows, init=init) if row[field] is not None]
            for seed in sorted({row["seed"] for row in of_one}):
                line = sorted(chosen(of_one, seed=seed), key=lambda row: row["step"])
                x, y = [row["step"] for row in line], [row[field] for row in line]
                axes.plot(x, y, color=colour, linewidth=1, alpha=0.5)
            found = spread(of_one, "step", field)
            means = [s.mean for s in found.values()]
            axes.plot(list(found), means, color=colour, linewidth=2.4, label=init)
        axes.set_title(title, fontsize=12)
        axes.set_xlabel("training step")
        tidy(axes)
    lines_across(panels[0], {"no control": yardstick})
    panels[0].legend(**LEGEND)
    return finished(figure)
