"""Figures of conditions: words, hints, and how well they are followed."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Float
from matplotlib.figure import Figure

from workshop_lite import checks
from workshop_lite.datasets import pixels
from workshop_lite.figures.style import BLUE, GREEN, LEGEND, errors, finished, tidy
from workshop_lite.results import chosen, over_seeds, spread

STYLES = {"seen": ("o", "-"), "held out": ("s", "--")}


def word_maps(
    images: Float[ArrayLike, "n h w 3"],
    words: Sequence[Sequence[str]],
    maps: Sequence[Float[ArrayLike, "m i j"]],
) -> Figure:
    """A row for each picture: the picture, then for each word where the pixels look at it.

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
            axes.imshow(look, cmap="viridis", alpha=0.75, extent=extent, interpolation="bicubic")
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
    panels[0, 0].legend(**LEGEND, loc="center right", ncols=2)
    panels[0, 1].legend(**LEGEND, loc="lower right")
    for axes in panels[0]:
        axes.set_ylim(0, 1.03)
    for axes in panels[1]:
        axes.set_ylim(bottom=0)
        axes.set_xlabel("guidance scale")
    return finished(figure)
