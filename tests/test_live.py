"""The live demos: bundles and graphs that are up to date, and the networks in a real browser.

The browser tests drive the demos on pages of their own, with every other host out of reach; they
are skipped without a Chromium, as in ``test_browser.py``.
"""

import hashlib
import json
import re
import runpy
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_browser import AXE, browser  # noqa: F401

from workshop_lite import checkpoints, live, samplers
from workshop_lite.conditioning import null_labels
from workshop_lite.guidance import Guided
from workshop_lite.live.assets import ENGINE, GRAPHS, STATIC, files
from workshop_lite.schedules import cosine

ROOT = Path(__file__).parent.parent
SOURCES = ROOT / "book" / "live"
DEMOS = sorted(set(live.__all__) - {"Demo"})
BUNDLES = ("demos", "painters")
GRAPH_NAMES = sorted(path.stem for path in GRAPHS.glob("*.onnx"))
LABELLED = ["fashion-cfg", "fashion-cfg-weak", "notes-cfg"]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# The files -------------------------------------------------------------------------------------


def test_bundles_are_made_of_the_sources():
    paths = [p for p in SOURCES.rglob("*") if re.fullmatch(r"\.(m?js|css|json)", p.suffix)]
    names = {p.relative_to(SOURCES).as_posix(): p for p in paths}
    names = {name: p for name, p in names.items() if "node_modules" not in name}
    text = b"".join(name.encode() + b"\0" + names[name].read_bytes() for name in sorted(names))
    made = [STATIC / f"{name}.js" for name in (*BUNDLES, "loader", "widget")]
    made.append(STATIC / "live.css")
    for path in made:
        head = path.read_text(encoding="utf8").splitlines()[0]
        assert sha256(text) in head, f"{path.name} is not of these sources: run bash tools/live.sh"
    for bundle in BUNDLES:
        exported = re.findall(r"default as (\w+) ", (SOURCES / f"{bundle}.js").read_text())
        assert sorted(exported) == [n for n in DEMOS if getattr(live, n)().bundle == bundle]


@pytest.mark.parametrize("name", GRAPH_NAMES)
def test_a_graph_belongs_to_the_shipped_weights(name):
    told = json.loads((GRAPHS / f"{name}.graph.json").read_text())
    stale = f"the weights have changed: run python tools/export_graphs.py {name}"
    for model, file in told["weights"].items():
        body = files()[f"{model}.safetensors"].read_bytes()
        assert file["sha256"] == sha256(body) == checkpoints.card(model)["sha256"], stale
        for part in file.get("parts", []):
            assert part["sha256"] == sha256(body[slice(*part["bytes"])]), stale
    have = sum(checkpoints.card(model)["parameters"] for model in told["weights"])
    in_part = any("parts" in file for file in told["weights"].values())
    assert told["parameters"] < have if in_part else told["parameters"] == have


