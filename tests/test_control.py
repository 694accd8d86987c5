"""ControlNet: silent at first, never touching its base, and heard as strongly as asked."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import filled
from flax import nnx
from jax.tree_util import Partial
from numpy.testing import assert_allclose, assert_array_equal

from workshop_lite import training
from workshop_lite.conditioning import (
    Control,
    Controlled,
    Hinted,
    Labels,
    TextEncoder,
    null_hinted,
    null_labels,
)
from workshop_lite.guidance import Guided
from workshop_lite.networks import UNet
from workshop_lite.networks.layers import from_patches, to_patches
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.recipes import hint_loss
from workshop_lite.schedules import cosine

SIZE = {"d_cond": 8, "widths": (8, 16), "blocks": (1, 1)}


def plain():
    return UNet(3, Labels(3, 8, rngs=nnx.Rngs(0)), **SIZE, rngs=nnx.Rngs(0))


@cache
def base():
    return filled(plain)


def branch(channels=1, **options):
    return Control(base(), channels, rngs=nnx.Rngs(1), **options)


@cache
def loud(channels=1):
    """A branch whose every parameter is noise."""
    return filled(lambda: Control(plain(), channels, rngs=nnx.Rngs(1)))


def cond(strength=1.0, b=2, channels=1, inner=None):
    labels = jnp.arange(b) if inner is None else inner
    hint = jax.random.uniform(jax.random.key(5), (b, 8, 8, channels))
    return Hinted(labels, hint, jnp.full(b, strength))


XT, T = jax.random.normal(jax.random.key(0), (2, 8, 8, 3)), jnp.array([0.3, 0.8])
run = jax.jit(lambda net, cond: net(XT, T, cond))


@pytest.mark.parametrize("middle", [True, False])
def test_fresh_branch_adds_exactly_nothing(middle):
    """Zero weights and biases: the output is the base's, to the last bit."""
    net = Controlled(base(), branch(middle=middle))
    assert_array_equal(run(net, cond()), run(base(), jnp.arange(2)))


def test_branch_is_a_copy_of_the_encoder():
    """All that is in both has the base's weights, and without the middle the rest is the same."""
    whole, short = branch(), branch(middle=False)
    for part in ("stem", "encoder", "down", "middle"):
        jax.tree.map(assert_array_equal, getattr(whole, part), getattr(base(), part))
    sizes = [sum(leaf.size for leaf in jax.tree.leaves(m)) for m in (whole, short, whole.middle)]
    assert sizes[1] == sizes[0] - sizes[2]


def test_without_the_middle_the_last_block_has_two_links():
    """What goes to the middle's features is made of the last block's."""
    control = filled(lambda: Control(plain(), 1, middle=False, rngs=nnx.Rngs(1)))
    control.links[-1] = control.links[-2]
    asked = cond()
    *_, block, middle = control(XT, base().embed(T, asked.cond), asked.hint)
    assert_array_equal(block, middle)
    assert np.abs(block).max() > 1e-2


def test_a_hint_finer_than_the_image():
    """Each 4 x 4 of its pixels become one: as a branch of 16 channels that is given them as one."""
    fine = filled(lambda: Control(plain(), 1, factor=4, rngs=nnx.Rngs(1)))
    coarse = filled(lambda: Control(plain(), 16, rngs=nnx.Rngs(1)))
    assert nnx.state(fine) and fine.arguments == {"channels": 1, "factor": 4, "middle": True}
    asked, drawing = cond(), jax.random.uniform(jax.random.key(5), (2, 32, 32, 1))
    whole = to_patches(drawing, 4 * fine.patch)
    split = from_patches(whole, coarse.patch)
    context = base().embed(T, asked.cond)
    for a, b in zip(fine(XT, context, drawing), coarse(XT, context, split), strict=True):
        assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    asked = asked._replace(hint=drawing)
    assert run(Controlled(base(), fine), asked).shape == XT.shape
    with pytest.raises(
        ValueError, match=r"hint must have shape \(2, 32, 32, 1\), got \(2, 8, 8, 1\)"
    ):
        Controlled(base(), fine)(XT, T, asked._replace(hint=drawing[:, :8, :8]))


def test_strength_scales_what_is_added():
    """Strength 0 is the base; the decoder hears a branch of strength s as s times its features."""
    net = Controlled(base(), loud())
    assert_allclose(run(net, cond(0.0)), run(base(), jnp.arange(2)), rtol=1e-5, atol=1e-5)
    asked = cond(0.7)
    context = net.embed(T, asked)
    plain = base().encode(XT, context.cond)
    extra = net.control(XT, context.cond, asked.hint)
    for got, h, e in zip(net.encode(XT, context), plain, extra, strict=True):
        assert_allclose(got, h + 0.7 * e, rtol=1e-5, atol=1e-5)
    assert np.abs(run(net, cond(1.0)) - run(net, cond(0.0))).max() > 1e-2


