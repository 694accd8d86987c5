"""A slider through prepared pictures, which also moves in a built page, where no kernel is."""

import base64
import html
from collections.abc import Sequence

import ipywidgets as ipw

from workshop_lite import checks

NEEDS_KERNEL = "<i>Needs a running kernel: open this page in JupyterLab or on Colab.</i>"
WRAP = ipw.Layout(flex_flow="row wrap")


def scrubber(
    pictures: Sequence[bytes], alt: str, stops: Sequence[str], description: str, start: int = 0
) -> ipw.Widget:
    """A Play button and a slider that choose among PNG pictures; needs no kernel.

    ``stops`` says where each picture stands, evenly apart. The slider shows it, and it ends the
    picture's alternative text, after ``alt`` and ``description``. The browser does the linking, so
    the control also works in a page that was built from a notebook with saved widget state.
    ipywidgets 7 has no ``Stack``; there the kernel switches.
    """
    pngs = isinstance(pictures, tuple | list) and all(isinstance(p, bytes) for p in pictures)
    if not pngs or not pictures:
        raise ValueError(f"pictures must be a list of PNGs, got {checks.shown(pictures)}")
    for name, text in (("alt", alt), ("description", description)):
        if not isinstance(text, str):
            raise ValueError(f"{name} must be text, got {checks.shown(text)}")
    words = isinstance(stops, tuple | list) and all(isinstance(stop, str) for stop in stops)
    if not words or len(stops) != len(pictures):
        raise ValueError(
            f"stops must be {len(pictures)} texts, one a picture, got {checks.shown(stops)}"
        )
    last = len(pictures) - 1
    checks.whole("start", start, 0)
    if start > last:
        raise ValueError(f"start must be at most {last}, the last picture, got {start}")
    play = ipw.Play(value=start, min=0, max=last, interval=200)
    options = [(stop, i) for i, stop in enumerate(stops)]
    slider = ipw.SelectionSlider(options=options, index=start, description=description)
    slider.style.description_width = "initial"
    ipw.jslink((play, "value"), (slider, "index"))
    alts = [f"{alt} {description}: {stop}." for stop in stops]
    if hasattr(ipw, "Stack"):
        shown = ipw.Stack(list(map(picture, pictures, alts)), selected_index=start)
        ipw.jslink((slider, "index"), (shown, "selected_index"))
    else:
        shown = picture(pictures[start], alts[start])
        slider.observe(
            lambda change: show(shown, pictures[change["new"]], alts[change["new"]]), "index"
        )
    return ipw.VBox([ipw.HBox([play, slider], layout=WRAP), shown])


def picture(png: bytes, alt: str) -> ipw.HTML:
    """A PNG as a widget with alternative text, which ``ipywidgets.Image`` lacks."""
    widget = ipw.HTML()
    show(widget, png, alt)
    return widget


def show(widget: ipw.HTML, png: bytes, alt: str) -> None:
    """Put another PNG into a ``picture``."""
    source = "data:image/png;base64," + base64.b64encode(png).decode()
    words = html.escape(alt)
    widget.value = f'<img src="{source}" alt="{words}" style="max-width: 100%; height: auto">'
