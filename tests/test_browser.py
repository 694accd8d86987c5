"""The built book and a live notebook in a real browser, with every other host out of reach.

Needs a Chromium or Chrome on the PATH, or its path in the variable ``CHROMIUM``. Where there is
none the tests are skipped, unless ``REQUIRE_BROWSER`` is set: then they fail.
"""

import gzip
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
from functools import cache, partial
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
AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf8")
AXE = (Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js").read_text(encoding="utf8")
BAD = ("critical", "serious")
PARTS = "{ exclude: ['mjx-container'] }"  # thousands of elements, which the audit looks after
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


class Host(SimpleHTTPRequestHandler):
    """Serves a folder as hosts do: words compressed, pictures as they are."""

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in (".html", ".js", ".css") or not path.is_file():
            return super().do_GET()
        content = compressed(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with suppress(ConnectionError):  # a page that was left
            self.wfile.write(content)


@cache
def compressed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 5)


@pytest.fixture(scope="module")
def site():
    if not HTML.exists():
        pytest.skip("no built book: run `make book` first")

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Host, directory=HTML))
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
def test_page_works_and_can_be_read(visit, doc):
    """One visit a screen: it opens cleanly, its controls work, nothing is cut or unnamed."""
    tab = visit(f"{doc}.html")
    formulas = tab.locator(".bd-article .math").count()
    if formulas:
        typeset = "n => document.querySelectorAll('.bd-article .math mjx-container').length >= n"
        tab.wait_for_function(typeset, arg=formulas)
        assert tab.locator("mjx-merror, [data-mjx-error]").count() == 0
    if tab.locator(f'script[type="{VIEW}"]').count():
        controls_work(tab)
    broken = "() => [...document.images].filter(i => i.complete && !i.naturalWidth).map(i => i.src)"
    assert tab.evaluate(broken) == []
    width = tab.evaluate("() => [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1], "the page scrolls sideways"
    assert tab.evaluate(AUDIT) == []
    tab.evaluate(AXE)
    found = tab.evaluate(f"() => axe.run({PARTS}, {{ resultTypes: ['violations'] }})")["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in BAD] == []
    if tab.evaluate("document.documentElement.dataset.theme") == "dark":
        put_on_paper(tab)
        assert tab.evaluate(AUDIT) == []


def put_on_paper(tab):
    """The page as it is printed, on A4 with margins of 1 cm."""
    tab.set_viewport_size({"width": 718, "height": 1000})
    tab.emulate_media(media="print")
    ready = "document.documentElement.dataset.theme === 'light'"
    ready += " && !document.querySelector('article details:not([open])')"
    tab.wait_for_function(f"() => {ready}")


def controls_work(tab):
    """Every view with a link between widgets works without a kernel: something visible moves."""
    views = tab.locator(f'script[type="{VIEW}"]').all()
    views[0].locator("xpath=..").scroll_into_view_if_needed()
    tab.locator(".widget-subarea .jupyter-widgets").first.wait_for()
    state = json.loads(tab.locator(f'script[type="{STATE}"]').text_content())["state"]
    for script in views:
        area = script.locator("xpath=preceding-sibling::*[contains(@class, 'widget-subarea')]").last
        if not area.is_visible():  # folded away
            continue
        handles, plays = area.locator(".noUi-handle").all(), area.locator(".widget-play").all()
        if not is_linked(state, json.loads(script.text_content())["model_id"]):
            assert "Needs a running kernel" in area.inner_text()
            assert area.locator("input:enabled, select:enabled, button:enabled").count() == 0
            continue
        area.scroll_into_view_if_needed()
        assert handles or plays, "linked widgets without a slider or a Play button"
        if handles:
            assert any(moves(tab, area, lambda h=h: nudge(h)) for h in handles), "no slider works"
        for handle in handles:
            stop = handle.get_attribute("aria-valuetext")
            assert handle.get_attribute("aria-label") and stop in area.inner_text()
            assert stop in area.locator("img:visible").first.get_attribute("alt")
        for play in plays:
            buttons = play.locator("button")
            assert moves(tab, area, buttons.first.click), "Play does not move the picture"
            assert play.locator("i, svg").count() == 3, "one icon a button"
            buttons.nth(1).click()  # stopped, so that nothing moves any more


def test_another_schedule_shows_and_sounds_without_a_kernel(visit):
    tab = visit("notebooks/03_noise_schedules.html")
    tab.locator(f'script[type="{VIEW}"]').first.locator("xpath=..").scroll_into_view_if_needed()
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


@pytest.mark.parametrize(
    ("words", "page"),
    [("guidance", "guidance"), ("0.18215", "latent_diffusion"), ("karras", "noise_schedules")],
)
def test_search_finds_numbers_and_leads_to_the_text(browser, site, words, page):
    tab = browser.new_page()
    tab.goto(f"{site}/search.html?q={words}")
    results = tab.locator("#search-results li")
    results.first.get_by_text(re.compile(re.escape(words), re.IGNORECASE)).first.wait_for()
    found = [a.get_attribute("href") for a in results.locator("a").all()]
    assert page in found[0], found
    for excerpt in results.locator(".context").all_inner_texts():
        assert "Contents" not in excerpt, excerpt
    tab.close()


def test_a_book_opened_as_a_file_says_what_it_cannot(browser, site):
    """Without a server search finds pages, widgets work, and nothing complains."""
    trouble, tab = [], browser.new_page()
    tab.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.goto(f"{HTML.resolve().as_uri()}/search.html?q=karras")
    tab.locator("#search-results li a").first.wait_for()
    assert tab.get_by_text("make serve").is_visible()
    tab.goto(f"{HTML.resolve().as_uri()}/notebooks/01_classifier_free_guidance.html")
    tab.locator(f'script[type="{VIEW}"]').first.locator("xpath=..").scroll_into_view_if_needed()
    tab.locator(".widget-subarea .noUi-handle").first.wait_for()
    assert not trouble
    tab.close()


def test_without_scripts_pictures_and_a_sentence_stand_for_the_controls(browser, site):
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(f"{site}/notebooks/01_classifier_free_guidance.html")
    still = tab.locator(".still").first
    assert still.locator("img").is_visible() and still.get_by_text("JavaScript").is_visible()
    context.close()


@pytest.mark.parametrize("doc", ["notebooks/03_noise_schedules", "notebooks/04_latent_diffusion"])
def test_a_slow_phone_soon_shows_the_first_lines(browser, site, doc):
    """The two longest chapters at 1.6 Mbit/s, 150 ms and a quarter of this processor."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    tab = context.new_page()
    line = {"latency": 150, "downloadThroughput": 2e5, "uploadThroughput": 9e4, "offline": False}
    phone = context.new_cdp_session(tab)
    phone.send("Network.enable")
    phone.send("Network.emulateNetworkConditions", line)
    phone.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    tab.goto(f"{site}/{doc}.html", wait_until="commit")
    painted = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    assert tab.wait_for_function(painted).json_value() <= 2500
    context.close()


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
