"""What guidance makes of a mixture whose densities and denoisers are formulas."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from workshop_lite import checks
from workshop_lite.figures.fields import REACH, arrows, shade, square
from workshop_lite.figures.style import BLUE, COLOURS, GREY, INK, LEGEND, LOOK, finished, tidy
from workshop_lite.mixtures import Mixture
from workshop_lite.schedules import Schedule


def ends(
    data: Mixture,
    samples: Mapping[str, Float[ArrayLike, "n 2"]],
    *,
    across: int = 3,
    label: int = 0,
) -> Figure:
    """A panel for each entry, ``across`` to a row: samples over class ``label``, which is shaded.

    The other classes are outlined.
    """
    checks.whole("across", across)
    panels = _panels(-(-len(samples) // across), across)
    for axes in panels.flat[len(samples) :]:
        axes.set_visible(False)
    for axes, (name, points) in zip(panels.flat, samples.items(), strict=False):
        shade(axes, data, label)
        axes.scatter(*np.asarray(points).T, s=4, color=BLUE, alpha=0.5, linewidths=0)
        _bare(axes, name)
    return finished(panels.flat[0].figure)


def ways(
    data: Mixture,
    denoisers: Mapping[str, Callable],
    paths: Mapping[str, Float[ArrayLike, "steps n 2"]],
    schedule: Schedule,
    times: Sequence[float],
    *,
    label: int = 0,
) -> Figure:
    """A column for each denoiser: its arrows at these times, and the ways of its estimates.

    Arrows lead from a noisy point x_t / alpha towards its estimate, the ways from the first
    estimate to the last, a dot. ``paths`` are what a sampler returns.
    """
    if not denoisers or set(denoisers) != set(paths):
        raise ValueError(
            f"paths must have the names of denoisers, {list(denoisers)}, got {list(paths)}"
        )
    panels, start = _panels(len(times) + 1, len(denoisers)), square(11)
    for column, (name, denoise) in zip(panels.T, denoisers.items(), strict=True):
        for axes, t in zip(column, times, strict=False):
            shade(axes, data, label)
            move = arrows(denoise, schedule, start, t, label)
            axes.quiver(*start.T, *move.T, angles="xy", scale_units="xy", scale=1, width=0.009,
                        color=INK, alpha=0.8)  # fmt: skip
            _bare(axes, f"{name}, t = {t:g}")
        shade(column[-1], data, label)
        path = np.asarray(paths[name])
        column[-1].plot(*path.transpose(2, 0, 1), color=BLUE, linewidth=0.8, alpha=0.6)
        column[-1].plot(*path[-1].T, "o", color=BLUE, markersize=2.5)
        _bare(column[-1], f"{name}, the ways")
    return finished(panels.flat[0].figure)


def histograms(
    panels: Mapping[str, tuple[Mapping[str, ArrayLike], Mapping[str, ArrayLike]]],
    x: Float[ArrayLike, " n"],
) -> Figure:
    """A panel for each entry: histograms of samples as steps, densities at ``x`` as lines."""
    figure, row = plt.subplots(
        1, len(panels), figsize=(7.2, 3.4), layout="constrained", squeeze=False
    )
    ends_of_x = (float(np.min(x)), float(np.max(x)))
    for axes, (title, (samples, densities)) in zip(row.flat, panels.items(), strict=True):
        for (name, values), colour in zip(samples.items(), COLOURS, strict=False):
            options = {"bins": 80, "range": ends_of_x, "density": True, "histtype": "step"}
            axes.hist(np.ravel(values), **options, color=colour, linewidth=1.4, label=name)
        for (name, density), style in zip(densities.items(), ("-", "--", ":"), strict=False):
            axes.plot(x, density, style, color=INK, linewidth=1.6, label=name)
        axes.set(title=title, xlabel="$x$", yticks=[], xlim=ends_of_x)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        tidy(axes)
    figure.legend(
        *row[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4, **LEGEND
    )
    return finished(figure)


def costs(
    methods: Mapping[str, Mapping[float | int, tuple[float, float]]], across: str, up: str
) -> Figure:
    """A line for each method through its points (x, y), each with the scale that it is of.

    Methods that share a point and its scale share the number, too.
    """
    figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    for (name, points), (colour, line, mark) in zip(methods.items(), LOOK, strict=False):
        axes.plot(*zip(*points.values(), strict=True), mark, ls=line, color=colour, label=name)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.set(xlabel=across, ylabel=up)
    axes.legend(**LEGEND)
    tidy(axes)
    figure.draw_without_rendering()  # only now is it known where points lie
    _scales(axes, methods)
    return finished(figure)


def _scales(axes: Axes, methods: Mapping) -> None:
    """Beside each point its scale, on the side that is furthest from lines and other numbers."""
    lines = {n: axes.transData.transform([*points.values()]) for n, points in methods.items()}
    taken = np.concatenate([_along(line) for line in lines.values()])
    angle = np.arange(16) * np.pi / 8
    sides = np.stack([13 * np.cos(angle), 10 * np.sin(angle)], axis=1)  # a number is wide
    there = []
    for (name, line), (colour, *_) in zip(lines.items(), LOOK, strict=False):
        for here, (scale, at) in zip(line, methods[name].items(), strict=True):
            if any(scale == s and np.allclose(here, p, atol=2) for s, p in there):
                continue
            there.append((scale, here))
            places = here + sides * axes.figure.dpi / 72
            best = np.linalg.norm(places[:, None] - taken, axis=2).min(axis=1).argmax()
            taken = np.concatenate([taken, places[best] + [[-7, 0], [0, 0], [7, 0]]])
            text = {"textcoords": "offset points", "ha": "center", "va": "center"}
            axes.annotate(f"{scale:g}", at, sides[best], color=colour, **text)


def _along(line: np.ndarray) -> np.ndarray:
    """The corners of a line, and points between them."""
    between = [np.linspace(a, b, 15) for a, b in pairwise(line)]
    return np.concatenate([line, *between])


def _panels(rows: int, columns: int) -> np.ndarray:
    """Square panels, three to the width of a page."""
    size = (2.3 * columns, 2.45 * rows)
    return plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)[1]


def _bare(axes: Axes, title: str) -> None:
    axes.set_title(title, fontsize=11)
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_color("#bbbbbb")
