"""Words to tokens, tokens to what a network is told, and the network that looks at them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import filled
from flax import nnx
from numpy.testing import assert_allclose, assert_array_equal

from workshop_lite import datasets
from workshop_lite.conditioning import TextEncoder, Vocabulary, null_prompts, vocabulary
from workshop_lite.conditioning.text import NOTHING, START
from workshop_lite.conditioning.text import split as words_of
from workshop_lite.networks import Context, UNet, layers
from workshop_lite.recipes import emoji_words

WORDS = vocabulary(["a red apple", "a green tree"])


def encoder(**options):
    return TextEncoder(len(WORDS), d=8, d_vector=6, heads=2, rngs=nnx.Rngs(0), **options)


read = jax.jit(lambda model, tokens: model(tokens))


def test_tokens_of_a_prompt():
    """A start token, a token for each word in the order of the alphabet, then nothing."""
    assert WORDS.words == ("a", "apple", "green", "red", "tree")
    (row,) = WORDS(["A red, red apple!"])
    assert row.tolist() == [START, 2, 5, 5, 3] + [NOTHING] * 11
    assert len(WORDS) == 7


def test_every_caption_has_tokens():
    """All words of both splits are known, and no caption is too long."""
    for split in ("train", "test"):
        captions = datasets.captions(datasets.load("emoji", split, 32))
        tokens = emoji_words()(captions)
        assert tokens.shape == (len(captions), 16) and (tokens[:, 0] == START).all()
        assert tokens.max() < len(emoji_words())


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ("a red apple", "prompts must be a list of strings, got 'a red apple'"),
        ([], "prompts must be a list of strings, got"),
        ([3], "prompts must be a list of strings, got"),
        (None, "prompts must be a list of strings, got None"),
        ([""], "prompts must have words in them, got ''; no prompt is null_prompts"),
        ([" . "], "prompts must have words in them"),
        (["a " * 16], "prompts must have at most 15 words, got 16 in"),
        (["a blue tree"], "the 5 words of the vocabulary, got 'blue' in 'a blue tree'"),
    ],
)
def test_bad_prompts(prompts, message, unchecked):
    """One sentence each; an unknown word is named, not dropped."""
    with pytest.raises(ValueError, match="prompts must") as error:
        WORDS(prompts)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.zeros((3, 16), np.int32), "that begin with 1"),
        (np.full((2, 16), 1.0), "must be tokens made by a Vocabulary, [2, 16], got float64"),
        (np.ones((2, 15), np.int32), "must be tokens made by a Vocabulary, [2, 16]"),
        (np.full((2, 16), 7), "must be tokens from 0 to 6"),
        (["a red apple"], "must be tokens made by a Vocabulary"),
    ],
)
def test_bad_tokens(tokens, message, unchecked):
    """The encoder refuses what no vocabulary made."""
    with pytest.raises(ValueError, match="prompts must") as error:
        encoder().check(tokens, len(tokens) if len(tokens) == 3 else 2)
    assert message in str(error.value)


def test_null_prompts(unchecked):
    """The start token and nothing else; it passes the encoder's own check."""
    tokens = WORDS(["a red apple", "a green tree"])
    null = null_prompts(tokens)
    assert_array_equal(null[:, 0], START)
    assert not null[:, 1:].any()
    encoder().check(null, 2)
    with pytest.raises(ValueError, match="tokens must be whole numbers"):
        null_prompts(jnp.ones((2, 3)))


def test_what_fills_a_row_up_is_not_heard():
    """Whatever the filling's embedding is, the words' states and the vector stay the same."""
    model, tokens = filled(encoder), WORDS(["a red apple"])
    quiet = read(model, tokens)
    model.words[...] = model.words[...].at[NOTHING].set(100.0)
    loud = read(model, tokens)
    assert_allclose(loud.vector, quiet.vector, rtol=1e-5)
    assert_allclose(loud.tokens[:, :4], quiet.tokens[:, :4], rtol=1e-5)


