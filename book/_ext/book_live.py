"""Places the demos of ``workshop_lite.live`` in the pages, and their files beside them.

In Markdown a demo is ``{live} NAME``; a notebook's cell leaves a marker in its output. Both become
a picture with a sentence, which ``loader.js`` turns into a demo where it can.
"""

import json
import re
import shutil
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from workshop_lite import live
from workshop_lite.live.assets import files

MARKER = re.compile(r'<p data-live="(\w+)">')
FOLDER = "live"


class Live(SphinxDirective):
    """``{live} NAME`` with the name of a function of ``workshop_lite.live``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        name = self.arguments[0]
        if name not in live.__all__:
            raise self.error(f"live must name a function of workshop_lite.live, got {name!r}")
        return [nodes.raw("", getattr(live, name)().marker(), format="html")]


def forget(app, docname: str, source: list[str]) -> None:
    """In a page a demo is no widget: its saved state would ask another host for anywidget."""
    if '"anywidget"' in source[0]:
        notebook = json.loads(source[0])
        for saved in notebook["metadata"]["widgets"].values():
            models = saved["state"].items()
            saved["state"] = {i: m for i, m in models if m["model_module"] != "anywidget"}
        source[0] = json.dumps(notebook)


def place(app, doctree: nodes.document, docname: str) -> None:
    """Put each demo's picture and sentence where its marker stands."""
    if app.builder.format != "html":
        return
    static = "../" * docname.count("/") + f"_static/{FOLDER}"
    for node in list(doctree.findall(nodes.raw)):
        if found := MARKER.search(node.astext()):
            demo = getattr(live, found[1])()
            node.replace_self(nodes.raw("", demo.html(static), format="html"))


def add_loader(app, pagename, templatename, context, doctree) -> None:
    """Only pages with a demo have the loader."""
    if 'class="live"' in context.get("body", ""):
        app.add_css_file(f"{FOLDER}/live.css")
        app.add_js_file(f"{FOLDER}/loader.js", loading_method="defer")


def copy(app) -> None:
    """Everything a demo may ask for, into the built book."""
    if app.builder.format == "html":
        folder = app.outdir / "_static" / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in files().items():
            shutil.copyfile(path, folder / name)


def setup(app) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("live", Live)
    app.connect("builder-inited", copy)
    app.connect("source-read", forget)
    app.connect("doctree-resolved", place)
    app.connect("html-page-context", add_loader)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
