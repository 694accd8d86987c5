"""Figures of latents, and of what they cost and bring."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Float
from matplotlib.figure import Figure

from workshop_lite import checks
from workshop_lite.datasets import pixels
from workshop_lite.evaluation.results import chosen, groups, over_seeds
from workshop_lite.figures.style import LEGEND, LOOK, finished, lines_across, plain_log, tidy

#: Channels of a latent side by side.
ACROSS = 8
# Where a point's name stands: clear of a rising line, and of the names of the other lines.
ABOVE = {"xytext": (-5, 3), "textcoords": "offset points", "ha": "right"}
BELOW = {"xytext": (5, -11), "textcoords": "offset points", "ha": "left"}


def channels(z: Float[ArrayLike, "n h w c"], images: Float[ArrayLike, "n H W 3"]) -> Figure:
    """Each picture, and beside it the channels of its latent, on one scale of colours.

    Channels stand in rows of ``ACROSS`` at most, their numbers above the first. Raises ValueError
    for other pictures than one in colour for each latent.
    """
    z, images = (np.asarray(checks.images(*x)) for x in (("z", z), ("images", images)))
    if len(z) != len(images) or images.shape[3] != 3:
        raise ValueError(f"images must be one in colour for each latent, got {images.shape}")
    n, c, reach = len(z), z.shape[3], np.abs(z).max()
    deep, across = -(-c // ACROSS), min(c, ACROSS)
    tall = 0.6 + 6.4 * n * deep / (across + deep)
    figure = plt.figure(figsize=(6.4, tall), layout="compressed")
    grid, panels = figure.add_gridspec(n * deep, across + deep), []
    for i, (picture, latent) in enumerate(zip(pixels(images), z, strict=True)):
        places = [grid[i * deep : (i + 1) * deep, :deep]]
        places += [grid[i * deep + k // across, deep + k % across] for k in range(c)]
        row = [figure.add_subplot(place) for place in places]
        row[0].imshow(picture)
        for axes, channel in zip(row[1:], np.moveaxis(latent, 2, 0), strict=True):
            shown = axes.imshow(channel, cmap="RdBu_r", vmin=-reach, vmax=reach)
        panels += row
    for axes in panels:
        axes.set_axis_off()
    names = [", ".join(map(str, range(k, c, across))) for k in range(across)]
    for axes, name in zip(panels, ["picture", *names], strict=False):
        axes.set_title(name, fontsize=12 if deep == 1 else 9)
    figure.colorbar(shown, ax=panels, location="bottom", shrink=0.6, aspect=30)
    return finished(figure)


def curves(
    rows: list[dict],
    fields: Mapping[str, str],
    *,
    by: str,
    across: str,
    label: str,
    at: str | None = None,
    lines: Mapping[str, Mapping[str, float]] | None = None,
    log: str = "",
    named: bool = False,
) -> Figure:
    """A panel for each of ``fields``, titled; in it a line for each value of ``by``.

    Rows that share ``by`` and ``at``, or else ``across``, are one point: means of both numbers,
    and the standard deviation of the upright one. If ``named``, their common value stands beside
    the point in the first panel. ``lines`` are named lines across the panel of a field. The axes
    named in ``log``, x and y, are logarithmic.
    """
    names = list(dict.fromkeys(row[by] for row in rows))
    measured = sorted({row[across] for row in rows} if at is None else ())
    if len(names) > len(LOOK):
        raise ValueError(f"by must have at most {len(LOOK)} values in rows, got {len(names)}")
    figure, panels = plt.subplots(
        1, len(fields), figsize=(8.4, 3.7), layout="constrained", squeeze=False
    )
    for axes, (field, title) in zip(panels[0], fields.items(), strict=True):
        for name, (colour, style, mark) in zip(names, LOOK, strict=False):
            points = groups(chosen(rows, **{by: name}), at or across)
            x = [over_seeds(point, across).mean for point in points.values()]
            y = [over_seeds(point, field) for point in points.values()]
            look = {"color": colour, "linestyle": style, "marker": mark, "capsize": 2}
            means, stds = [s.mean for s in y], [s.std for s in y]
            axes.errorbar(x, means, stds, label=str(name), **look)
            told = points if named and axes is panels[0, 0] else ()
            for value, *point in zip(told, x, means, strict=False):
                axes.annotate(
                    f"{value:g}", point, color=colour, **ABOVE if name == names[0] else BELOW
                )
        if named:
            axes.margins(x=0.2)  # the first name stands left of its point
        lines_across(axes, (lines or {}).get(field, {}))
        for which in log:
            plain_log(axes, which, measured if which == "x" else ())
        axes.set_title(title, fontsize=12)
        axes.set_xlabel(label)
        tidy(axes)
    handles, texts = panels[0, 0].get_legend_handles_labels()
    columns = 2 if len(handles) == 4 else 3
    figure.legend(handles, texts, loc="outside upper center", ncols=columns, **LEGEND)
    return finished(figure)
