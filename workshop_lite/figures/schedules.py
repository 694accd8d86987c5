"""Figures of noise schedules: curves, spectra, and what was measured under each."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import ArrayLike, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from workshop_lite import checks
from workshop_lite.evaluation.results import chosen, groups, over_seeds, spread
from workshop_lite.figures.images import mosaic
from workshop_lite.figures.style import (
    GREY,
    INK,
    LEGEND,
    LOOK,
    SCHEDULES,
    finished,
    plain_log,
    tidy,
)
from workshop_lite.schedules import Schedule, log_snr

TIMES = np.linspace(0, 1, 401, dtype=np.float32)[1:-1]
CURVES = {"beta": r"rate of noise $\beta$", "alpha_bar": r"$\bar\alpha = \alpha^2$"}
CURVES |= {"level": r"$\alpha$ falls, $\sigma$ rises", "log_snr": r"log-SNR $\lambda$"}


def linked(schedules: Mapping[str, Schedule]) -> Figure:
    """Four drawings of each schedule; a dot where signal and noise are equal, in all four."""
    figure, panels = plt.subplots(2, 2, figsize=(8.4, 6.4), layout="constrained", sharex=True)
    for axes, (part, title) in zip(panels.flat, CURVES.items(), strict=True):
        for (name, schedule), (colour, style, _) in _looked(schedules):
            _curve(axes, schedule, part, color=colour, linestyle=style, label=name)
            even = np.interp(0, -log_snr(schedule, TIMES), TIMES)
            dot = {"color": colour, "markersize": 7, "zorder": 3}
            axes.plot(even, np.interp(even, TIMES, _drawn(schedule, part)[0]), "o", **dot)
        axes.set_title(title, fontsize=12)
        tidy(axes)
    for axes in panels[1]:
        axes.set(xlabel="time $t$", xticks=[0, 0.25, 0.5, 0.75, 1])
    handles = panels[0, 0].lines[::2]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(schedules), **LEGEND)
    return finished(figure)


def card(
    schedule: Schedule,
    dots: Mapping[float, float],
    pictures: Mapping[str, Float[ArrayLike, "_ _ _ _"]],
    name: str = "",
) -> Figure:
    """One schedule in three drawings, ``dots`` on its log-SNR, and under them named pictures.

    Several pictures under one name stand in a square. A schedule whose ``name`` the book's figures
    know has its colour from there.
    """
    colour = SCHEDULES[name][0] if name in SCHEDULES else INK
    figure = plt.figure(figsize=(6.0, 4.1), layout="constrained", dpi=100)
    top, bottom = figure.subfigures(2, 1, height_ratios=(1, 1.15))
    for axes, part in zip(top.subplots(1, 3), ("beta", "level", "log_snr"), strict=True):
        _curve(axes, schedule, part, color=colour)
        axes.set_title(CURVES[part], fontsize=11)
        axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        tidy(axes)
    ring = {"color": colour, "markerfacecolor": "white", "markeredgewidth": 2, "zorder": 3}
    axes.plot(list(dots), list(dots.values()), "o", markersize=8, **ring)
    for axes, (title, images) in zip(
        np.ravel(bottom.subplots(1, len(pictures))), pictures.items(), strict=True
    ):
        images = checks.images("pictures", images)
        ink = -images if images.shape[3] == 1 else images
        sheet = mosaic(ink, int(np.ceil(len(images) ** 0.5)))
        axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(title, fontsize=11)
        axes.axis("off")
    plt.close(figure)
    return figure


def pairs(
    left: Float[ArrayLike, "n h w 1"], right: Float[ArrayLike, "n h w 1"], names: Sequence[str]
) -> Figure:
    """Two pictures side by side under each name, seven names to a row."""
    both = np.stack([checks.images("left", left), checks.images("right", right)], axis=1)
    figure, found = plt.subplots(-(-len(names) // 7), 7, figsize=(8.4, 2.6), layout="constrained")
    for axes, pair, name in zip(found.flat, both, names, strict=False):
        sheet = mosaic(-pair, 2, gap=2)
        axes.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axes.set_title(name.replace(" ", "\n"), fontsize=10)
    for axes in found.flat:
        axes.axis("off")
    plt.close(figure)
    return figure


def panels(
    curves: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]],
    xlabel: str | Sequence[str],
    logs: str = "",
    *,
    rules: Mapping[str, float] | None = None,
    ylim: tuple[float, float] | None = None,
) -> Figure:
    """One panel for each entry, and in it a line for each pair (x, y).

    ``logs`` names the logarithmic axes; ``rules`` are horizontal lines with a name.
    """
    n = len(curves)
    figure, found = plt.subplots(
        1, n, figsize=(8.4 if n > 1 else 6.4, 3.7), layout="constrained", squeeze=False
    )
    labels = [xlabel] * n if isinstance(xlabel, str) else xlabel
    for axes, (title, lines), label in zip(found[0], curves.items(), labels, strict=True):
        for (name, (x, y)), (colour, style, mark) in _looked(lines):
            mark = mark if len(np.ravel(x)) < 16 else None
            axes.plot(x, y, linestyle=style, marker=mark, color=colour, linewidth=2, label=name)
        for name, height in (rules or {}).items():
            axes.axhline(height, color=GREY, linewidth=1)
            axes.annotate(
                name, (1, height), (4, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="center", color=GREY, fontsize=10,
            )  # fmt: skip
        axes.set_title(title, fontsize=12)
        axes.set_xlabel(label)
        if "x" in logs:
            plain_log(axes, "x")
        if "y" in logs:
            axes.set_yscale("log")
        if ylim:
            axes.set_ylim(ylim)
        axes.legend(**LEGEND)
        tidy(axes)
    return finished(figure)


def grid_scores(rows: list[dict], field: str, title: str) -> Figure:
    """One panel for each data set: a point for each run, a bar for each schedule's mean.

    The rows of schedule "real" become a line.
    """
    data = groups(rows, "data")
    figure, found = plt.subplots(1, len(data), figsize=(8.4, 3.6), layout="constrained")
    for axes, (name, runs) in zip(np.ravel(found), data.items(), strict=True):
        trained = [row for row in runs if row["schedule"] != "real"]
        order = dict.fromkeys(row["schedule"] for row in trained)
        means = spread(trained, "schedule", field)
        for i, ((schedule, _), (colour, _, mark)) in enumerate(_looked(order)):
            scores = [row[field] for row in chosen(trained, schedule=schedule)]
            axes.plot([i] * len(scores), scores, mark, color=colour, alpha=0.6)
            axes.hlines(means[schedule].mean, i - 0.3, i + 0.3, color=colour, linewidth=2.5)
        real = spread(runs, "schedule", field).get("real")
        if real:
            axes.axhline(real.mean, color=GREY, linestyle="--", label="real")
            axes.legend(**LEGEND)
        axes.set_xticks(range(len(order)), order, rotation=30, ha="right")
        axes.set_title(f"{name}: {title}", fontsize=12)
        tidy(axes)
    return finished(figure)


def sampler_curves(rows: list[dict], field: str = "frechet", title: str = "") -> Figure:
    """Panels for each data set: ``field`` against evaluations and against seconds, both log.

    The rows of sampler "real" become a line.
    """
    data = groups(rows, "data")
    figure, found = plt.subplots(
        len(data), 2, figsize=(8.4, 3.3 * len(data)), layout="constrained", squeeze=False,
        sharey="row",
    )  # fmt: skip
    names = sorted({row["sampler"] for row in rows} - {"real"})
    for line, (name, runs) in zip(found, data.items(), strict=True):
        real = chosen(runs, sampler="real")
        for axes, across in zip(line, ("evaluations", "seconds"), strict=True):
            for sampler, (colour, style, mark) in zip(names, LOOK, strict=False):
                mine = chosen(runs, sampler=sampler)
                y = spread(mine, "evaluations", field)
                x = [s.mean for s in spread(mine, "evaluations", across).values()]
                means, stds = ([getattr(s, p) for s in y.values()] for p in ("mean", "std"))
                look = {"color": colour, "linestyle": style, "marker": mark, "capsize": 2}
                axes.errorbar(x, means, stds, label=sampler, **look)
            if real:
                axes.axhline(over_seeds(real, field).mean, color=GREY, label="real")
            axes.set_title(f"{name}: {title}", fontsize=12)
            axes.set_xlabel(across)
            plain_log(axes, "x")
            plain_log(axes, "y")
            tidy(axes)
    handles, labels = found[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(handles), **LEGEND)
    return finished(figure)


def _looked(named: Mapping[str, object]) -> list[tuple[tuple, tuple]]:
    """The items of ``named``, each with its look: a schedule's own, or the next of ``LOOK``."""
    others = cycle(LOOK)
    return [(item, SCHEDULES.get(item[0]) or next(others)) for item in named.items()]


def _drawn(schedule: Schedule, part: str) -> list[ArrayLike]:
    """The curves over ``TIMES`` that belong into one drawing of a schedule."""
    alpha, sigma = schedule(TIMES)
    if part == "beta":  # -d log(alpha^2) / dt
        decay = jax.vmap(jax.grad(lambda t: -2 * jnp.log(schedule(t).alpha)))
        return [decay(jnp.asarray(TIMES))]
    return {
        "alpha_bar": [alpha**2],
        "level": [alpha, sigma],
        "log_snr": [log_snr(schedule, TIMES)],
    }[part]


def _curve(axes: Axes, schedule: Schedule, part: str, label: str | None = None, **look) -> None:
    for curve in _drawn(schedule, part):
        axes.plot(TIMES, curve, linewidth=2, label=label, **look)
    limits = {"beta": (0, 26), "log_snr": (-12.5, 12.5)}
    axes.set_ylim(limits.get(part, (-0.03, 1.03)))
    axes.set_xlim(-0.02, 1.02)
