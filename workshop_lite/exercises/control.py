"""Checks of the exercises about a branch that sees a drawing."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from workshop_lite.exercises.verdicts import moved, same, shape


class Base:
    """A U-Net in small: features at half the size, and back to a picture."""

    def encode(self, xt):
        """[b, h, w, 3] to features [b, h / 2, w / 2, 4]."""
        return jnp.concatenate([xt[:, ::2, ::2], xt[:, ::2, ::2, :1]], axis=-1)

    def decode(self, features):
        """And back."""
        return features[..., :3].repeat(2, axis=1).repeat(2, axis=2)


def meets_the_features(controlled) -> str:
    """Whether what the branch says is added to what has its shape."""
    base, xt, hint = Base(), jnp.ones((2, 8, 8, 3)), jnp.ones((2, 8, 8, 1))

    def branch(hint):
        return jnp.repeat(hint[:, ::2, ::2], 4, axis=-1)

    out = controlled(base, branch, xt, hint)
    if shape(out) != xt.shape:
        return f"the output must have the shape of xt, {xt.shape}, and has {shape(out)}"
    if not same(out, base.decode(base.encode(xt) + branch(hint))):
        return "the decoder must hear the sum of the base's features and the branch's"
    return ""


def sees_all(build) -> str:
    """Whether a branch depends on the noisy picture, the time and the drawing."""
    branch = build(4, rngs=nnx.Rngs(0))
    seen = {"xt": jnp.ones((2, 5, 3)), "t": jnp.full((2, 1, 1), 0.5), "hint": jnp.ones((2, 5, 1))}
    out = branch(*seen.values())
    blind = [n for n in seen if same(out, branch(*(seen | {n: 0 * seen[n]}).values()), 1e-6)]
    if blind:
        return f"the branch says the same whatever the value of {' and of '.join(blind)}"
    return "" if shape(out) == (2, 5, 4) else f"the shape must be (2, 5, 4), not {shape(out)}"


def keeps_the_base(step) -> str:
    """Whether training moves the branch alone."""
    base, branch = nnx.Linear(3, 3, rngs=nnx.Rngs(0)), nnx.Linear(1, 3, rngs=nnx.Rngs(1))
    start = nnx.clone(base), nnx.clone(branch)
    x = jnp.sin(jnp.arange(12.0)).reshape(4, 3)
    after = step(base, branch, x, x[:, :1], 2 * x)
    if not isinstance(after, tuple) or len(after) != 2:
        return "the step must return the base and the branch"
    if moved(start[0], after[0]):
        return "one step has moved the base, which was to stay as it is"
    return "" if moved(start[1], after[1]) else "one step has not moved the branch"


def can_begin(build) -> str:
    """Whether a link that adds nothing at first can learn to add something."""
    link = build(4, rngs=nnx.Rngs(0))
    hint = jnp.sin(jnp.arange(12.0)).reshape(3, 4)
    if not same(link(hint), jnp.zeros((3, 4)), 1e-6):
        return "a fresh link must add nothing, or the base is disturbed from the first step on"
    slopes = jax.grad(lambda link: jnp.mean((link(hint) - hint) ** 2))(link)
    kernels = [np.asarray(leaf) for leaf in jax.tree.leaves(slopes) if leaf.ndim == 2]
    if not any(kernel.any() for kernel in kernels):
        return "no kernel has a gradient: a layer of zeros stands behind another, and both wait"
    return ""


CHECKS = {
    "control-1": meets_the_features,
    "control-2": sees_all,
    "control-3": keeps_the_base,
    "control-4": can_begin,
}
