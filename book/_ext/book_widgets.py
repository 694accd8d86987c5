"""Takes the saved widgets out of the pages, and leaves the picture that each shows first.

With its pictures a chapter's saved state is most of the page, and its viewer is 3.5 MB more. Both
are loaded by ``widgets.js`` when the first widget comes near. Until then, and wherever they cannot
be, the picture stands there with a sentence. Controls that only a kernel could answer are off.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STATE = re.compile(
    r'\s*<script type="application/vnd\.jupyter\.widget-state\+json">(.*?)</script>', re.DOTALL
)
VIEW = re.compile(
    r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>', re.DOTALL
)
MEDIA = re.compile(r"<img [^>]*>|<audio [^>]*></audio>")
LINKS = {"LinkModel", "DirectionalLinkModel"}
FOLDER = "_static/state"
# As a script, not as JSON: a page opened as a file may not fetch, but may load scripts.
LOADED = """document.body.append(Object.assign(document.createElement('script'), {{
  type: 'application/vnd.jupyter.widget-state+json', text: JSON.stringify({state}) }}));
"""
SENTENCE = '<p class="asleep">Its controls need JavaScript; this is what they show first.</p>'


def apart(page: str, path: Path, root: Path) -> str:
    """The page without the state of its widgets, which goes into a file beside it."""
    found = STATE.search(page)
    if not found:
        return page
    saved = json.loads(found[1])
    models = saved["state"]
    linked = {end for model in models.values() for end in _ends(model)}
    for view in VIEW.finditer(page):
        tree = list(_tree(models, json.loads(view[1])["model_id"]))
        if not linked & set(tree):
            for state in (models[name]["state"] for name in tree):
                state |= {"disabled": True} if "disabled" in state else {}
    file = root / FOLDER / f"{path.stem}.js"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(LOADED.format(state=json.dumps(saved)), encoding="utf8")
    page = VIEW.sub(lambda view: _still(models, json.loads(view[1])["model_id"]) + view[0], page)
    up = "../" * (len(path.relative_to(root).parts) - 1)
    loader = f'<script src="{up}_static/widgets.js" data-state="{file.name}"></script>'
    return STATE.sub("", page).replace("</head>", f"{loader}\n</head>", 1)


def _ends(model: dict) -> list[str]:
    """The widgets that a link ties together."""
    if model["model_name"] not in LINKS:
        return []
    return [_name(model["state"][end][0]) for end in ("source", "target")]


def _name(reference: str) -> str:
    return reference.removeprefix("IPY_MODEL_")


def _tree(models: dict, name: str) -> Iterator[str]:
    """A widget and all within it."""
    yield name
    for child in models[name]["state"].get("children", []):
        yield from _tree(models, _name(child))


def _shown(models: dict, name: str) -> str:
    """The HTML of a widget and of those within it that are in sight."""
    state = models[name]["state"]
    children = state.get("children", [])
    if models[name]["model_name"] == "StackModel":
        children = children[state["selected_index"] :][:1]
    own = str(state["value"]) if models[name]["model_name"] == "HTMLModel" else ""
    return own + "".join(_shown(models, _name(child)) for child in children)


def _still(models: dict, name: str) -> str:
    """The pictures and sounds that a widget shows first."""
    return f'<div class="still">{"".join(MEDIA.findall(_shown(models, name)))}{SENTENCE}</div>\n'


def finish(app, exception) -> None:
    """Go over every page, before ``book_pages`` does."""
    if exception or app.builder.format != "html":
        return
    root = Path(app.outdir)
    for docname in app.env.found_docs:
        path = root / f"{docname}.html"
        page = path.read_text(encoding="utf8")
        if (light := apart(page, path, root)) != page:
            path.write_text(light, encoding="utf8")


def setup(app) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("build-finished", finish, priority=500)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
