"""Checks of the exercises about classifier-free guidance and the sampler around it."""

import jax
import jax.numpy as jnp
from flax import nnx

from workshop_lite.exercises.oracles import Asked, best, landed, noise
from workshop_lite.exercises.verdicts import finite, same, shape
from workshop_lite.schedules import cosine


def forgets(forgotten) -> str:
    """Whether about the share that is asked for loses its label."""
    labels = jnp.arange(1000) % 10
    for share in (0.5, 0.1):
        left = forgotten(labels, nnx.Rngs(0), share)
        if shape(left) != (1000,):
            return f"1,000 labels must stay 1,000, and became shape {shape(left)}"
        gone = float((left == -1).mean())
        if gone == 0:
            return f"of 1,000 labels at share {share:g} not one is forgotten"
        if abs(gone - share) > 0.07:
            return f"at share {share:g} the share of forgotten labels is {gone:.1f}"
        if not bool(((left == -1) | (left == labels)).all()):
            return "a label that is not forgotten must stay as it was"
    return ""


def guides(guided) -> str:
    """Whether scale 0 forgets the label, 1 keeps to it and 3 goes beyond it, for every class."""
    x, t = noise(8), jnp.full(8, 0.6)
    for label in (0, 1):
        labels = jnp.full(8, label)
        with_label, without = best(x, t, labels), best(x, t)
        at = [guided(best, x, t, labels, scale) for scale in (0.0, 1.0, 3.0)]
        if same(at[0], with_label) and same(at[2], with_label):
            return (
                f"for class {label} all scales give the same: what you lead away from is that"
                " class itself"
            )
        if same(at[0], with_label) and same(at[1], without):
            return "at scale 0 comes the estimate with the label, and at scale 1 the one without"
        if not same(at[0], without) or not same(at[1], with_label):
            return (
                f"for class {label} scale 0 must give the estimate without a label and scale 1"
                " the one with it, and one of them does not"
            )
        if not same(at[2], without + 3 * (with_label - without)):
            return f"for class {label} scale 3 must go three times as far as scale 1"
    return ""


def has_a_null_row(build) -> str:
    """Whether no class has a vector as every class has."""
    table = build(10, 4, rngs=nnx.Rngs(0))
    if shape(table(jnp.arange(10))) != (10, 4):
        return "ten labels must become ten vectors of 4 numbers"
    if not finite(table(jnp.array([10]))):
        return "the vector of label 10, no class, is NaN: the table has no row of that number"
    if any(same(table(jnp.array([10])), table(jnp.array([label]))) for label in range(10)):
        return "no class must have a vector of its own, and it has that of a class"
    return ""


def starts_where_signal_is(sample) -> str:
    """Whether a sampler that reads predicted noise starts where it can."""

    def predicted(x, t):
        level = cosine(jnp.clip(t, 0.001, 1))
        return (x - level.alpha * best(x, t)) / level.sigma

    asked = Asked(predicted)
    x = sample(asked, noise(), 20)
    if not finite(x):
        first = float(asked.calls[0][1])
        return f"the samples are NaN: your first step stands at t = {first:g}" + (
            ", where alpha is 0, and divides by it" if first == 1 else ""
        )
    return _lands(x)


def _lands(x) -> str:
    share = landed(x)
    return "" if share > 0.9 else f"with a perfect network only {share:.0%} of samples land on data"


def joins(spans) -> str:
    """Whether each step begins where the last has ended, from noise to data."""
    now, then = map(jnp.asarray, spans(10))
    if shape(now) != (10,) or shape(then) != (10,):
        return f"ten steps have ten beginnings and ends, not {shape(now)} and {shape(then)}"
    if not same(now[0], 1.0):
        return f"the first step must begin at t = 1, and yours begins at {now[0]:.2f}"
    if float(then.min()) < -1e-6:
        return (
            f"your last step ends at t = {then.min():.2f}, beyond the data, where the noise level"
            " is the root of a negative number"
        )
    if not same(then[:-1], now[1:], 1e-5):
        return f"the first step ends at t = {then[0]:.3f}, and the second begins at {now[1]:.3f}"
    return "" if same(then[-1], 0.0) else f"the last step must end at 0, not at {then[-1]:.2f}"


def stays_on_the_way(step) -> str:
    """Whether x_0, cut to its range, and the noise still add up to x_t."""
    x, now, then = jnp.array([[-2.0], [0.5], [2.0]]), cosine(0.5), cosine(0.25)
    wild = jnp.array([[-1.5], [0.2], [1.5]])
    cut = jnp.clip(wild, -1, 1)
    if not same(step(x, cut, now, then), _ddim(x, cut, now, then)):
        return "where nothing is cut your step is not that of DDIM"
    still = step(x, wild, now, now)
    if not same(still, x):
        off = float(jnp.abs(still - x).max())
        return f"a step from a level to the same level must stay, and yours moves x by {off:.2f}"
    if same(step(x, wild, now, then), _ddim(x, wild, now, then)):
        return "an estimate of 1.5 must be cut to 1"
    right = same(step(x, wild, now, then), _ddim(x, cut, now, then))
    return "" if right else "the step must go from the cut x_0 and the noise that goes with it"


def _ddim(x, x0, now, then):
    return then.alpha * x0 + then.sigma * (x - now.alpha * x0) / now.sigma


def compiles_once(sample) -> str:
    """Whether the network is traced once for all steps."""
    asked = Asked(lambda x, t: best(x, jnp.broadcast_to(t, len(x))))
    times = jnp.linspace(1, 0, 9)
    x = sample(asked, noise(), times)
    traced = sum(isinstance(call[0], jax.core.Tracer) for call in asked.calls)
    if traced < len(asked.calls):
        return f"{len(asked.calls) - traced} of the calls of the network are outside of jax.jit"
    if traced > 2:
        return f"in 8 steps the network was compiled {traced} times, and once is enough"
    return _lands(x)


def fits_odd_sizes(joined) -> str:
    """Whether the way up of a U-Net meets the skip of any size."""
    for small, size in ((4, 8), (3, 7)):
        h, skip = jnp.ones((2, small, small, 4)), jnp.zeros((2, size, size, 3))
        out = joined(h, skip)
        if shape(out) != (2, size, size, 7):
            return f"sizes {small} and {size} must give (2, {size}, {size}, 7), not {shape(out)}"
        if not same(out[..., 4:], skip):
            return "the skip must come last, as it is"
    return ""


CHECKS = {
    "cfg-1": forgets,
    "cfg-2": guides,
    "cfg-3": has_a_null_row,
    "cfg-4": starts_where_signal_is,
    "cfg-5": joins,
    "cfg-6": stays_on_the_way,
    "cfg-7": compiles_once,
    "cfg-8": fits_odd_sizes,
    "cfg-9": guides,
}
