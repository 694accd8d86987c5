"""Colours and finish that all figures share."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#a8508a"  # safe for colour-blind
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
INK, GREY = "#333333", "#777777"
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
LOOK = tuple(zip((*COLOURS, INK), LINES, "os^Dv", strict=True))  # colour, line, mark
LEGEND = {"frameon": False, "fontsize": 11, "handlelength": 2.2, "columnspacing": 1.2}


def tidy(axes: Axes) -> None:
    """A pale grid, and no frame above and on the right."""
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def finished(figure: Figure) -> Figure:
    """Text large enough for a phone; closed, so that the cell shows it once."""
    for axes in figure.axes:
        axes.tick_params(labelsize=11)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_fontsize(12)
    plt.close(figure)
    return figure


def errors(axes: Axes, found: dict, colour: str, mark: str, label: str, line: str = "-") -> None:
    """Means as a line, standard deviations as bars; ``found`` is what ``results.spread`` gives."""
    means, stds = ([getattr(s, part) for s in found.values()] for part in ("mean", "std"))
    axes.errorbar(list(found), means, stds, fmt=mark + line, color=colour, label=label, capsize=2)


def plain_log(axes: Axes, which: str) -> None:
    """A logarithmic axis whose ticks read 1, 2, 5, 10 and so on, as far as its data go."""
    axis, low_high = getattr(axes, f"{which}axis"), getattr(axes.dataLim, f"interval{which}")
    getattr(axes, f"set_{which}scale")("log")
    ticks = [d * 10**k for k in range(-4, 5) for d in (1, 2, 5)]
    ticks = [t for t in ticks if low_high[0] / 1.3 <= t <= low_high[1] * 1.3]
    axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_minor_locator(NullLocator())


def lines_across(axes: Axes, values: Mapping[str, float]) -> None:
    """A named grey line across for each of these values."""
    for name, value in values.items():
        axes.axhline(value, color=GREY, linestyle="--")
        at = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
        axes.text(0.98, value, name, color=GREY, **at)
