"""What the live pages make of prompts and edges, against the package, in a real browser."""

import jax.numpy as jnp
import numpy as np
import pytest
from test_browser import browser  # noqa: F401
from test_live_toys import maths, site, visit  # noqa: F401

from workshop_lite import datasets, samplers
from workshop_lite.conditioning import hints
from workshop_lite.conditioning.text import split
from workshop_lite.recipes import emoji_words
from workshop_lite.schedules import cosine

PROMPTS = [
    "a noto emoji of a cat face",
    "  A Twemoji emoji, of a RED apple!  ",
    "“woman’s” 'hat' – it's here…",
    "o'clock (nine-thirty)",
]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_is_split_as_the_package_does(maths, prompt):  # noqa: F811
    assert maths("return words.split(given)", prompt) == split(prompt)


def test_tokens_are_the_vocabulary_s_and_no_words_are_the_null_prompt(maths):  # noqa: F811
    words = emoji_words()
    ask = "return [...words.tokens(given.known, given.prompt)]"
    for prompt in PROMPTS[:2]:
        found = maths(ask, {"known": list(words.words), "prompt": prompt})
        assert found == words([prompt])[0].tolist()
    assert maths(ask, {"known": list(words.words), "prompt": ""}) == [1] + 15 * [0]


KNOWN = ["a", "apple", "apples", "apricot", "cat"]


@pytest.mark.parametrize(
    ("prompt", "options", "sentence"),
    [
        ("a cat", {}, ""),
        ("a purple platypus", {}, "“purple”, “platypus”: not among the 5 words"),
        ("a appl", {}, "“appl”"),
        ("a appl", {"typing": "appl"}, ""),
        ("a applx", {"typing": "applx"}, "“applx”"),
        ("", {}, "There is no word here."),
        ("", {"empty": True}, ""),
        ("cat " * 15, {}, ""),
        ("cat " * 16, {}, "At most 15 words are read; here are 16."),
    ],
)
def test_trouble_is_named(maths, prompt, options, sentence):  # noqa: F811
    given = {"known": KNOWN, "prompt": prompt, "options": options}
    found = maths("return words.trouble(given.known, given.prompt, given.options)", given)
    assert found.startswith(sentence) and bool(found) == bool(sentence)


@pytest.mark.parametrize(
    ("text", "caret", "found"),
    [
        ("a ap", 4, (2, 4, "ap", ["apple", "apples", "apricot"])),
        ("a AP cat", 4, (2, 4, "ap", ["apple", "apples", "apricot"])),
        ("a apple cat", 4, (2, 7, "apple", ["apples"])),
        ("a cat ", 6, (6, 6, "", [])),
        ("x", 1, (0, 1, "x", [])),
    ],
)
def test_the_word_at_the_caret_is_completed(maths, text, caret, found):  # noqa: F811
    given = {"known": KNOWN, "text": text, "caret": caret}
    answer = maths("return words.completed(given.known, given.text, given.caret)", given)
    assert tuple(answer[key] for key in ("from", "to", "word", "options")) == found


@pytest.fixture(scope="module")
def pictures():
    return datasets.signed(datasets.load("emoji", "test", size=64).images[::25])


def test_edges_are_scikit_image_s_and_their_f1_the_package_s(maths, pictures):  # noqa: F811
    theirs = hints.edges(pictures)
    mine = maths(
        "return given.map((one) => [...edges.edges(Float32Array.from(one), 64)])",
        [picture.ravel().tolist() for picture in pictures],
    )
    mine = np.array(mine, np.float32).reshape(theirs.shape)
    assert np.abs(mine - theirs).mean() < 2e-3  # ties fall either way in another precision
    shifted = np.roll(theirs, 1, axis=0)
    f1 = maths(
        "return given.map(([drawn, wanted]) => edges.f1(drawn, wanted, 64))",
        [[a.ravel().tolist(), b.ravel().tolist()] for a, b in zip(theirs, shifted, strict=True)],
    )
    np.testing.assert_allclose(f1, hints.edge_f1(pictures, shifted), atol=1e-6)


def test_f1_without_edges_is_no_number(maths):  # noqa: F811
    script = """const none = new Uint8Array(64), all = none.map(() => 1);
    return [[none, all], [all, none]].map(([a, b]) => Number.isNaN(edges.f1(a, b, 8)));"""
    assert maths(script, None) == [True, True]


@pytest.mark.parametrize("name", ["ddim", "dpmpp_2m"])
def test_samplers_begin_in_the_middle_as_the_package_s_do(maths, name):  # noqa: F811
    x = np.random.default_rng(0).normal(size=(1, 6)).astype(np.float32)
    script = """const options = { steps: 7, start: 0.6 };
    const walk = samplers[given.name](schedules.cosine, given.x, options);
    return samplers.walk(walk, (x, t) => x.map((value) => value * (1 - t) + 0.1)).at(-1);"""
    mine = maths(script, {"name": name, "x": x[0].tolist()})

    def denoise(x, t, _):
        return x * (1 - t[:, None]) + 0.1

    theirs, _ = getattr(samplers, name)(denoise, cosine, jnp.asarray(x), steps=7, start=0.6)
    np.testing.assert_allclose(mine, theirs[0], atol=1e-5)


def test_a_step_without_its_noise_term_is_the_estimate_made_small(maths):  # noqa: F811
    script = """const walk = samplers.ddim(schedules.cosine, given, { steps: 4, term: 0 });
    return samplers.walk(walk, (x, t) => x.map((value) => value + t));"""
    states = np.array(maths(script, [0.3, -0.2]))
    for i, (x, then) in enumerate(zip(states[:-1], states[1:], strict=True)):
        alpha = np.sin(np.pi / 2 * (i + 1) / 4)
        np.testing.assert_allclose(then, alpha * (x + 1 - i / 4), atol=1e-12)