def test_the_runtime_is_the_pinned_one_and_small():
    for line in (ENGINE / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert sha256((ENGINE / name).read_bytes()) == digest, name
    version = re.search(r"^onnxruntime=(\S+)", (ROOT / "tools/vendor.sh").read_text(), re.M)[1]
    script = (ENGINE / "ort.wasm.bundle.min.mjs").read_text(encoding="utf8")
    assert f"ONNX Runtime Web v{version}" in script
    assert f"onnxruntime-web {version}" in (ROOT / "NOTICE").read_text()
    assert sum(path.stat().st_size for path in ENGINE.iterdir()) < 4e6


def test_a_page_grows_by_little_before_the_click():
    for name in DEMOS:
        html = getattr(live, name)().html("live")
        before = [STATIC / "loader.js", STATIC / "live.css"]
        assert len(html) + sum(path.stat().st_size for path in before) < 10_000
    assert max((STATIC / f"{name}.js").stat().st_size for name in BUNDLES) < 60_000


# In Python -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEMOS)
def test_a_demo_shows_a_picture_that_says_what_it_is(name):
    demo = getattr(live, name)()
    html = demo.html("../_static/live")
    assert demo.name == name and len(demo.alt) > 30 and f'alt="{demo.alt}"' in html
    assert f'src="../_static/live/{name}.webp"' in html and "make serve" in html


def test_a_cell_shows_a_widget_and_leaves_a_marker(monkeypatch):
    shown, _ = live.ask()._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert shown["text/html"] == live.ask().marker() and shown["text/plain"] == "live.ask()"
    monkeypatch.setitem(sys.modules, "google.colab", None)
    assert "text/html" not in live.ask()._repr_mimebundle_()[0]


def test_the_kernel_hands_over_what_a_demo_asks_for(monkeypatch):
    from workshop_lite.live import widget as module

    made, sent, image = [], [], module.ipw.Image
    monkeypatch.setattr(module.ipw, "Image", lambda **kw: made.append(image(**kw)) or made[-1])
    shown = module.widget("ask")
    shown.send = sent.append
    assert len(json.dumps(shown.get_state()["_esm"])) < 2000  # this much stays in the notebook
    hear = partial(shown._handle_custom_msg, buffers=[])
    hear({"wanted": "fashion-cfg.onnx"})
    assert sent == [{"name": "fashion-cfg.onnx", "id": made[0].model_id}]
    assert made[0].value == (GRAPHS / "fashion-cfg.onnx").read_bytes()
    hear({"received": made[0].model_id})
    assert made[0].comm is None  # closed
    hear({"wanted": "../../../NOTICE"})
    assert len(sent) == 1


# In a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The address of the demos' pages, and the folder they are in."""
    folder = tmp_path_factory.mktemp("live")
    runpy.run_path(str(ROOT / "tools" / "try_live.py"))["write"](folder)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def visit(browser, site):  # noqa: F811
    """A function that opens the page of a demo; no script may fail, and none leave the site."""
    trouble, contexts, address = [], [], site[0]

    def only_here(route):
        if not route.request.url.startswith((address, "blob:")):
            trouble.append(route.request.url)
            return route.abort()
        return route.fallback()

    def open_page(name, place=address, **options):
        contexts.append(browser.new_context(**options))
        contexts[-1].route(re.compile("^(http|ws)"), only_here)
        tab = contexts[-1].new_page()
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.goto(f"{place}/{name}.html")
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not trouble


@pytest.fixture(scope="module")
def network(visit):
    """A function that runs JavaScript with the graphs for labels open, and ``engine``, ``pass``."""
    tab = visit("guidance")
    tab.evaluate(
        """async (names) => {
          const asset = async (name) => (await fetch(`live/${name}`)).arrayBuffer();
          Object.assign(window, await import('./live/demos.js'));
          window.engine = await window.open(asset, names);
          window.pass = (name, label) => {
            const { shape, data } = engine.tensor(name, 'network/condition/table/value');
            const row = label < 0 ? shape[0] - 1 : label;
            const vector = data.slice(row * shape[1], (row + 1) * shape[1]);
            return (x, t) => engine.denoise(name, { x, t, vector });
          };
        }""",
        LABELLED,
    )
    return lambda body, given: np.float32(
        tab.evaluate(f"async (given) => Array.from(await ({body})(given))", given)
    )


# A network, what it is guided away from, and a sampler: every one once, and every sampler.
CASES = {
    "fashion-cfg": (None, "dpmpp_2m"),
    "fashion-cfg, weak": ("fashion-cfg-weak", "ddim"),
    "notes-cfg": (None, "ddim"),
}
ASK = "guided(pass(name, 5), weak ? pass(weak, 5) : pass(name, -1), 3, [0.25, 1])"
CALL = f"({{ name, weak, x }}) => {ASK}(Float32Array.from(x), 0.6)"
LOOP = f"""({{ name, weak, sampler, x }}) =>
  sample(window[sampler](cosine, Float32Array.from(x), {{ steps: 20 }}), {ASK}, {{}})"""


@pytest.mark.parametrize("case", CASES)
def test_the_browser_draws_what_jax_draws(network, case):
    """One guided call to 1e-4, and the picture after the whole loop to 2/255."""
    name, (weak, sampler) = case.split(",")[0], CASES[case]
    side = 28 if name.startswith("fashion") else 32
    noise = jax.random.normal(jax.random.key(0), (1, side, side, 1))
    away = weak and checkpoints.load(weak)
    guided = Guided(checkpoints.load(name), null_labels, 3.0, interval=(0.25, 1.0), weak=away)
    draw = partial(getattr(samplers, sampler), guided, cosine, noise, jnp.array([5]), steps=20)
    given = {"name": name, "weak": weak, "sampler": sampler, "x": noise.ravel().tolist()}
    _, path = draw(start=0.6)  # its first estimate is a call at that time
    np.testing.assert_allclose(network(CALL, given), path[0].ravel(), atol=1e-4)
    picture, _ = draw(start=1.0)
    np.testing.assert_allclose(network(LOOP, given), picture.ravel(), atol=2 / 127.5)


def said(tab, words: str):
    """Wait until the demo's status line has these words."""
    line = "document.querySelector('.kit [role=status]')?.textContent ?? ''"
    tab.wait_for_function(f"words => ({line}).match(words)", arg=words, timeout=60_000)


def pixels(tab) -> list[str]:
    return tab.evaluate(
        "() => [...document.querySelectorAll('.kit canvas')].map(c => c.toDataURL())"
    )


def slider(tab, name: str):
    return tab.get_by_role("slider", name=name, exact=True)


def test_guidance_by_mouse_and_keyboard(visit):
    """The reader's way: run it, turn knobs, stop it, close it."""
    tab = visit("guidance", viewport={"width": 1280, "height": 900})
    picture = tab.locator("img")
    assert picture.is_visible() and not tab.locator(".kit").count()
    tab.get_by_role("button", name="Run it here").click()
    said(tab, "Dress at scale 2: 20 steps in")
    assert not picture.is_visible() and "2.4 M parameters" in tab.locator(".kit-runs").inner_text()
    drawn = pixels(tab)
    assert len(drawn) == 4 and len(set(drawn)) == 4

    tab.evaluate(AXE)
    found = tab.evaluate("() => axe.run('.live', { resultTypes: ['violations'] })")["violations"]
    assert not [(rule["id"], rule["nodes"][0]["html"]) for rule in found]

    slider(tab, "scale").press("ArrowRight")
    said(tab, r"scale 2\.5: 20 steps in")
    assert slider(tab, "scale").get_attribute("aria-valuetext") == "2.5"
    assert not set(pixels(tab)) & set(drawn)
    tab.get_by_label("class", exact=True).select_option("Boot")
    said(tab, "Boot at scale 2.5: 20 steps in")
    assert tab.get_by_role("img", name="Boot from seed 0 at scale 2.5.").count() == 1

    label = pixels(tab)
    tab.get_by_label("the weak network").check()
    said(tab, "away from the weak network: 20 steps in")
    assert slider(tab, "length of the null row").is_disabled() and pixels(tab) != label

    slider(tab, "steps").press("End")
    stop = tab.get_by_role("button", name="Stop")
    tab.wait_for_function("() => document.querySelectorAll('.kit canvas')[2].height > 100")
    stop.click()
    said(tab, r"Stopped at step \d+ of 50")
    still = pixels(tab)
    tab.wait_for_timeout(300)
    assert pixels(tab) == still and stop.is_disabled()

    tab.get_by_role("button", name="Close").click()
    assert picture.is_visible() and not tab.locator(".kit").count()
    assert tab.evaluate("() => document.activeElement.className") == "live-run"


def test_guidance_by_finger(visit):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    tab = visit("guidance", **phone)
    tab.get_by_role("button", name="Run it here").tap()
    said(tab, "Dress at scale 2: 20 steps in")
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= 390
    drawn = pixels(tab)
    tab.get_by_label("ddim").tap()
    tab.wait_for_function(
        "old => document.querySelector('.kit canvas').toDataURL() != old", arg=drawn[0]
    )
    scale = slider(tab, "scale")
    scale.evaluate("node => node.scrollIntoView({ block: 'end' })")
    box = scale.bounding_box()
    tab.touchscreen.tap(box["x"] + 2, box["y"] + box["height"] / 2)
    said(tab, "scale 0: 20 steps in")
    tab.get_by_label("same noise, all ten classes").tap()
    said(tab, "All ten classes at scale 0: 20 steps in")
    assert len(pixels(tab)) == 10 and len(set(pixels(tab))) == 1  # the class is not heard


def test_a_graph_of_other_weights_is_refused(visit, site):
    tab = visit("ask")
    stale = json.loads((GRAPHS / "fashion-cfg.graph.json").read_text())
    stale["weights"]["fashion-cfg"]["sha256"] = "0" * 64
    tab.route("**/fashion-cfg.graph.json", lambda route: route.fulfill(json=stale))
    tab.get_by_role("button", name="Run it here").click()
    tab.get_by_text("the graph of fashion-cfg was made for other weights").wait_for()
    assert tab.locator("img").is_visible() and not tab.locator(".kit").count()


def test_what_cannot_be_fetched_leaves_the_picture_and_a_sentence(visit):
    tab = visit("ask")
    tab.route("**/*.wasm.gz", lambda route: route.fulfill(status=404))
    run = tab.get_by_role("button", name="Run it here")
    run.click()
    tab.get_by_text("It could not be loaded: ort-wasm-simd-threaded.wasm.gz is missing").wait_for()
    assert tab.locator("img").is_visible() and run.is_enabled()


def test_closed_while_it_loads(visit):
    tab = visit("ask")
    held = []
    tab.route("**/*.safetensors", lambda route: held.append(route))
    with tab.expect_request("**/*.safetensors"):
        tab.get_by_role("button", name="Run it here").click()
    tab.get_by_role("button", name="Close").click()
    assert tab.locator("img").is_visible() and not tab.locator(".kit").count()
    tab.wait_for_timeout(300)
    assert held
    for route in held:
        route.continue_()
    tab.unroute("**/*.safetensors")
    tab.get_by_role("button", name="Run it here").click()
    tab.locator(".live-on").wait_for()
    assert tab.locator(".kit").count() == 1


def test_a_page_opened_as_a_file_says_what_to_do(visit, site):
    tab = visit("ask", place=site[1].as_uri())
    assert "make serve" in tab.get_by_role("status").inner_text()
    assert tab.locator("img").is_visible() and not tab.locator("button").count()


def test_without_javascript_and_on_paper_the_picture_and_a_sentence_stay(visit):
    tab = visit("ask", java_script_enabled=False)
    assert tab.locator("img").is_visible() and tab.locator(".live-note").is_visible()
    tab = visit("ask")
    assert not tab.locator(".live-note").is_visible()
    tab.emulate_media(media="print")
    assert tab.locator("img").is_visible() and tab.locator(".live-note").is_visible()
    assert not tab.locator(".live-run").is_visible()
