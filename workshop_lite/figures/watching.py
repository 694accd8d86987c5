"""Figures of a model in training."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from workshop_lite import checks
from workshop_lite.evaluation.results import spread
from workshop_lite.figures.style import LEGEND, LOOK, errors, finished, plain_log, tidy

WORDS = {"frechet": "Fréchet distance"}


def watched(rows: list[dict]) -> Figure:
    """Losses and scores against the step, as ``watching.Watch`` has them in its rows.

    What is called "accuracy at 2" is a line, "2", of the panel "accuracy"; both losses share one.
    Where rows differ in ``seed``, the lines are means, with their standard deviation as bars.
    """
    listed = isinstance(rows, list) and all(isinstance(r, dict) and "step" in r for r in rows)
    if not listed or not rows:
        raise ValueError(f"rows must be those of a Watch, at least one, got {checks.shown(rows)}")
    panels = {}
    for name in rows[-1]:
        if name not in ("step", "seed"):
            panel, _, scale = name.partition(" at ")
            panel = "loss" if panel.endswith("loss") else panel
            label = f"scale {scale}" if scale else name
            panels.setdefault(panel, []).append((name, label))
    figure, axes = plt.subplots(
        1, len(panels), figsize=(2.8 * len(panels), 3.3), layout="constrained", squeeze=False
    )
    for each, (panel, names) in zip(axes.flat, panels.items(), strict=True):
        for (name, label), (colour, line, mark) in zip(names, LOOK, strict=False):
            known = [row for row in rows if name in row]
            errors(each, spread(known, "step", name), colour, mark, label, line)
        if len({row["step"] for row in rows}) > 1:
            plain_log(each, "x")
        if panel != "accuracy" and all(row[name] > 0 for row in rows for name, _ in names):
            plain_log(each, "y")
        each.set(xlabel="step")
        each.set_title(WORDS.get(panel, panel), fontsize=12)
        each.tick_params(axis="x", labelrotation=45)
        if len(names) > 1:
            each.legend(**LEGEND)
        tidy(each)
    return finished(figure)
