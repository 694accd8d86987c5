"""Checks of the exercises about networks that are told words."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from workshop_lite.exercises.verdicts import finite, same, shape


def knows_the_time(build) -> str:
    """Whether a network answers otherwise at another noise level, row by row."""
    net = build(8, rngs=nnx.Rngs(0))
    x, words = jnp.ones((2, 3)), jnp.ones((2, 8))
    out = net(x, jnp.array([0.1, 0.9]), words)
    if shape(out) != (2, 3):
        return f"the output must have the shape of xt, (2, 3), and has {shape(out)}"
    if same(out[0], out[1], 1e-6):
        return "at t = 0.1 and at t = 0.9 the network says the same: it is not told the time"
    if same(out, net(x, jnp.array([0.1, 0.9]), 0 * words)):
        return "the network says the same for other words"
    return ""


def reads(build) -> str:
    """Whether pixels of one width attend to words of another."""
    net = build(8, 12, rngs=nnx.Rngs(0))
    pixels = jnp.sin(jnp.arange(80.0)).reshape(2, 5, 8)
    words = jnp.cos(jnp.arange(72.0)).reshape(2, 3, 12)
    out = net(pixels, words)
    if shape(out) != (2, 5, 8):
        return f"5 pixels of width 8 must stay 5 of width 8, and became {shape(out)}"
    return "the pixels are the same for other words" if same(out, net(pixels, -words)) else ""


def norms_apart(build) -> str:
    """Whether two sublayers each have a norm to learn."""
    layer = build(4, rngs=nnx.Rngs(0))
    h = jnp.sin(jnp.arange(12.0)).reshape(3, 4)
    slopes = jax.jit(jax.grad(lambda layer: jnp.sum(jnp.sin(layer(h)))))(layer)
    flat = nnx.to_flat_state(nnx.state(slopes, nnx.Param))
    used = [path for path, slope in flat if path[-1] == "scale" and np.any(slope[...])]
    if len(used) < 2:
        return "the two sublayers share one norm, which cannot suit both"
    return "" if shape(layer(h)) == (3, 4) else f"shape (3, 4) became {shape(layer(h))}"


def knows_the_order(build) -> str:
    """Whether a word has another state in another place."""
    words = build(10, 4, 8, rngs=nnx.Rngs(0))
    forth, back = words(jnp.array([[1, 2, 3]])), words(jnp.array([[3, 2, 1]]))
    if shape(forth) != (1, 3, 8):
        return f"three words must become three rows of 8 numbers, and became {shape(forth)}"
    if same(forth, back[:, ::-1], 1e-6):
        return "'dog bites man' and 'man bites dog' have the same states, in another order"
    if not same(words(jnp.array([[1, 2]])), forth[:, :2]):
        return "the states of two words must not depend on a third behind them"
    return ""


def leaves_padding_out(attended) -> str:
    """Whether what only fills a row up counts for nothing."""
    scores = jnp.array([[[1.0, -2.0, 0.5]]])
    values = jnp.array([[[1.0], [2.0], [30.0]]])
    there = jnp.array([[True, True, False]])
    out, other = attended(scores, values, there), attended(scores, -values, there)
    if shape(out) != (1, 1, 1):
        return f"one query of one number must get one number, and got shape {shape(out)}"
    if not same(out, -other):
        return "minus the values must give minus the result"
    right = jax.nn.softmax(scores[..., :2]) @ values[:, :2]
    if not same(out, right):
        return (
            f"of the words 1 and 2, and 30 that is padding, you read {out.squeeze():.2f}, and"
            f" without the padding it is {right.squeeze():.2f}"
        )
    whole = attended(scores, values, jnp.ones((1, 3), bool))
    heard = same(whole, jax.nn.softmax(scores) @ values)
    return "" if heard else "a word that is there is left out"


def says_nothing(null_prompt) -> str:
    """Whether attention to the null prompt is finite, and the same for all prompts."""
    tokens = jnp.array([[1, 5, 6, 0], [1, 7, 0, 0]])
    null = null_prompt(tokens)
    if shape(null) != (2, 4):
        return f"2 prompts of 4 tokens must stay so, and became shape {shape(null)}"
    shares = jax.nn.softmax(jnp.where(null != 0, 0.0, -jnp.inf), axis=-1)
    if not finite(shares):
        return (
            "attention finds no word in your null prompt: the shares are 0 / 0, which is NaN,"
            " and so is every guided sample"
        )
    if not same(null[0], null[1]) or bool(jnp.isin(null, jnp.array([5, 6, 7])).any()):
        return "the null prompt still knows the words"
    return ""


CHECKS = {
    "text-1": knows_the_time,
    "text-2": reads,
    "text-3": norms_apart,
    "text-4": knows_the_order,
    "text-5": leaves_padding_out,
    "text-6": says_nothing,
}
