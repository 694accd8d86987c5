"""The live demos that paint emoji: their networks against JAX, and the demos by every hand."""

import json
import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_browser import AXE, browser  # noqa: F401
from test_live import pixels, site, slider, visit  # noqa: F401

from workshop_lite import checkpoints, drawing, samplers
from workshop_lite.conditioning import Controlled, Hinted, null_hinted
from workshop_lite.guidance import Guided
from workshop_lite.live.assets import GRAPHS, files
from workshop_lite.networks.autoencoder import decoded
from workshop_lite.predictions import Denoiser
from workshop_lite.schedules import cosine

NAMES = ("words", "draw", "latents")
PROMPT, NEGATIVE, SCALE = "a noto emoji of a cat face", "a twemoji emoji", 2.5
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def said(tab, words: str):
    """Wait until one of the demo's status lines has these words."""
    lines = "[...document.querySelectorAll('.kit [role=status]')]"
    one = f"words => {lines}.some(({{ textContent }}) => textContent.match(words))"
    tab.wait_for_function(one, arg=words, timeout=60_000)


# Against JAX -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def draw(visit):  # noqa: F811
    """A function that asks the page for a latent, or what is named, of a case's question."""
    tab = visit("ask")
    tab.evaluate(
        """async () => {
          const asset = async (name, _, stretch) => {
            const bytes = await (await fetch(`live/${name}`)).arrayBuffer();
            return stretch ? bytes.slice(...stretch) : bytes;
          };
          Object.assign(window, await import('./live/painters.js'));
          const all = await known(asset, 'emoji-control');
          const open = (branch) => painter(asset, all, { told() {}, signal: new AbortController().signal, branch });
          window.studios = { base: await open(), branch: await open('emoji-control') };
          window.once = function* (schedule, x, { t }) { return yield { x, t }; };
        }"""  # noqa: E501
    )
    body = """async ({ which, sampler, x, how, hint, want }) => {
      const studio = studios[hint ? 'branch' : 'base'];
      let looks;
      const seen = (step) => { looks = step.looks; };
      const beside = hint ? { hint: Float32Array.from(hint), strength: [0.8] } : {};
      const z = await studio.draw(window[sampler], Float32Array.from(x), how, { seen, beside });
      const found = { z, looks, picture: want === 'picture' && await studio.decode(z),
        preview: want === 'preview' && await studio.preview(z) };
      return Array.from(found[want]);
    }"""
    return lambda **given: np.float32(tab.evaluate(body, given))


@pytest.fixture(scope="module")
def hint():
    rows = np.random.default_rng(0).random((1, 64, 64, 1)) < 0.1
    return jnp.float32(rows)


def asked(hint=None):
    """The guided denoiser and its condition, as ``draw`` is asked for them."""
    denoise = checkpoints.load("emoji-text")
    words = denoise.network.condition.vocabulary
    tokens, away = (jnp.asarray(words([prompt])) for prompt in (PROMPT, NEGATIVE))
    null, cond = partial(_always, away), tokens
    if hint is not None:
        network = Controlled(denoise.network, checkpoints.load("emoji-control"))
        denoise = Denoiser(network, cosine, denoise.prediction)
        null, cond = null_hinted(null), Hinted(tokens, hint, jnp.full(1, 0.8))
    return Guided(denoise, null, SCALE), cond


def _always(row, tokens):
    return jnp.broadcast_to(row, tokens.shape)


HOW = {"prompt": PROMPT, "negative": NEGATIVE, "scale": SCALE}
CASES = {
    "words": (False, "dpmpp_2m", 1.0),
    "edit": (False, "ddim", 0.6),
    "edges": (True, "dpmpp_2m", 1.0),
}  # noqa: E501


@pytest.mark.parametrize("case", CASES)
def test_the_browser_draws_what_jax_draws(draw, hint, case):
    """One guided call to 1e-4, and the decoded picture after the whole loop to 2/255."""
    with_hint, sampler, start = CASES[case]
    shape, shown = drawing.canvas("emoji-text")
    noise = jax.random.normal(jax.random.key(0), (1, *shape))
    guided, cond = asked(hint if with_hint else None)
    ask = {"x": noise.ravel().tolist(), "hint": hint.ravel().tolist() if with_hint else None}
    x0 = jax.jit(lambda *given: guided(*given))(noise, jnp.full(1, 0.6), cond)
    mine = draw(sampler="once", how={**HOW, "t": 0.6}, want="z", **ask)
    np.testing.assert_allclose(mine, x0.ravel(), atol=1e-4)
    z, _ = getattr(samplers, sampler)(guided, cosine, noise, cond, steps=20, start=start)
    mine = draw(sampler=sampler, how={**HOW, "steps": 20, "start": start}, want="picture", **ask)
    np.testing.assert_allclose(
        np.clip(mine, -1, 1), np.clip(shown(z), -1, 1).ravel(), atol=2 / 127.5
    )


