"""The live pages' mathematics against the package's, and their controls, in a real browser.

The sources of ``book/live`` run as they are, unbundled. Skipped without a Chromium, as in
``test_browser.py``.
"""

import json
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_browser import browser  # noqa: F401

from workshop_lite import guidance, samplers, schedules
from workshop_lite.mixtures import Mixture, ideal
from workshop_lite.widgets.schedules import handles

ROOT = Path(__file__).parent.parent
NAMED = ("cosine", "linear", "sigmoid", "quadratic")
DEMOS = ("mixtures", "guided_mixtures", "schedules")
PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>demo</title>
<style>html { color: #222 } html[data-theme=dark] { background: #14181e; color: #ced6dd }</style>
<body><main></main>"""
RENDER = """async (name) => {
  const { default: demo } = await import(`/demos/${name}.js`);
  window.end = await demo.render({ el: document.querySelector('main') });
}"""
PAINTED = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
  done([...document.querySelectorAll('.kit canvas')].map((c) => c.toDataURL())))))"""


#: In place of the engine: a network for standard normal data, moved by the first number of a row.
ENGINE = """
export const card = async () => ({ parameters: 1234 });
export const open = async () => ({
  another() {},
  tensor: () => ({ shape: [3, 2], data: Float32Array.from([0.1, 9, 0.2, 9, -0.1, 9]) }),
  denoise: async (name, { x, t, vector }) => {
    const alpha = Math.cos(Math.PI / 2 * t);
    return x.map((value) => alpha * value + vector[0]);
  },
});"""
SAMPLED = """() => {
  const sheet = [...document.querySelectorAll('.kit canvas')].at(-1);
  if (!sheet.ariaLabel.startsWith('Sampled in 10')) return null;
  return [...sheet.getContext('2d').getImageData(0, 0, 32, 32).data].filter((_, i) => i % 4 === 0);
}"""


@pytest.fixture(scope="module")
def site():
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    folder = ROOT / "book" / "live"
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def visit(browser, site):  # noqa: F811
    """A function that opens an empty page, or one with a demo in it; no script may fail."""
    trouble, contexts = [], []

    def open_page(demo=None, **screen):
        contexts.append(browser.new_context(**screen))
        tab = contexts[-1].new_page()
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.route(f"{site}/page", lambda way: way.fulfill(content_type="text/html", body=PAGE))
        script = {"content_type": "text/javascript", "body": ENGINE}
        tab.route(f"{site}/engine.js", lambda way: way.fulfill(**script))
        tab.goto(f"{site}/page")
        if demo:
            tab.evaluate(RENDER, demo)
            painted(tab)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert not trouble


@pytest.fixture(scope="module")
def maths(visit):
    """A function that runs JavaScript which sees the modules of ``maths``, and ``given``."""
    tab = visit()
    names = ("edges", "mixtures", "samplers", "schedules", "random", "words")

    def run(script, given):
        loads = "".join(f"const {n} = await import('/maths/{n}.js');" for n in names)
        return tab.evaluate(f"async (given) => {{ {loads} {script} }}", given)

    return run


def painted(tab):
    """The pixels of every picture, once they are drawn."""
    return tab.evaluate(PAINTED)


def random_mixture(seed):
    """Five modes, two classes that share one of them, and the row of no class."""
    k = np.random.default_rng(seed)
    rows = np.array([[1, 2, 1, 0, 0], [0, 0, 1, 1, 1]]) / np.array([[4], [3]])
    mixture = Mixture(
        jnp.float32(k.uniform(-2, 2, (5, 2))),
        jnp.float32(k.uniform(0.5, 1.0, 5)),
        jnp.float32([*rows, rows.mean(0)]),
    )
    return mixture, {n: np.asarray(a, float).tolist() for n, a in mixture._asdict().items()}


def push_of(mixture, scale):
    """The ideal denoiser, and the same guided away from no class."""
    denoise = ideal(mixture, schedules.cosine)
    return denoise, guidance.Guided(denoise, lambda c: jnp.full_like(c, -1), scale)


@jax.jit
def in_package(mixture, xt, t):
    """What the JavaScript of the next test is asked for."""
    denoise, push = push_of(mixture, 3.0)
    times, asked, none = jnp.full(len(xt), t), jnp.zeros(len(xt), jnp.int32), jnp.full(len(xt), -1)
    densities = [
        mixture.log_density(xt, level, labels)
        for level in (schedules.cosine(t), schedules.Level(jnp.ones(()), jnp.zeros(())))
        for labels in (asked, none)
    ]
    own, every = densities[2:]
    estimates = [denoise(xt, times, asked), denoise(xt, times, none), push(xt, times, asked)]
    return [*estimates, *densities[:2], every + 3 * (own - every)]


@pytest.mark.parametrize("seed", range(3))
def test_denoiser_density_and_guided_field_are_the_package_s(maths, seed):
    mixture, given = random_mixture(seed)
    xt = jnp.float32(np.random.default_rng(seed).normal(0, 2, (40, 2)))
    for t in (0.05, 0.5, 0.9, 1.0):
        found = maths(
            """const { mixture, xt, t } = given, level = schedules.cosine(t);
            const [own, all] = [0, -1].map((c) => mixtures.ideal(mixture, schedules.cosine, c));
            return [...[own, all, mixtures.guided(own, all, 3)].map((f) => [...f(xt, t)]),
                    ...[0, -1].map((c) => [...mixtures.logDensity(mixture, xt, level, c)]),
                    [...mixtures.logSharpened(mixture, xt, 0, 3)]];""",
            {"mixture": given, "xt": np.asarray(xt, float).ravel().tolist(), "t": t},
        )
        right = in_package(mixture, xt, t)
        for mine, theirs in zip(found, right, strict=True):
            np.testing.assert_allclose(mine, np.ravel(theirs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["ddim", "ddim, eta 0.5", "ddpm", "heun", "dpmpp_2m"])
def test_samplers_walk_as_the_package_s_do(maths, name):
    name, eta = name.split(",")[0], 0.5 * ("eta" in name)
    mixture, given = random_mixture(7)
    b, steps = 16, 12
    noise = jax.random.normal(jax.random.key(1), (b, 2))
    fresh = [jax.random.normal(k, (b, 2)) for k in jax.random.split(jax.random.key(2), steps)]
    mine = maths(
        """let drawn = 0;
        const [own, all] = [0, -1].map((c) => mixtures.ideal(given.mixture, schedules.cosine, c));
        const asked = [];
        const options = { steps: given.steps, eta: given.eta, normal: () => given.fresh[drawn++] };
        const noise = Float64Array.from(given.noise);
        const walk = samplers[given.name](schedules.cosine, noise, options);
        const push = mixtures.guided(own, all, 2);
        const states = samplers.walk(walk, (x, t) => asked[asked.push(push(x, t)) - 1]);
        return { end: [...states.at(-1)], first: [...asked[0]], states: states.length };""",
        {
            "mixture": given,
            "name": name,
            "eta": eta,
            "steps": steps,
            "noise": np.asarray(noise, float).ravel().tolist(),
            "fresh": np.asarray(fresh, float).ravel().tolist(),
        },
    )
    _, push = push_of(mixture, 2.0)
    options = {"eta": eta} if name == "ddim" else {}
    x0, path = getattr(samplers, name)(
        push, schedules.cosine, noise, jnp.zeros(b, jnp.int32),
        steps=steps, key=jax.random.key(2), **options,
    )  # fmt: skip
    assert mine["states"] == steps + 1
    np.testing.assert_allclose(mine["first"], np.ravel(path[0]), atol=1e-5)
    np.testing.assert_allclose(mine["end"], np.ravel(x0), atol=1e-5, rtol=1e-5)


def test_moments_of_sharpened_density_at_scale_1_are_the_class_s(maths):
    _, given = random_mixture(3)
    found = maths(
        """const n = 160, points = Float64Array.from({ length: 2 * n * n }, (_, i) => {
          const j = i >> 1;
          return -8 + 16 * ((i % 2 ? Math.floor(j / n) : j % n) + 0.5) / n;
        });
        const density = mixtures.logSharpened(given, points, 0, 1).map(Math.exp);
        return mixtures.moments(points, density);""",
        given,
    )
    means, stds, share = (np.array(given[n]) for n in ("means", "stds", "weights"))
    mean = share[0] @ means
    square = share[0] @ (2 * stds**2 + (means**2).sum(1)) - mean @ mean
    np.testing.assert_allclose([*found["mean"], found["spread"]], [*mean, square**0.5], atol=1e-6)


def test_log_snr_gives_betas_gives_levels(maths):
    T = 40
    points = [[0.0, 0.25, 0.5, 0.75, 1.0], [9.0, 3.5, 1.0, -2.0, -8.0]]
    found = maths(
        """const named = Object.fromEntries(given.named.map((name) => [name, schedules[name]]));
        const all = { ...named, curve: schedules.fromPoints(...given.points) };
        const t = Array.from({ length: given.T + 1 }, (_, i) => i / given.T);
        const rows = (levels) => levels.map(({ alpha, sigma }) => [alpha, sigma]);
        const betas = schedules.table(all.curve, given.T);
        return { betas, reached: rows(schedules.levels(betas)),
          angles: t.map((x) => schedules.angle(all.curve(x))),
          levels: Object.fromEntries(Object.keys(all).map((n) => [n, rows(t.map(all[n]))])) };""",
        {"points": points, "T": T, "named": NAMED},
    )
    t = np.linspace(0, 1, T + 1, dtype=np.float32)
    theirs = {n: getattr(schedules, n)(t) for n in NAMED}
    theirs["curve"] = schedules.from_points(*points)(t)
    for name, levels in theirs.items():
        np.testing.assert_allclose(np.transpose(found["levels"][name]), levels, atol=1e-5)
    np.testing.assert_allclose(found["angles"], schedules.angle(theirs["curve"]), atol=1e-5)
    by_table = schedules.from_betas(np.array(found["betas"]))(t)
    for levels in (by_table, theirs["curve"]):
        right = np.asarray(levels)[:, 1:]
        np.testing.assert_allclose(np.transpose(found["reached"]), right, atol=1e-5)


def test_noise_is_normal_and_its_seed_counts(maths):
    script = "const f = random.normals(given); return Array.from({ length: 20000 }, f);"
    first, again, other = (np.array(maths(script, seed)) for seed in (0, 0, 1))
    assert (first == again).all() and abs(np.corrcoef(first, other)[0, 1]) < 0.03
    assert abs(first.mean()) < 0.03 and abs(first.std() - 1) < 0.03
    assert abs((np.abs(first) < 1).mean() - 0.6827) < 0.015


def by_mouse(tab, grip, dx, dy):
    box = grip.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x + dx, y + dy, steps=3)
    tab.mouse.up()


def by_finger(tab, grip, dx, dy):
    box = grip.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    wire = tab.context.new_cdp_session(tab)
    places = [(x + dx * i / 3, y + dy * i / 3) for i in range(4)]
    for i, (x, y) in enumerate(places):
        kind = "touchMove" if i else "touchStart"
        touch = {"type": kind, "touchPoints": [{"x": x, "y": y}]}
        wire.send("Input.dispatchTouchEvent", touch)
    wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def by_keys(tab, grip, dx, dy):
    grip.focus()
    for key, times in (("Right" if dx > 0 else "Left", dx), ("Down" if dy > 0 else "Up", dy)):
        for _ in range(min(abs(times), 6)):
            tab.keyboard.press(f"Arrow{key}")


@pytest.mark.parametrize("how", [by_mouse, by_finger, by_keys])
@pytest.mark.parametrize("demo", DEMOS[1:])  # the first is the second without guidance
def test_handles_move_and_what_follows_is_drawn_anew(visit, how, demo):
    phone = how is by_finger
    size = {"width": 390, "height": 844} if phone else {"width": 1280, "height": 900}
    tab = visit(demo, viewport=size, has_touch=phone)
    grip = tab.locator(".kit-handle").nth(1)
    where, before = grip.get_attribute("aria-valuetext"), painted(tab)
    label = tab.locator(".kit canvas").first.get_attribute("aria-label")
    move = (0, -40) if demo == "schedules" else (40, -30)
    how(tab, grip, *move)
    after = painted(tab)
    said = grip.get_attribute("aria-valuetext")
    assert said != where
    if demo == "schedules":
        assert float(grip.get_attribute("aria-valuenow")) > 1.75  # where cosine has it
        assert tab.locator(".kit canvas").first.get_attribute("aria-label") != label
        assert said in tab.locator(".kit code").text_content().replace("-", "−")
        changed = [a != b for a, b in zip(before, after, strict=True)]
        assert changed == [True] * 5 + [False]  # no note is sampled before the network is there
    else:
        x, y = (float(n) for n in said.replace("−", "-").strip("()").split(","))
        x0, y0 = (float(n) for n in where.replace("−", "-").strip("()").split(","))
        assert x > x0 + 0.2 and y > y0 + 0.2
        changed = [a != b for a, b in zip(before, after, strict=True)]
        assert changed == [True] * 3
    assert grip.evaluate("node => node === document.activeElement")
    assert tab.evaluate("scrollY") == 0, "the page moved with the finger"


@pytest.mark.parametrize("demo", DEMOS)
def test_every_control_has_a_name_and_a_value_and_fits_a_phone(visit, demo):
    tab = visit(demo, viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= 390
    sliders = tab.locator("input[type=range]").all()
    assert len(sliders) >= 3
    for slider in sliders:
        shown = slider.evaluate("node => [...node.labels].length && node.parentNode.textContent")
        before = slider.get_attribute("aria-valuetext")
        assert before in shown
        if slider.is_enabled():
            slider.focus()
            tab.keyboard.press("ArrowRight")
            after = slider.get_attribute("aria-valuetext")
            assert after != before and after in slider.evaluate("n => n.parentNode.textContent")
    small = """() => [...document.querySelectorAll('.kit button, .kit select, .kit-handle,'
      + ' .kit input[type=range], .kit label:has(input)')]
      .filter((n) => n.getBoundingClientRect().height < 32).map((n) => n.outerHTML)"""
    assert tab.evaluate(small) == []
    named = "() => [...document.querySelectorAll('.kit canvas')].map((c) => c.ariaLabel.length)"
    assert min(tab.evaluate(named)) > 20
    pictures = tab.locator(".kit-plane canvas")
    sharp = "c => c.width >= Math.floor(c.clientWidth * devicePixelRatio)"
    assert all(c.evaluate(sharp) for c in pictures.all())


@pytest.mark.parametrize("demo", ["guided_mixtures", "schedules"])
def test_colours_follow_the_page(visit, demo):
    tab = visit(demo)
    before = painted(tab)
    ink = "() => getComputedStyle(document.querySelector('.kit')).getPropertyValue('--kit-a')"
    light = tab.evaluate(ink)
    tab.evaluate("() => { document.documentElement.dataset.theme = 'dark'; }")
    tab.wait_for_function(f"({ink})() !== '{light}'")
    assert painted(tab)[0] != before[0]


def test_modes_come_and_go_and_scale_1_pushes_nothing(visit):
    tab = visit("guided_mixtures")
    grips = tab.locator(".kit-handle")
    assert grips.count() == 7  # six modes and the noisy point
    tab.get_by_role("button", name="+ mode of the rest").click()
    assert grips.count() == 8
    assert tab.evaluate("document.activeElement.ariaLabel") == "mode 4 of the rest"
    tab.get_by_role("button", name="remove mode 4 of the rest").click()
    assert grips.count() == 7
    tab.get_by_label("start from").select_option("one against one")
    assert grips.count() == 3
    assert tab.get_by_role("button", name="remove mode 1 of class c").is_disabled()
    scale = tab.get_by_label("guidance scale s")
    rows = tab.locator(".kit tbody tr")
    assert "neither" in tab.locator(".kit-foot").text_content()
    scale.fill("1")
    painted(tab)
    own, sharpened, samples = (r.locator("td").all_text_contents() for r in rows.all())
    assert own == sharpened and abs(float(samples[1]) - float(own[1])) < 0.05
    assert "neither" not in tab.locator(".kit-foot").text_content()
    tab.get_by_label("sampler").select_option("dpmpp_2m")
    assert tab.get_by_label("eta").is_disabled()
    tab.wait_for_function(
        "() => document.querySelector('[role=status]').textContent.includes('follow')"
    )


def test_play_walks_from_noise_to_data_and_stops(visit):
    tab = visit("mixtures")
    tab.get_by_role("button", name="from noise to data").click()
    time = tab.get_by_label("time t")
    tab.wait_for_function("() => +document.querySelector('input[type=range]').value < 0.3")
    tab.get_by_role("button", name="stop").click()
    stood = time.input_value()
    tab.wait_for_timeout(100)
    assert time.input_value() == stood and 0 < float(stood) < 0.4
    tab.evaluate("() => window.end()")


def test_a_bent_schedule_is_one_that_the_package_takes(visit):
    tab = visit("schedules")
    grips = tab.locator(".kit-handle")
    for i, key in ((2, "PageDown"), (2, "ArrowUp"), (0, "PageDown"), (4, "PageUp")):
        grips.nth(i).focus()
        for _ in range(9):
            tab.keyboard.press(key)
    code = tab.locator(".kit code").text_content()
    space = {"schedules": schedules}
    exec(code, space)  # raises where the curve is none
    last = float(grips.nth(4).get_attribute("aria-valuenow"))
    assert last == -4.75 and schedules.log_snr(space["schedule"], 1.0) == pytest.approx(last)
    told = "() => document.querySelector('[role=status]').textContent.startsWith('Held: at t = 1')"
    tab.wait_for_function(told)
    tab.get_by_label("start from").select_option("linear")
    stand = [float(g.get_attribute("aria-valuenow")) for g in grips.all() if painted(tab)]
    assert stand == handles(schedules.linear)


def test_network_samples_on_the_curve_that_is_bent(visit, maths):
    """As ``dpmpp_2m`` does, guided, and told the noise level of the curve."""
    noise = maths("return Array.from({ length: 1024 }, random.normals(0));", None)
    noise = jnp.float32(noise).reshape(1, 1024)
    tab = visit("schedules")
    tab.get_by_role("button", name="Sample a note here").click()
    tab.wait_for_function(SAMPLED)
    assert "1,234 parameters" in tab.locator(".kit-foot").text_content()
    first = tab.evaluate(SAMPLED)

    tab.locator(".kit-handle").nth(2).focus()
    tab.keyboard.press("PageUp")
    tab.get_by_label("sample", exact=True).select_option("chromatic percussion")
    tab.wait_for_function(f"(was) => String(({SAMPLED})()) !== was", arg=str(first)[1:-1])
    tab.wait_for_function("() => document.querySelector('.kit-foot [role=status]').textContent"
                          ".includes('on this curve: chromatic percussion')")  # fmt: skip
    code = tab.locator(".kit code").text_content().removeprefix("schedule = ")
    curve = eval(code, {"schedules": schedules})
    assert "1.25" in code

    def denoise(xt, t, _):
        own, none = 0.2, -0.1
        return schedules.over(curve(t), xt).alpha * xt + none + 2 * (own - none)

    x0, _ = samplers.dpmpp_2m(denoise, curve, noise, steps=10)
    grey = 127.5 * (1 - np.clip(np.ravel(x0), -1, 1))
    np.testing.assert_allclose(tab.evaluate(SAMPLED), grey, atol=1)


def test_pictures_of_the_schedules_are_the_package_s(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    from live_pixels import TARGET, module

    assert TARGET.read_text(encoding="utf8") == module()
    sys.modules.pop("live_pixels")


def test_no_demo_asks_another_host():
    sources = [p for p in (ROOT / "book" / "live").rglob("*.js") if "node_modules" not in p.parts]
    mine = [p for p in sources if p.stem in (*DEMOS, "kit", "plane", "toy", "style", "pixels")]
    assert len(mine) >= len(DEMOS)
    assert not [
        p.name for p in mine for word in ("fetch(", "XMLHttp") if word in json.dumps(p.read_text())
    ]
