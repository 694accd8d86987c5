"""A slider through prepared pictures, which also moves in a built page, where no kernel is."""

import base64
from collections.abc import Sequence

import ipywidgets as ipw

from workshop_lite import checks

NEEDS_KERNEL = "<i>Needs a running kernel. Without one the controls move, and nothing follows.</i>"
WRAP = ipw.Layout(flex_flow="row wrap")


def scrubber(
    pictures: Sequence[bytes], alt: str, start: int = 0, description: str = "noise → data"
) -> ipw.Widget:
    """A Play button and a slider that choose among PNG pictures; needs no kernel.

    The browser does the linking, so the control also works in a page that was built from a
    notebook with saved widget state. ipywidgets 7 has no ``Stack``; there the kernel switches.
    """
    pngs = isinstance(pictures, tuple | list) and all(isinstance(p, bytes) for p in pictures)
    if not pngs or not pictures:
        raise ValueError(f"pictures must be a list of PNGs, got {checks.shown(pictures)}")
    for name, text in (("alt", alt), ("description", description)):
        if not isinstance(text, str):
            raise ValueError(f"{name} must be text, got {checks.shown(text)}")
    last = len(pictures) - 1
    checks.whole("start", start, 0)
    if start > last:
        raise ValueError(f"start must be at most {last}, the last picture, got {start}")
    play = ipw.Play(value=start, min=0, max=last, interval=200)
    slider = ipw.IntSlider(start, min=0, max=last, readout=False, description=description)
    slider.style.description_width = "initial"
    ipw.jslink((play, "value"), (slider, "value"))
    if hasattr(ipw, "Stack"):
        shown = ipw.Stack([picture(p, alt) for p in pictures], selected_index=start)
        ipw.jslink((slider, "value"), (shown, "selected_index"))
    else:
        shown = picture(pictures[start], alt)
        slider.observe(lambda change: show(shown, pictures[change["new"]], alt), "value")
    return ipw.VBox([ipw.HBox([play, slider], layout=WRAP), shown])


def picture(png: bytes, alt: str) -> ipw.HTML:
    """A PNG as a widget with alternative text, which ``ipywidgets.Image`` lacks."""
    html = ipw.HTML()
    show(html, png, alt)
    return html


def show(html: ipw.HTML, png: bytes, alt: str) -> None:
    """Put another PNG into a ``picture``."""
    source = "data:image/png;base64," + base64.b64encode(png).decode()
    html.value = f'<img src="{source}" alt="{alt}" style="max-width: 100%; height: auto">'
