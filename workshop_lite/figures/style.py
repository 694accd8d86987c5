"""Colours and finish that all figures share."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#a8508a"  # safe for colour-blind
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
INK, GREY = "#333333", "#777777"
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
LOOK = tuple(zip((*COLOURS, INK), LINES, "os^Dv", strict=True))  # colour, line, mark
# A schedule has the same look in every figure and panel: `cosine` is blue throughout.
SCHEDULES = dict(zip(("cosine", "linear", "sigmoid", "quadratic"), LOOK, strict=False))
SCHEDULES |= {"shifted cleaner": ("#8c510a", LINES[4], "v")}
SCHEDULES |= {"shifted noisier": ("#5c6b00", "-", "P"), "zero terminal SNR": (INK, LINES[2], "^")}
MOST = 7  # ticks of an axis whose names do not touch, three panels to a row
LEGEND = {"frameon": False, "fontsize": 11, "handlelength": 2.2, "columnspacing": 1.2}

if get_ipython():  # two pixels for one of the page, for fine screens
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("retina")


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


def plain_log(axes: Axes, which: str, ticks: Sequence[float | int] = ()) -> None:
    """A logarithmic axis with these ticks, or 1, 2, 5, 10 and so on, or the powers of ten.

    The first choice that has any, and at most ``MOST``, is taken; the latter two end with the data.
    """
    axis, (low, high) = getattr(axes, f"{which}axis"), getattr(axes.dataLim, f"interval{which}")
    getattr(axes, f"set_{which}scale")("log")
    fine = [d * 10**k for k in range(-4, 7) for d in (1, 2, 5)]
    fine, tens = ([t for t in c if low / 1.3 <= t <= high * 1.3] for c in (fine, fine[::3]))
    ticks = next((c for c in (ticks, fine) if 0 < len(c) <= MOST), tens)
    axis.set_ticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_minor_locator(NullLocator())


def lines_across(axes: Axes, values: Mapping[str, float]) -> None:
    """A named grey line across for each of these values."""
    for name, value in values.items():
        axes.axhline(value, color=GREY, linestyle="--")
        at = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "bottom"}
        axes.text(0.98, value, name, color=GREY, **at)
