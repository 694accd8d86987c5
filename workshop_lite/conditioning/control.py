"""A frozen U-Net, and beside it a copy of its encoder that also sees a hint: ControlNet."""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from flax import nnx
from jaxtyping import Array, Float, PyTree

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.networks import Context, UNet
from workshop_lite.networks.layers import Conv, to_patches, zeros


class Hinted(NamedTuple):
    """A condition, a picture that says where things go, and how much it counts.

    Every field has a row for each image, so guidance doubles them like any other condition.
    ``hint`` is in [0, 1]; a ``strength`` of 0 leaves the base as it is, 1 is as trained.
    """

    cond: PyTree
    hint: Float[Array, "b h w c"]
    strength: Float[Array, " b"]


@cache  # one function for one null, or jit would compile for every new one
def null_hinted(null: Callable[[PyTree], PyTree]) -> Callable[[Hinted], Hinted]:
    """The unconditional twin that keeps the hint, so that guidance is about the words alone."""
    return lambda hinted: hinted._replace(cond=null(hinted.cond))


class Control(Module):
    """The trainable branch of ControlNet; Zhang et al. (2023), Section 3.1.

    A copy of the base's encoder, which sees x_t, the noise level, the condition and the hint.
    What it makes of them goes through 1 x 1 convolutions whose weights and biases start at
    zero, so a fresh branch adds nothing. Noise level and words are embedded by the base.
    A hint has ``factor`` times the height and width of what the base draws, which is not 1 where
    that is a latent; ``factor`` x ``factor`` of its pixels become one. Without ``middle`` the copy
    ends with the last block, which then has two links; a lighter branch for a simpler hint.
    """

    def __init__(
        self,
        base: UNet,
        channels: int,
        *,
        factor: int = 1,
        middle: bool = True,
        rngs,
        link_init=zeros,
    ):
        checks.whole("channels", channels)
        checks.whole("factor", factor)
        self.channels, self.factor, self.patch = channels, factor, base.patch
        twin = nnx.clone(base)
        self.stem, self.encoder, self.down = twin.stem, twin.encoder, twin.down
        self.middle = twin.middle if middle else _same
        c = base.head.kernel.shape[2]
        self.look = nnx.Sequential(
            Conv((factor * base.patch) ** 2 * channels, c, rngs=rngs),
            nnx.silu,
            Conv(c, c, rngs=rngs),
            nnx.silu,
            Conv(c, c, kernel_init=link_init, rngs=rngs),
        )
        widths = [s.block.conv1.bias.shape[0] for level in twin.encoder for s in level]
        self.links = nnx.List(
            [nnx.Linear(c, c, kernel_init=link_init, rngs=rngs) for c in (*widths, widths[-1])]
        )

    @property
    def arguments(self) -> dict:
        """What it is made with, besides the base."""
        middle = self.middle is not _same
        return {"channels": self.channels, "factor": self.factor, "middle": middle}

    def __call__(
        self, xt: Float[Array, "b h w c"], context: Context, hint: Float[Array, "b h2 w2 d"]
    ) -> list[Array]:
        """What to add to the features of the base's ``encode``."""
        hint = self.look(to_patches(hint, self.factor * self.patch))
        features = UNet.encode(self, xt, context, hint)
        return [link(h) for link, h in zip(self.links, features, strict=True)]


class Controlled(Module):
    """A U-Net whose decoder also hears a control branch; called with a ``Hinted`` condition.

    It has the ``embed``, ``encode`` and ``decode`` of the base, so a second branch can stand on
    top of it, and then the condition is a ``Hinted`` of a ``Hinted``.
    """

    def __init__(self, base: nnx.Module, control: Control):
        self.base, self.control = base, control

    def __call__(
        self, xt: Float[Array, "b h w c"], t: Float[Array, " b"], cond: Hinted
    ) -> Float[Array, "b h w c"]:
        self.check(xt, cond)
        context = self.embed(t, cond)
        return self.decode(self.encode(xt, context), context)

    def embed(self, t: Float[Array, " b"], cond: Hinted) -> Hinted:
        """The base's context, with the hint still beside it."""
        return cond._replace(cond=self.base.embed(t, cond.cond))

    def encode(self, xt: Float[Array, "b h w c"], context: Hinted) -> list[Array]:
        """The base's features, and the branch's added to them ``strength`` times."""
        strength = context.strength[:, None, None, None]
        extra = self.control(xt, _innermost(context), context.hint)
        features = self.base.encode(xt, context.cond)
        return [h + strength * e for h, e in zip(features, extra, strict=True)]

    def decode(self, features: list[Array], context: Hinted) -> Float[Array, "b h w c"]:
        """The base's output from these features."""
        return self.base.decode(features, context.cond)

    def check(self, xt: Float[Array, "b h w c"], cond: Hinted) -> None:
        """Raise ValueError if the network cannot take these; called outside jit."""
        if not isinstance(cond, Hinted):
            raise ValueError(f"cond must be a Hinted, got {checks.shown(cond)}")
        self.base.check(xt, cond.cond)
        b, *sides, _ = np.shape(xt)
        wanted = (b, *(self.control.factor * n for n in sides), self.control.channels)
        if (hint := checks.images("hint", cond.hint)).shape != wanted:
            raise ValueError(f"hint must have shape {wanted}, got {hint.shape}")
        if not checks.traced(hint) and not np.array_equal(hint, np.clip(hint, 0, 1)):
            raise ValueError(
                "hint must lie between 0 and 1,"
                f" got {float(hint.min()):.3g} to {float(hint.max()):.3g}"
            )
        strength = checks.numbers("strength", cond.strength)
        if strength.shape != wanted[:1]:
            raise ValueError(f"strength must be {wanted[0]} numbers, got shape {strength.shape}")


def _same(h: Array, context: Context) -> Array:
    return h


def _innermost(context: Hinted | Context) -> Context:
    return _innermost(context.cond) if isinstance(context, Hinted) else context