def test_looks_and_previews_are_the_package_s(draw):
    denoise, (ae, tiny) = (
        checkpoints.load("emoji-text"),
        map(checkpoints.load, ("emoji-vae-f8", "emoji-tiny")),
    )  # noqa: E501
    network, shape = denoise.network, drawing.canvas("emoji-text")[0]
    noise = jax.random.normal(jax.random.key(1), (1, *shape))
    ask = {"x": noise.ravel().tolist(), "how": {**HOW, "t": 0.5}, "sampler": "once"}
    context = network.embed(jnp.full(1, 0.5), jnp.asarray(network.condition.vocabulary([PROMPT])))
    *_, h, _ = network.encode(noise, context)
    h = network.middle.before_words(h, context)
    looks = network.middle.cross.maps(h, context.tokens, context.mask)
    np.testing.assert_allclose(draw(want="looks", **ask), looks.ravel(), atol=1e-4)
    z = draw(want="z", **ask).reshape(1, *shape)
    right = decoded(tiny, z / float(ae.scale[...]))
    np.testing.assert_allclose(draw(want="preview", **ask), right.ravel(), atol=1e-4)


def test_given_latents_are_those_of_the_encoder():
    told = json.loads((GRAPHS / "emoji-vae-f8.graph.json").read_text())
    assert told["scale"] == pytest.approx(float(checkpoints.load("emoji-vae-f8").scale[...]))
    assert len(told["latents"]) == 4 and all(len(t) == 2732 for t in told["latents"].values())


# What is fetched -------------------------------------------------------------------------------


def cut(route):
    """Answer as a server that cuts files, which the tests' own does not."""
    name, stretch = route.request.url.rsplit("/", 1)[1], route.request.headers.get("range")
    if not stretch:
        return route.fallback()
    low, high = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", stretch).groups())
    return route.fulfill(status=206, body=files()[name].read_bytes()[low : high + 1])


@pytest.mark.parametrize("name", NAMES)
def test_only_the_stretches_in_use_are_fetched(visit, name):  # noqa: F811
    tab, sizes = visit(name), []
    tab.route("**/*.safetensors", cut)
    fetched = lambda answer: answer.url.endswith(".safetensors") and sizes.append(answer.body())  # noqa: E731
    tab.on("requestfinished", lambda request: fetched(request.response()))
    tab.get_by_role("button", name="Run it here").click()
    said(tab, "20 steps in")
    assert 6e6 < sum(map(len, sizes)) < 8e6


def test_stretches_of_other_weights_are_refused(visit):  # noqa: F811
    tab = visit("words")
    stale = json.loads((GRAPHS / "emoji-vae-f8.graph.json").read_text())
    stale["weights"]["emoji-vae-f8"]["parts"][-1]["sha256"] = "0" * 64
    tab.route("**/emoji-vae-f8.graph.json", lambda route: route.fulfill(json=stale))
    tab.get_by_role("button", name="Run it here").click()
    tab.get_by_text("the graph of emoji-vae-f8 was made for other weights").wait_for()
    assert tab.locator("img").is_visible() and not tab.locator(".kit").count()


# The demos -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_every_control_has_a_name_and_a_value(visit, name, scheme):  # noqa: F811
    tab = visit(name, color_scheme=scheme, **PHONE)
    tab.get_by_role("button", name="Run it here").tap()
    said(tab, "20 steps in")
    assert tab.evaluate("() => document.documentElement.scrollWidth") <= 390
    assert "parameters" in tab.locator(".kit-runs").inner_text()
    for one in tab.locator("input[type=range]").all():
        value = one.get_attribute("aria-valuetext")
        assert one.evaluate("n => n.labels.length") and value
        if one.is_enabled():
            assert value in one.evaluate("n => n.parentNode.textContent")
    small = """() => [...document.querySelectorAll('.kit button, .kit select,'
      + ' .kit input[type=text], .kit input[type=range], .kit label:has(input)')]
      .filter((n) => n.getBoundingClientRect().height < 32).map((n) => n.outerHTML)"""
    assert tab.evaluate(small) == []
    named = "() => [...document.querySelectorAll('.kit canvas:not([aria-hidden])')].map(c => c.ariaLabel.length)"  # noqa: E501
    assert min(tab.evaluate(named)) > 15
    tab.evaluate(AXE)
    found = tab.evaluate("() => axe.run('.live', { resultTypes: ['violations'] })")["violations"]
    assert not [(rule["id"], rule["nodes"][0]["html"]) for rule in found]