def test_order_of_words_is_heard():
    """The same words in another order are another prompt."""
    one, two = read(filled(encoder), WORDS(["red apple tree", "tree apple red"])).vector
    assert np.abs(one - two).max() > 1e-3


def test_cross_attention_by_hand():
    """The residual adds the values, weighed by the softmax of queries on keys, token by token."""
    model = filled(lambda: layers.CrossAttention(8, 6, heads=2, groups=2, rngs=nnx.Rngs(0)))
    x = jax.random.normal(jax.random.key(0), (1, 2, 2, 8))
    tokens = jax.random.normal(jax.random.key(1), (1, 3, 6))
    mask = jnp.array([[True, True, False]])
    q = np.asarray(model.q(model.norm(x))).reshape(4, 2, 4)
    k, v = np.split(np.asarray(model.kv(tokens))[0].reshape(3, 2, 2, 4), 2, axis=1)
    mixed = np.zeros((4, 2, 4))
    seen = np.zeros((3, 4))
    for pixel in range(4):
        for head in range(2):
            scores = np.exp([q[pixel, head] @ k[n, 0, head] / 2 for n in range(2)])
            weights = scores / scores.sum()
            mixed[pixel, head] = sum(w * v[n, 0, head] for n, w in enumerate(weights))
            seen[:2, pixel] += weights / 2
    wanted = x + model.out(jnp.asarray(mixed, jnp.float32).reshape(1, 2, 2, 8))
    assert_allclose(model(x, tokens, mask), wanted, rtol=1e-4, atol=1e-5)
    assert_allclose(model.maps(x, tokens, mask)[0].reshape(3, 4), seen, rtol=1e-4, atol=1e-6)


def test_network_hears_vector_and_tokens():
    """Vector and tokens each change the output; the null prompt is a prompt like any other."""
    size = {"d_cond": 6, "d_tokens": 8, "widths": (8,), "blocks": (1,)}
    model = filled(lambda: UNet(3, encoder(), **size, rngs=nnx.Rngs(0)))
    tokens = jnp.asarray(WORDS(["a red apple"]))
    xt, t = jax.random.normal(jax.random.key(0), (1, 4, 4, 3)), jnp.array([0.5])
    context = model.embed(t, tokens)
    out = jax.jit(lambda c: model.decode(model.encode(xt, c), c))
    other = model.embed(t, jnp.asarray(WORDS(["a green tree"])))
    swaps = [
        Context(other.vector, context.tokens, context.mask),
        Context(context.vector, other.tokens, context.mask),
        model.embed(t, null_prompts(tokens)),
    ]
    for swapped in swaps:
        assert np.abs(out(swapped) - out(context)).max() > 2e-5
    assert np.isfinite(out(swaps[2])).all()


def test_vocabulary_is_a_value():
    """Two of the same words are equal, so one made again fits weights trained before."""
    assert Vocabulary(WORDS.words) == WORDS and emoji_words() == vocabulary(
        datasets.emoji_sentences()
    )


@pytest.mark.parametrize(
    "typed",
    [
        "twelve o’clock",
        "twelve o'clock",
        "Twelve O‘Clock",
        "‘twelve o’clock’",
        "«twelve» o’clock…",
        '"twelve o\'clock"',
        "twelve – o’clock",
        "„twelve“ o’clock!",
        "'twelve' 'o’clock'",
    ],
)
def test_prompts_as_people_type_them(typed):
    """Quotes of any kind around words, either apostrophe inside one, dashes and an ellipsis."""
    assert words_of(typed) == ["twelve", "o’clock"]


def test_words_keep_what_is_theirs():
    """A hyphen and a sign inside a word stay: the shipped vocabulary is the same as ever."""
    assert words_of("an upside-down face, keycap #") == ["an", "upside-down", "face", "keycap", "#"]
    assert len(emoji_words()) == 1449
