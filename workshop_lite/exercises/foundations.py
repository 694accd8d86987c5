"""Checks of the exercises about networks in NNX and the loops that train them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from workshop_lite.exercises.verdicts import moved, same, shape


def embeds(build) -> str:
    """Whether a network of two layers can be built, and is more than one layer."""
    net = build(8, rngs=nnx.Rngs(0))
    x = jnp.linspace(-2, 2, 16).reshape(2, 8)
    once, twice, none = net(x), net(2 * x), net(0 * x)
    if shape(once) != (2, 8):
        return f"rows of 8 numbers must stay rows of 8, and shape (2, 8) became {shape(once)}"
    if same(twice - none, 2 * (once - none)):
        return "nothing bends between the two layers, so they are no more than one"
    return ""


def holds_its_layers(build) -> str:
    """Whether the parameters of all layers are the model's."""
    model = build(4, 3, rngs=nnx.Rngs(0))
    out = model(jnp.ones((2, 4)))
    found = len(jax.tree.leaves(nnx.state(model, nnx.Param)))
    if found != 6:
        return f"three layers have 6 arrays of parameters, and nnx.state finds {found}"
    return "" if shape(out) == (2, 4) else f"shape (2, 4) became {shape(out)}"


def normalises(build) -> str:
    """Whether the last layers of a U-Net can be built, and divide by the spread of their input."""
    net = build(8, 3, rngs=nnx.Rngs(0))
    h = jnp.sin(jnp.arange(256.0)).reshape(2, 4, 4, 8)
    out = net(h)
    if shape(out) != (2, 4, 4, 3):
        return f"shape {h.shape} must become (2, 4, 4, 3), and became {shape(out)}"
    if not same(net(10 * h), out, 0.05):
        return "ten times the input gives another output, so nothing is normalised"
    return ""


def has_one_class(block) -> str:
    """Whether two blocks are of one class, so that their weights can be averaged."""
    one, two = (block(4, rngs=nnx.Rngs(seed)) for seed in (0, 1))
    if type(one) is not type(two):
        return (
            "two blocks are of two classes that only share a name, so their weights cannot be"
            " averaged, and jax.jit compiles for each of them"
        )
    x = jnp.ones((2, 4))
    if shape(one(x)) != (2, 4) or same(one(x), two(x)):
        return "two blocks with other seeds must give rows of 4 numbers, and other ones"
    return ""


def fits(fit) -> str:
    """Whether a loop of descent finds a line."""
    x = jnp.linspace(-1, 1, 8)[:, None]

    def loss(model):
        return jnp.mean((model(x) - 2 * x) ** 2)

    model = nnx.Linear(1, 1, rngs=nnx.Rngs(0))
    before = float(loss(model))
    after = float(loss(fit(model, loss, 20)))
    return "" if after < before / 2 else "20 steps did not halve the loss on a straight line"


def learns(step) -> str:
    """Whether a step of training moves the parameters, downhill."""
    x = jnp.linspace(-1, 1, 8)[:, None]
    model = nnx.Linear(1, 1, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)
    start = nnx.clone(model)
    losses = [float(step(model, optimizer, x, 2 * x)) for _ in range(5)]
    if not moved(start, model):
        return "after five steps no parameter has moved: every gradient is exactly zero"
    return "" if losses[-1] < losses[0] else "the loss does not fall in five steps"


def shuffles(batches) -> str:
    """Whether every epoch shows every row once, in an order of its own."""
    rows = [np.asarray(batch) for batch in batches(12, 4, 3, jax.random.key(0))]
    if [len(row) for row in rows] != [4] * 9:
        return f"three epochs of 12 rows are 9 batches of 4, and yours are {len(rows)}"
    epochs = np.concatenate(rows).reshape(3, 12)
    if not (np.sort(epochs) == np.arange(12)).all():
        return "an epoch must show each row once"
    if (epochs[0] == epochs[1]).all():
        return "the second epoch shows the rows in the same order as the first"
    if (epochs[0] == np.arange(12)).all():
        return "the rows come in the order in which they are stored"
    return ""


def averages(average) -> str:
    """Whether a running average moves a little towards the model."""
    step = {"w": jnp.zeros(2)}, {"w": jnp.ones(2)}
    after = average(*step)["w"]
    if not same(after, jnp.full(2, 0.001), 1e-5):
        way = float(jnp.mean(jnp.asarray(after)))
        return f"one step goes {way:.3g} of the way to the model, and should go 0.001 of it"
    if not same(average(*step, 0.5)["w"], jnp.full(2, 0.5)):
        return "at decay 0.5 one step should go half of the way to the model"
    return ""


CHECKS = {
    "nnx-1": embeds,
    "nnx-2": holds_its_layers,
    "nnx-3": normalises,
    "nnx-4": has_one_class,
    "nnx-5": fits,
    "nnx-6": learns,
    "nnx-7": shuffles,
    "nnx-8": averages,
}