def run(visit, name, **screen):  # noqa: F811
    tab = visit(name, **screen or {"viewport": {"width": 1280, "height": 900}})
    tab.get_by_role("button", name="Run it here").click()
    said(tab, "20 steps in")
    return tab


def done(tab, words: str):
    """Wait until nothing is drawn any more, and the status line has these words."""
    tab.wait_for_function(
        "() => [...document.querySelectorAll('.kit button')]"
        ".some((one) => one.textContent === 'Stop' && one.disabled)",
        timeout=60_000,
    )
    said(tab, words)


def test_words_by_mouse_and_keyboard(visit):  # noqa: F811
    tab = run(visit, "words")
    drawn, veil = pixels(tab)
    looked = tab.locator(".kit-stage [role=status]").nth(1)
    chips = tab.locator(".kit-stage button")
    assert [chip.split()[0] for chip in chips.all_inner_texts()] == ["(start)", *PROMPT.split()]
    share = [float(chip.split()[1]) for chip in chips.all_inner_texts()]
    assert sum(share) == pytest.approx(100, abs=4)
    chips.nth(6).hover()
    tab.get_by_text("“cat” at t = 0.50: most from row").wait_for()
    cat = pixels(tab)[1]
    assert cat != veil
    tab.mouse.move(1, 1)
    tab.wait_for_function(
        "() => !document.querySelectorAll('.kit-stage [role=status]')[1].textContent"
    )
    chips.nth(7).focus()
    assert pixels(tab)[1] not in (cat, veil)
    tab.keyboard.press("Space")
    assert chips.nth(7).get_attribute("aria-pressed") == "true"
    slider(tab, "scale").focus()  # what is pinned stays
    face = pixels(tab)[1]
    assert face not in (cat, veil)
    slider(tab, "words are looked at, at t =").press("End")
    tab.get_by_text("“face” at t = 1.00: most from row").wait_for()

    box = tab.get_by_role("combobox", name="prompt")
    box.fill("a noto emoji of a purple platypus")
    tab.get_by_text("“platypus”: not among the").wait_for()
    assert box.get_attribute("aria-invalid") == "true" and pixels(tab)[0] == drawn
    box.fill("")
    box.press_sequentially("a noto emoji of a red appl")
    options = tab.get_by_role("option")
    assert "apple" in options.all_inner_texts()
    while tab.get_by_role("option", selected=True).all_inner_texts() != ["apple"]:
        box.press("ArrowDown")
    box.press("Enter")
    done(tab, "a red apple *, at scale 2: 20 steps in")
    assert box.input_value().strip() == "a noto emoji of a red apple"
    assert not options.count() and looked.inner_text() == ""
    before = pixels(tab)[0]
    assert before != drawn
    away = tab.get_by_role("combobox", name="away from")
    away.fill("a noto emoji")
    away.press("Enter")
    done(tab, "away from a noto emoji at scale 2: 20 steps in")
    assert pixels(tab)[0] != before
    slider(tab, "scale").press("Home")
    done(tab, "at scale 0: 20 steps in")
    tab.get_by_text("no word is looked at").wait_for()


def test_words_by_finger(visit):  # noqa: F811
    tab = run(visit, "words", **PHONE)
    veil = pixels(tab)[1]
    chip = tab.locator(".kit-stage button").nth(6)
    chip.tap()
    tab.get_by_text("“cat” at t = 0.50").wait_for()
    assert pixels(tab)[1] != veil and chip.get_attribute("aria-pressed") == "true"
    chip.tap()
    assert chip.get_attribute("aria-pressed") == "false"


def f1(tab) -> float:
    label = tab.get_by_role("img", name="from seed").get_attribute("aria-label")
    return float(re.search(r"edge F1 (\d\.\d+)", label)[1])


def ink(tab) -> int:
    label = tab.get_by_role("application").get_attribute("aria-label")
    return int(re.search(r"(\d+) of them inked", label)[1])


