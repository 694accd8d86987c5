"""The network: a U-Net on patches, told the noise level and the condition."""

from functools import partial

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, ArrayLike, Float, PyTree

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.networks.context import Context
from workshop_lite.networks.layers import (
    Block,
    Conv,
    CrossAttention,
    GroupNorm,
    SelfAttention,
    doubled,
    from_patches,
    sinusoids,
    to_patches,
    zeros,
)


class Stage(Module):
    """A residual block, and behind it attention where the picture is small enough to pay.

    With ``d_tokens`` the pixels look at each other first, then at the tokens.
    """

    def __init__(self, c: int, d_cond: int, *, attend: bool, d_tokens: int | None = None, **kw):
        self.block = Block(c, d_cond, **kw)
        self.attention = SelfAttention(c, **kw) if attend else None
        self.cross = CrossAttention(c, d_tokens, **kw) if attend and d_tokens else None

    def __call__(self, h: Float[Array, "b h w c"], context: Context) -> Array:
        h = self.before_words(h, context)
        return h if self.cross is None else self.cross(h, context.tokens, context.mask)

    def before_words(self, h: Float[Array, "b h w c"], context: Context) -> Array:
        """What the stage makes of its input before the pixels look at the tokens."""
        h = self.block(h, context.vector)
        return h if self.attention is None else self.attention(h)


class UNet(Module):
    """U-Net (Ronneberger et al., 2015) for images of any height and width that patches divide.

    Each level halves height and width, rounding up, and has its own number of channels.
    ``encode`` returns the features of every block, the middle's last; ``decode`` takes them
    back from the end, so a second encoder can add to them. Attention stands at the lowest
    level only. A fresh network outputs zeros.

    Args:
        channels: of the image, c.
        condition: module from a condition to a ``Context`` whose vector has ``d_cond`` numbers.
        widths: channels of each level, finest first.
        blocks: residual blocks of each level, on the way down and again on the way up.
        d_tokens: width of the condition's tokens, for cross-attention at the lowest level; without
            it the network looks only at the vector.
        patch: side of the square that becomes one pixel before the first level.
        dtype: of the computation; parameters stay float32.
    """

    def __init__(
        self,
        channels: int,
        condition: nnx.Module,
        *,
        d_cond: int,
        widths: tuple[int, ...],
        blocks: tuple[int, ...],
        d_tokens: int | None = None,
        patch: int = 2,
        dtype=None,
        rngs: nnx.Rngs,
    ):
        checks.whole("channels", channels)
        checks.whole("d_cond", d_cond)
        checks.whole("patch", patch)
        checks.wholes("widths", widths)
        checks.wholes("blocks", blocks)
        if any(c % 8 for c in widths) or len(blocks) != len(widths):
            raise ValueError(
                "widths must be multiples of 8, with a number of blocks for each,"
                f" got {widths} with blocks {blocks}"
            )
        if d_cond % 2:
            raise ValueError(f"d_cond must be even, got {d_cond}")
        kw = {"dtype": dtype, "rngs": rngs}
        stage = partial(Stage, d_cond=d_cond, d_tokens=d_tokens, **kw)
        self.channels, self.patch, self.d_cond = channels, patch, d_cond
        self.widths, self.blocks, self.d_tokens = tuple(widths), tuple(blocks), d_tokens
        self.condition = condition
        self.time = nnx.Sequential(
            nnx.Linear(d_cond, d_cond, **kw), nnx.silu, nnx.Linear(d_cond, d_cond, **kw)
        )
        self.stem = Conv(patch**2 * channels, widths[0], **kw)
        self.encoder, self.down = nnx.List([]), nnx.List([])
        self.decoder, self.merge, self.up = nnx.List([]), nnx.List([]), nnx.List([])
        for c, n in zip(widths, blocks, strict=True):
            attend = len(self.encoder) == len(widths) - 1
            self.encoder.append(nnx.List([stage(c, attend=attend) for _ in range(n)]))
            self.decoder.append(nnx.List([stage(c, attend=attend) for _ in range(n)]))
            self.merge.append(nnx.List([nnx.Linear(2 * c, c, **kw) for _ in range(n)]))
        for fine, coarse in zip(widths[:-1], widths[1:], strict=True):
            self.down.append(nnx.Linear(4 * fine, coarse, **kw))
            self.up.append(nnx.Linear(coarse, fine, **kw))
        self.middle = stage(widths[-1], attend=True)
        self.norm = GroupNorm(widths[0], 8, **kw)
        self.head = Conv(widths[0], patch**2 * channels, kernel_init=zeros, **kw)

    def __call__(
        self, xt: Float[Array, "b h w c"], t: Float[Array, " b"], cond: PyTree
    ) -> Float[Array, "b h w c"]:
        self.check(xt, cond)
        context = self.embed(t, cond)
        return self.decode(self.encode(xt, context), context)

    def embed(self, t: Float[Array, " b"], cond: PyTree) -> Context:
        """The condition, with the noise level t in [0, 1] added to its vector."""
        context = self.condition(cond)
        vector = context.vector + self.time(sinusoids(t, self.d_cond))
        return context._replace(vector=vector)

    def encode(
        self, xt: Float[Array, "b h w c"], context: Context, hint: Array | None = None
    ) -> list[Array]:
        """The features of every block, finest first, the middle's last.

        A ``hint`` [b, h/patch, w/patch, widths[0]] is added to what the stem makes of the image.
        """
        h = self.stem(to_patches(xt, self.patch))
        h = h if hint is None else h + hint
        features = []
        for level, stages in enumerate(self.encoder):
            if level > 0:
                h = self.down[level - 1](to_patches(h, 2))
            for stage in stages:
                h = stage(h, context)
                features.append(h)
        return [*features, self.middle(h, context)]

    def decode(self, features: list[Array], context: Context) -> Float[Array, "b h w c"]:
        """The output image, from the features of ``encode``."""
        *features, h = features
        for level in reversed(range(len(self.decoder))):
            for merge, stage in zip(self.merge[level], self.decoder[level], strict=True):
                h = stage(merge(jnp.concatenate([h, features.pop()], axis=-1)), context)
            if level > 0:
                h = doubled(self.up[level - 1](h), like=features[-1])
        out = self.head(nnx.silu(self.norm(h)))
        return from_patches(out, self.patch).astype(jnp.float32)

    def check(self, xt: Float[ArrayLike, "b h w c"], cond: PyTree) -> None:
        """Raise ValueError if the network cannot take these; called outside jit."""
        checks.patched("images", xt, self.channels, self.patch)
        self.condition.check(cond, len(xt))
