"""The live demos where they belong: in the built book, and in JupyterLab."""

import json
import re
import runpy

import nbformat
import pytest
from test_book import HTML, needs_build, page
from test_browser import AUDIT, AXE, ROOT, SCREENS, STATE, browser, lab, site, visit  # noqa: F401

from workshop_lite import live
from workshop_lite.live.assets import files

LINE = "() => document.querySelector('.kit [role=status]')?.textContent.includes('steps in')"


@needs_build
def test_pages_with_a_demo_and_no_others_have_the_loader():
    placed = set()
    for path in HTML.rglob("*.html"):
        if "_static" in path.relative_to(HTML).parts:
            continue
        soup = page(path)
        demos = {tag["data-live"] for tag in soup.find_all(attrs={"data-live": True})}
        loaders = [tag for tag in soup.find_all("script", src=True) if "/loader.js" in tag["src"]]
        assert bool(demos) == bool(loaders) and all(tag.has_attr("defer") for tag in loaders)
        assert not soup.find("p", attrs={"data-live": True}), f"{path.name}: a marker is left"
        assert '"anywidget"' not in path.read_text(encoding="utf8"), path.name
        placed |= demos
    assert "ask" in placed and placed <= set(live.__all__)
    for name, path in files().items():
        copy = HTML / "_static" / "live" / name
        assert copy.stat().st_size == path.stat().st_size, f"{name}: build the book again"


def test_of_saved_widgets_a_page_forgets_the_demos_alone():
    forget = runpy.run_path(str(ROOT / "book" / "_ext" / "book_live.py"))["forget"]
    models = {"a": {"model_module": "anywidget"}, "b": {"model_module": "@jupyter-widgets/base"}}
    source = [json.dumps({"metadata": {"widgets": {STATE: {"state": models}}}})]
    forget(None, "", source)
    assert list(json.loads(source[0])["metadata"]["widgets"][STATE]["state"]) == ["b"]
    plain = ["# A page"]
    forget(None, "", plain)
    assert plain == ["# A page"]


@needs_build
def test_the_landing_page_draws_a_sneaker_when_asked(visit):  # noqa: F811
    tab = visit("book/index.html")
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    run = tab.get_by_role("button", name="Run it here: Ask for a sneaker")
    run.scroll_into_view_if_needed()
    tab.wait_for_timeout(200)
    assert not [url for url in asked if not url.endswith(".webp")]  # the picture is lazy
    run.click()
    tab.wait_for_function(LINE, timeout=60_000)
    assert tab.get_by_role("img", name="Sneaker from seed 0 at scale 2.").count() == 1
    width = tab.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]
    assert tab.evaluate(AUDIT) == []
    tab.evaluate(AXE)
    found = tab.evaluate("() => axe.run('.live', { resultTypes: ['violations'] })")["violations"]
    assert not [(rule["id"], rule["nodes"][0]["html"]) for rule in found]


@pytest.fixture
def notebook(browser, lab):  # noqa: F811
    """A function that runs one cell in JupyterLab."""
    address, folder = lab
    context = browser.new_context(**SCREENS["desktop"])
    context.route(
        re.compile("^https?://"),
        lambda route: route.continue_() if route.request.url.startswith(address) else route.abort(),
    )

    def run(cell):
        chapter = nbformat.read(folder / "01_classifier_free_guidance.ipynb", 4)
        chapter.cells = [nbformat.v4.new_code_cell(cell)]
        del chapter.metadata["widgets"]
        nbformat.write(chapter, folder / "demo.ipynb")
        tab = context.new_page()
        tab.goto(f"{address}/lab/tree/demo.ipynb")
        tab.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        tab.get_by_text("(ipykernel) | Idle").wait_for(timeout=60_000)  # not before it has a kernel
        tab.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        tab.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        return tab

    yield run
    context.close()


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("ask", "Sneaker from seed 0 at scale 2."),
        ("words", "a noto emoji of a cat face, from seed 0 at scale 2."),
    ],
)
def test_a_demo_runs_in_jupyterlab(notebook, name, drawn):
    tab = notebook(f"from workshop_lite import live\n\nlive.{name}()")
    tab.wait_for_function(LINE, timeout=120_000)
    assert tab.get_by_role("img", name=drawn).count() == 1