def test_draw_by_mouse_and_keyboard(visit):  # noqa: F811
    tab = run(visit, "draw")
    obeyed = f1(tab)
    tab.get_by_label("invert the hint").check()
    done(tab, r"at strength 1\.0, inverted: 20 steps in")
    assert f1(tab) < obeyed
    tab.get_by_label("invert the hint").uncheck()
    slider(tab, "strength").press("Home")
    done(tab, r"at strength 0\.0: 20 steps in")
    assert f1(tab) < obeyed
    slider(tab, "strength").press("End")
    done(tab, r"at strength 1\.5: 20 steps in")

    before = pixels(tab)
    tab.get_by_label("end with the large decoder").check()
    done(tab, r"at strength 1\.5: 20 steps in")
    assert pixels(tab) != before

    tab.get_by_role("button", name="Clear").click()
    assert ink(tab) == 0
    tab.get_by_text("No edges to compare.").wait_for()
    board = tab.get_by_role("application")
    box = board.bounding_box()
    tab.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 0.5 * box["height"])
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"], steps=3)
    tab.mouse.up()
    assert 37 <= ink(tab) <= 41
    drawn = ink(tab)
    board.focus()
    for key in ("ArrowUp", "Shift+ArrowUp", "Space", "ArrowRight", "ArrowRight"):
        board.press(key)
    tab.get_by_text("Row 24, column 35: ink, pen down.").wait_for()
    board.press("Space")
    assert ink(tab) == drawn + 3
    tab.get_by_label("rubs out").check()
    board.focus()
    board.press("Space")
    board.press("Space")
    assert ink(tab) == drawn + 2
    tab.get_by_label("begin with").select_option("cherries")
    done(tab, "20 steps in")
    assert ink(tab) > 100


def test_draw_by_finger(visit):  # noqa: F811
    tab = run(visit, "draw", **PHONE)
    tab.get_by_role("button", name="Clear").tap()
    board = tab.get_by_role("application")
    board.evaluate("node => node.scrollIntoView({ block: 'end' })")  # not behind the pictures
    box, top = board.bounding_box(), tab.evaluate("scrollY")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 4
    wire = tab.context.new_cdp_session(tab)
    for i, kind in enumerate(["touchStart", "touchMove", "touchMove", "touchEnd"]):
        points = [] if kind == "touchEnd" else [{"x": x, "y": y + 40 * i}]
        wire.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert ink(tab) > 10 and tab.evaluate("scrollY") == top
    done(tab, "20 steps in")


def rows(tab) -> list[list[str]]:
    return [r.locator("td").all_inner_texts() for r in tab.locator(".kit tbody tr").all()]


def apart(tab) -> float:
    return float(re.search(r"differ by (\d\.\d+)", tab.locator(".kit").inner_text())[1])


def test_latents_by_mouse_and_keyboard(visit):  # noqa: F811
    tab = run(visit, "latents")
    first, middle, last, film = pixels(tab)
    assert len({first, middle, last}) == 3
    assert [row[0] for row in rows(tab)] and all(0.5 < float(row[0]) < 1.5 for row in rows(tab))

    omega, clipped = slider(tab, "ω, divided by"), float(rows(tab)[1][1].split()[0])
    assert omega.get_attribute("aria-valuetext").endswith(", its own")
    omega.press("Home")
    done(tab, "Decoded with ω = 0.18 in")
    assert float(rows(tab)[1][1].split()[0]) > clipped + 5
    assert pixels(tab)[3] == film

    alike = apart(tab)
    slider(tab, "noise term of a step").press("Home")
    done(tab, "20 steps in")
    assert apart(tab) < 0.5 * alike
    slider(tab, "noise term of a step").press("End")
    done(tab, "20 steps in")

    slider(tab, "from this seed’s noise to the next’s").press("End")
    done(tab, "20 steps in")
    shots = pixels(tab)
    assert shots[1] == shots[2] != shots[0]

    way, strength = (
        slider(tab, "from this seed’s noise to the next’s"),
        slider(tab, "strength of the edit"),
    )  # noqa: E501
    assert strength.is_disabled()
    tab.get_by_label("begin with").select_option("monkey")
    done(tab, "from the monkey: 20 steps in")
    assert way.is_disabled() and strength.is_enabled()
    source, mild = pixels(tab)[0], pixels(tab)[1]
    strength.press("End")
    done(tab, "from the monkey: 20 steps in")
    assert pixels(tab)[0] == source and pixels(tab)[1] != mild


def test_a_run_can_be_stopped(visit):  # noqa: F811
    tab = run(visit, "latents")
    slider(tab, "steps").press("End")
    tab.wait_for_function("() => document.querySelectorAll('.kit canvas')[3].height > 200")
    stop = tab.get_by_role("button", name="Stop")
    stop.click()
    said(tab, "Stopped")
    still = pixels(tab)
    tab.wait_for_timeout(300)
    assert pixels(tab) == still and stop.is_disabled()
    tab.get_by_role("button", name="Close").click()
    assert tab.locator("img").is_visible() and not tab.locator(".kit").count()
