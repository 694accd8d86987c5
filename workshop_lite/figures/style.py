"""Colours and finish that all figures share."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#a8508a"  # safe for colour-blind
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
INK, GREY = "#333333", "#777777"
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