def test_branch_sees_everything():
    """x_t, the noise level, the condition and the hint each change what is added."""
    control, asked = loud(), cond()
    look = jax.jit(lambda xt, t, c: control(xt, base().embed(t, c.cond), c.hint))
    before = look(XT, T, asked)
    others = [
        (XT + 1, T, asked),
        (XT, T / 2, asked),
        (XT, T, asked._replace(cond=jnp.array([2, 0]))),
        (XT, T, asked._replace(hint=1 - asked.hint)),
    ]
    for other in others:
        assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(look(*other), before, strict=True))


def test_two_branches_add_up():
    """A branch on top of a branch: the features of base, first and second."""
    first, second = loud(1), loud(3)
    net = Controlled(Controlled(base(), first), second)
    asked = cond(0.5, channels=3, inner=cond(2.0))
    context = base().embed(T, jnp.arange(2))
    parts = [
        base().encode(XT, context),
        first(XT, context, asked.cond.hint),
        second(XT, context, asked.hint),
    ]
    summed = [a + 2.0 * b + 0.5 * c for a, b, c in zip(*parts, strict=True)]
    assert_allclose(run(net, asked), base().decode(summed, context), rtol=1e-4, atol=1e-4)


def test_training_moves_the_branch_and_not_the_base():
    """After a few steps every parameter of the branch has moved, and the base is the same bits."""
    words = TextEncoder(9, d=8, d_vector=8, heads=2, length=4, depth=1, rngs=nnx.Rngs(0))
    text = filled(lambda: UNet(3, words, **SIZE, d_tokens=8, rngs=nnx.Rngs(0)))
    net = Denoiser(text, cosine, VELOCITY)
    control = Control(text, 1, rngs=nnx.Rngs(1))
    rng = np.random.default_rng(0)
    tokens = np.tile(np.int32([1, 3, 4, 0]), (8, 1))
    data = rng.integers(0, 255, (8, 8, 8, 3), np.uint8), tokens, np.ones((8, 8, 8, 1), np.uint8)
    before = [np.array(a) for a in jax.tree.leaves(net)]
    fitted = training.fit(
        control, Partial(hint_loss, net), data, steps=6, batch=8, warmup=0, chunk=6, bar=False
    )
    for old, new in zip(before, jax.tree.leaves(net), strict=True):
        assert_array_equal(old, new)
    for old, new in zip(jax.tree.leaves(control), jax.tree.leaves(fitted.last), strict=True):
        assert (old != new).any()


def test_guidance_keeps_the_hint():
    """The unconditional twin has the same hint and strength, and another label."""
    asked = cond(0.7)
    null = null_hinted(null_labels)(asked)
    assert_array_equal(null.hint, asked.hint)
    assert_array_equal(null.strength, asked.strength)
    assert_array_equal(null.cond, [-1, -1])
    assert null_hinted(null_labels) is null_hinted(null_labels)  # so that nothing compiles twice
    denoise = Denoiser(Controlled(base(), loud()), cosine, VELOCITY)
    guided = Guided(denoise, null_hinted(null_labels), 3.0)
    x0, x0_null = denoise(XT, T, asked), denoise(XT, T, null)
    ours = jax.jit(lambda g, c: g(XT, T, c))(guided, asked)
    assert_allclose(ours, x0_null + 3 * (x0 - x0_null), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (jnp.arange(2), "cond must be a Hinted"),
        (cond()._replace(hint=jnp.zeros((2, 4, 4, 1))), "hint must have shape \\(2, 8, 8, 1\\)"),
        (cond()._replace(hint=jnp.zeros((2, 8, 8, 3))), "hint must have shape \\(2, 8, 8, 1\\)"),
        (cond()._replace(hint=jnp.full((2, 8, 8, 1), 2.0)), "hint must lie between 0 and 1"),
        (cond()._replace(hint=jnp.full((2, 8, 8, 1), jnp.nan)), "hint must be finite"),
        (cond(jnp.nan), "strength must be finite"),
        (cond()._replace(strength=jnp.ones(3)), "strength must be 2 numbers, got shape \\(3,\\)"),
        (cond()._replace(cond=jnp.array([0, 7])), "labels must lie between 0 and 2"),
    ],
)
def test_bad_hints(bad, message, unchecked):
    """One sentence each."""
    with pytest.raises(ValueError, match=message):
        Controlled(base(), branch()).check(XT, bad)
