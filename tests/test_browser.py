"""The built book and a live notebook in a real browser, with every other host out of reach.

Needs a Chromium or Chrome on the PATH, or its path in the variable ``CHROMIUM``. Where there is
none the tests are skipped, unless ``REQUIRE_BROWSER`` is set: then they fail.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parent.parent
HTML = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html"))
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
DOCS = [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"])]
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
QUIET += " --disable-sync --no-first-run"
CONTROLS = ".widget-slider, .widget-play, .widget-readout, .widget-inline-hbox:not(.widget-html)"
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing = "no Chromium on the PATH; install one, or put its path in CHROMIUM"
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip)(missing)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET.split())
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site():
    if not HTML.exists():
        pytest.skip("no built book: run `make book` first")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=HTML))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=SCREENS)
def visit(request, browser, site):
    """A function that opens a page; at the end, fails if anything on the way went wrong."""
    trouble = []
    context = browser.new_context(**SCREENS[request.param])

    def only_this_site(route):
        if route.request.url.startswith(site):
            route.continue_()
        else:
            trouble.append(f"outside request: {route.request.url}")
            route.abort()

    def note_failure(response):
        if response.status >= 400:
            trouble.append(f"{response.status}: {response.url}")

    def note_console(message):
        if message.type == "error":
            trouble.append(f"console: {message.text}")

    context.route(re.compile("^(http|ws)"), only_this_site)
    tab = context.new_page()
    tab.on("response", note_failure)
    tab.on("console", note_console)
    tab.on("pageerror", lambda error: trouble.append(f"script: {error}"))

    def open_page(path):
        tab.goto(f"{site}/{path}", wait_until="load")
        tab.wait_for_load_state("networkidle")
        return tab

    yield open_page
    context.close()
    assert not trouble


@pytest.mark.parametrize("doc", DOCS)
def test_page_opens_cleanly_and_fits(visit, doc):
    tab = visit(f"{doc}.html")
    formulas = tab.locator(".bd-article .math").count()
    if formulas:
        typeset = "n => document.querySelectorAll('.bd-article .math mjx-container').length >= n"
        tab.wait_for_function(typeset, arg=formulas)
        assert tab.locator("mjx-merror, [data-mjx-error]").count() == 0
    broken = "() => [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    assert tab.evaluate(broken) == []
    width = tab.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], "the page scrolls sideways"


@pytest.mark.parametrize("doc", DOCS)
def test_linked_controls_change_the_picture(visit, doc):
    """Every view with a link between widgets works without a kernel: something visible moves."""
    if VIEW not in (HTML / f"{doc}.html").read_text():
        return
    tab = visit(f"{doc}.html")
    tab.locator(".widget-subarea .jupyter-widgets").first.wait_for()
    state = json.loads(tab.locator(f'script[type="{STATE}"]').text_content())["state"]
    for script in tab.locator(f'script[type="{VIEW}"]').all():
        if not is_linked(state, json.loads(script.text_content())["model_id"]):
            continue
        area = script.locator("xpath=preceding-sibling::*[contains(@class, 'widget-subarea')]").last
        if not area.is_visible():  # folded away
            continue
        area.scroll_into_view_if_needed()
        handles, plays = area.locator(".noUi-handle").all(), area.locator(".widget-play").all()
        assert handles or plays, "linked widgets without a slider or a Play button"
        if handles:
            assert any(moves(tab, area, lambda h=h: nudge(h)) for h in handles), "no slider works"
        for play in plays:
            buttons = play.locator("button")
            assert moves(tab, area, buttons.first.click), "Play does not move the picture"


def test_another_schedule_shows_and_sounds_without_a_kernel(visit):
    tab = visit("notebooks/03_noise_schedules.html")
    choice = tab.locator(".widget-dropdown").filter(has_text="schedule").locator("select")
    area = choice.locator("xpath=ancestor::*[contains(@class, 'widget-subarea')]").last
    area.scroll_into_view_if_needed()
    assert area.locator("audio:visible").count() == 1
    assert moves(tab, area, lambda: choice.select_option("quadratic")), "nothing changed"
    assert "quadratic" in area.locator("audio:visible").get_attribute("aria-label")


def nudge(handle):
    """One step to the right, or to the left where the slider already stands at its end."""
    at_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    handle.focus()
    handle.press("ArrowLeft" if at_end else "ArrowRight")


def moves(tab, area, act) -> bool:
    """Whether the area looks different, controls aside, within two seconds of ``act``."""
    controls = [area.locator(CONTROLS)]
    tab.wait_for_timeout(200)
    before = area.screenshot(mask=controls)
    act()
    for _ in range(10):
        tab.wait_for_timeout(200)
        if area.screenshot(mask=controls) != before:
            return True
    return False


def is_linked(state: dict, root: str) -> bool:
    """Whether a jslink or jsdlink touches any model in the tree under ``root``."""
    tree, todo = set(), [root]
    while todo:
        model = todo.pop()
        if model not in tree and model in state:
            tree.add(model)
            todo += re.findall(r"IPY_MODEL_(\w+)", json.dumps(state[model]["state"]))
    links = [m["state"] for m in state.values() if m["model_name"] in LINKS]
    ends = {end[0].removeprefix("IPY_MODEL_") for m in links for end in (m["source"], m["target"])}
    return bool(tree & ends)


LINKS = ("LinkModel", "DirectionalLinkModel")


def test_search_finds_a_word_of_the_book(visit):
    tab = visit("search.html?q=guidance")
    tab.locator("#search-results li a").first.wait_for()


def test_the_front_door_leads_to_the_landing_page(visit):
    tab = visit("index.html")
    tab.wait_for_url("**/book/index.html")


@pytest.fixture
def lab(tmp_path):
    """The address of a JupyterLab on a copy of the notebooks, without a token; and the copy."""
    folder = shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = {f"JUPYTER_{what}_DIR": str(tmp_path / what) for what in ("CONFIG", "DATA", "RUNTIME")}
    options = [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--no-browser"]
    options += ["--IdentityProvider.token=", "--allow-root", f"--ServerApp.root_dir={folder}"]
    options += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    with (tmp_path / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env={**os.environ, **places, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
            stdout=log,
            stderr=log,
        )
    try:
        address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while not answers(f"{address}/api"):
            assert server.poll() is None and time.monotonic() < deadline, log_of(tmp_path)
            time.sleep(0.2)
        yield address, folder
    finally:
        server.send_signal(signal.SIGTERM)  # it ends its kernels first
        server.wait(60)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return response.status == 200
    except OSError:
        return False


def log_of(folder: Path) -> str:
    return (folder / "lab.log").read_text()[-2000:]


# A chapter, words of the cells that its panel needs, and how the picture's alt text begins.
PANELS = {
    "guidance": (
        "01_classifier_free_guidance",
        ("from flax", "checkpoints.load(", "guidance_explorer("),
        "Samples of class",
    ),
    "prompt": (
        "02a_text",
        ("from flax", "checkpoints.load(", "prompt_box("),
        "Samples of the prompt",
    ),
    "hint": (
        "02b_control",
        ("from flax", "checkpoints.load(", "lines = hints", "hint_editor("),
        "Samples of the prompt",
    ),
    "designer": (
        "03_noise_schedules",
        ("from itertools", "checkpoints.load(", "def add_noise", "trumpet =", "designer("),
        "The schedule in three drawings",
    ),
    "latents": (
        "04_latent_diffusion",
        ("from itertools", "checkpoints.load(", "latent_box("),
        "Previews",
    ),
}


@pytest.fixture
def live(browser, lab):
    """A function that opens a panel in JupyterLab: (tab, the picture, a wait for its change).

    Of the chapter only the cells that the panel needs are run: the imports, and the panel itself.
    """
    from playwright.sync_api import TimeoutError as Late

    address, folder = lab
    context = browser.new_context(**SCREENS["desktop"])
    context.route(
        re.compile("^https?://"),
        lambda route: route.continue_() if route.request.url.startswith(address) else route.abort(),
    )

    def run(alt, patience):
        tab = context.new_page()
        tab.set_default_timeout(patience)
        tab.goto(f"{address}/lab/tree/panel.ipynb")
        tab.locator(".jp-Notebook .jp-CodeCell").nth(1).wait_for()
        tab.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        tab.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^Run$")).click()
        tab.locator(".lm-Menu-itemLabel", has_text=re.compile("^Run All Cells$")).click()
        shown = tab.locator(f".jp-OutputArea-output img[alt^='{alt}']")
        shown.wait_for()
        return tab, shown

    def open_panel(name):
        file, needed, alt = PANELS[name]
        chapter = nbformat.read(folder / f"{file}.ipynb", 4)
        cells = [c.source for c in chapter.cells if c.cell_type == "code"]
        cells = [next(c for c in cells if word in c) for word in needed]
        panel = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(c) for c in cells],
            metadata={"kernelspec": chapter.metadata.kernelspec},
        )
        nbformat.write(panel, folder / "panel.ipynb")
        for _ in range(2):  # on a busy machine a kernel that has just started hears nothing
            with suppress(Late):
                return *run(alt, 60_000), alt
        return *run(alt, 240_000), alt

    yield open_panel
    context.close()


@contextmanager
def redrawn(tab, shown, alt):
    """What is done inside must lead to another picture."""
    before = shown.get_attribute("src")
    yield
    tab.wait_for_function(
        f"old => document.querySelector(\"img[alt^='{alt}']\").src != old", arg=before
    )
    assert shown.get_attribute("src").startswith("data:image/png;base64,")


@pytest.mark.parametrize(
    ("name", "label"), [("guidance", "scale"), ("designer", "λ(0.5)"), ("latents", "scale")]
)
def test_a_slider_redraws_in_jupyterlab(live, name, label):
    """In JupyterLab, one step of a panel's slider draws another picture."""
    tab, shown, alt = live(name)
    slider = tab.locator(".widget-slider").filter(has_text=re.compile("^" + re.escape(label)))
    handle = slider.locator(".noUi-handle")
    at = float(handle.get_attribute("aria-valuenow"))
    with redrawn(tab, shown, alt):
        handle.focus()
        handle.press("ArrowRight")
    assert float(handle.get_attribute("aria-valuenow")) > at


