"""A training run as it goes on: its curves and its latest pictures."""

import html
import io

import ipywidgets as ipw

from workshop_lite import checks
from workshop_lite.figures.watching import watched
from workshop_lite.runs.watching import Watch
from workshop_lite.widgets.flipbook import WRAP, show
from workshop_lite.widgets.toy import png


def board(watch: Watch) -> ipw.Widget:
    """What a watch has seen, drawn anew after each of its rows.

    Show it in one cell and train in the next, or show it with ``IPython.display.display`` first.
    """
    if not isinstance(watch, Watch):
        raise ValueError(f"watch must be a Watch, got {checks.shown(watch)}")
    curves, pictures, line = ipw.HTML(), ipw.HTML(), ipw.HTML("<i>Nothing has been seen yet.</i>")

    def draw(watch: Watch) -> None:
        if not watch.rows:
            return
        last = watch.rows[-1]
        told = ", ".join(f"{name} {value:g}" for name, value in last.items())
        line.value = html.escape(told)
        show(curves, png(watched(watch.rows)), f"Curves of losses and scores; at the end {told}.")
        if watch.shown is not None:
            file = io.BytesIO()
            watch.shown.save(file, "PNG")
            show(pictures, file.getvalue(), f"Samples after {last['step']} steps.")

    watch.then = draw
    draw(watch)
    return ipw.VBox([line, ipw.HBox([curves, pictures], layout=WRAP)])
