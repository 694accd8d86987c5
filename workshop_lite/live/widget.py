"""A demo in JupyterLab and Colab: the same file as in the page, handed over by the kernel."""

import anywidget
import ipywidgets as ipw
import traitlets

from workshop_lite.live.assets import STATIC, files


class Widget(anywidget.AnyWidget):
    """Asks for its demo, and for all that the demo asks for, by name."""

    _esm = STATIC / "widget.js"
    _css = STATIC / "live.css"
    demo, bundle = traitlets.Unicode().tag(sync=True), traitlets.Unicode().tag(sync=True)


def widget(name: str, bundle: str = "demos") -> Widget:
    """The widget of a demo, and the file that has its code.

    A file travels as the value of a widget of its own, which is closed once it has arrived. As a
    message it would be lost: a Jupyter server drops messages beyond a megabyte a second, but never
    the one that opens a widget.
    """
    shown, held = Widget(demo=name, bundle=bundle), {}

    def hand_over(_, asked: dict, __) -> None:
        if path := files().get(asked.get("wanted")):
            file = ipw.Image(value=path.read_bytes(), format="")
            held[file.model_id] = file
            shown.send({"name": path.name, "id": file.model_id})
        elif file := held.pop(asked.get("received"), None):
            file.close()

    shown.on_msg(hand_over)
    return shown