def test_a_prompt_redraws_and_an_unknown_word_does_not(live):
    """In JupyterLab, another prompt draws another picture; an unknown word leaves it there."""
    tab, shown, alt = live("prompt")
    prompt = tab.locator(".widget-text input").first
    with redrawn(tab, shown, alt):
        prompt.fill("a noto emoji of a red apple")
        prompt.press("Enter")
    drawn, place = shown.get_attribute("src"), shown.bounding_box()
    prompt.fill("a noto emoji of a quasar")
    prompt.press("Enter")
    tab.locator("p[role=alert]", has_text="got 'quasar'").wait_for()
    assert shown.get_attribute("src") == drawn and shown.bounding_box() == place


def test_a_line_drawn_by_hand_redraws(live):
    """In JupyterLab, a stroke over the hint draws another picture, and a preset another again."""
    tab, shown, alt = live("hint")
    squares = tab.locator("svg[aria-label^='The hint']")
    squares.scroll_into_view_if_needed()
    box, black = squares.bounding_box(), "rect[fill='#000']"
    before = squares.locator(black).count()
    with redrawn(tab, shown, alt):
        tab.mouse.move(box["x"] + 20, box["y"] + 20)
        tab.mouse.down()
        tab.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] - 20, steps=40)
        tab.mouse.up()
    assert squares.locator(black).count() > before
    with redrawn(tab, shown, alt):
        tab.locator(".widget-dropdown select").first.select_option("nothing")
    assert squares.locator(black).count() == 0
