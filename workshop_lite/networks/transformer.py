"""A network without convolutions or levels: patches as tokens, whose norms are told the rest."""

from functools import partial

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, ArrayLike, Float, PyTree

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.networks.context import Context
from workshop_lite.networks.layers import (
    CrossAttention,
    attended,
    from_patches,
    sinusoids,
    to_patches,
    zeros,
)


class Transformer(Module):
    """Diffusion transformer, DiT; Peebles & Xie (2023), Section 3.2 with adaLN-zero.

    Called like a ``UNet``, and takes its place. Every patch is a token that looks at all others, at
    one resolution throughout; with ``d_tokens`` it then looks at the condition's tokens, as in
    PixArt (Chen et al., 2024). A fresh network outputs zeros.

    Args:
        channels: of the image, c.
        condition: module from a condition to a ``Context`` whose vector has ``d_cond`` numbers.
        width: numbers of a token, a multiple of 4 and of ``heads``.
        depth: blocks.
        heads: of each attention.
        d_tokens: width of the condition's tokens; without it only the vector is heard.
        patch: side of the square that becomes one token.
        dtype: of the computation; parameters stay float32.
    """

    def __init__(
        self,
        channels: int,
        condition: nnx.Module,
        *,
        d_cond: int,
        width: int,
        depth: int,
        heads: int = 4,
        d_tokens: int | None = None,
        patch: int = 2,
        dtype=None,
        rngs: nnx.Rngs,
    ):
        sizes = {"channels": channels, "width": width, "depth": depth, "heads": heads}
        for name, value in (sizes | {"patch": patch, "d_cond": d_cond}).items():
            checks.whole(name, value)
        if width % 4 or width % heads:
            raise ValueError(f"width must be a multiple of 4 and of heads, got {width} for {heads}")
        if d_cond % 2:
            raise ValueError(f"d_cond must be even, got {d_cond}")
        kw = {"dtype": dtype, "rngs": rngs}
        self.channels, self.patch, self.d_cond = channels, patch, d_cond
        self.width, self.depth, self.heads, self.d_tokens = width, depth, heads, d_tokens
        self.condition = condition
        self.time = nnx.Sequential(
            nnx.Linear(d_cond, d_cond, **kw), nnx.silu, nnx.Linear(d_cond, d_cond, **kw)
        )
        self.stem = nnx.Linear(patch**2 * channels, width, **kw)
        told = {"heads": heads, "d_tokens": d_tokens}
        self.blocks = nnx.List([TokenBlock(width, d_cond, **told, **kw) for _ in range(depth)])
        self.norm = Modulated(width, d_cond, **kw)
        self.head = nnx.Linear(width, patch**2 * channels, kernel_init=zeros, **kw)

    def __call__(
        self, xt: Float[Array, "b h w c"], t: Float[Array, " b"], cond: PyTree
    ) -> Float[Array, "b h w c"]:
        self.check(xt, cond)
        context = self.condition(cond)
        vector = nnx.silu(context.vector + self.time(sinusoids(t, self.d_cond)))
        h = self.stem(to_patches(xt, self.patch))
        h = h + _places(*h.shape[1:]).astype(h.dtype)
        for block in self.blocks:
            h = block(h, context._replace(vector=vector))
        out = self.head(self.norm(h, vector))
        return from_patches(out, self.patch).astype(jnp.float32)

    def check(self, xt: Float[ArrayLike, "b h w c"], cond: PyTree) -> None:
        """Raise ValueError if the network cannot take these; called outside jit."""
        checks.patched("images", xt, self.channels, self.patch)
        self.condition.check(cond, len(xt))


class TokenBlock(Module):
    """Attention among all places, then to the condition's tokens, then a network for each place.

    Each adds to its input, at first nothing.
    """

    def __init__(self, width: int, d_cond: int, *, heads: int, d_tokens: int | None, **kw):
        self.heads = heads
        self.norm1, self.norm2 = Modulated(width, d_cond, **kw), Modulated(width, d_cond, **kw)
        self.qkv, self.out = nnx.Linear(width, 3 * width, **kw), nnx.Linear(width, width, **kw)
        self.gates = nnx.Linear(d_cond, 2 * width, kernel_init=zeros, **kw)
        cross = partial(CrossAttention, width, d_tokens, heads=heads, groups=1, **kw)
        self.cross = cross() if d_tokens else None
        self.rise = nnx.Linear(width, 4 * width, **kw)
        self.fall = nnx.Linear(4 * width, width, **kw)

    def __call__(self, x: Float[Array, "b h w c"], context: Context) -> Float[Array, "b h w c"]:
        b, h, w, c = x.shape
        gate1, gate2 = jnp.split(self.gates(context.vector)[:, None, None], 2, axis=-1)
        qkv = self.qkv(self.norm1(x, context.vector)).reshape(
            b, h * w, 3, self.heads, c // self.heads
        )
        mixed = attended(*qkv.transpose(2, 0, 3, 1, 4)).transpose(0, 2, 1, 3)
        x = x + gate1 * self.out(mixed.reshape(b, h, w, c))
        if self.cross is not None:
            x = self.cross(x, context.tokens, context.mask)
        seen = self.norm2(x, context.vector)
        return x + gate2 * self.fall(nnx.gelu(self.rise(seen)))


class Modulated(Module):
    """Each place at mean 0 and variance 1, then scaled and shifted by the vector.

    FiLM, Perez et al. (2018), on the layer norm of Ba et al. (2016).
    """

    def __init__(self, width: int, d_cond: int, *, dtype=None, rngs):
        kw = {"dtype": dtype, "rngs": rngs}
        self.norm = nnx.LayerNorm(width, use_bias=False, use_scale=False, **kw)
        self.film = nnx.Linear(d_cond, 2 * width, kernel_init=zeros, **kw)

    def __call__(
        self, x: Float[Array, "b h w c"], vector: Float[Array, "b d"]
    ) -> Float[Array, "b h w c"]:
        scale, shift = jnp.split(self.film(vector)[:, None, None], 2, axis=-1)
        return self.norm(x) * (1 + scale) + shift


def _places(h: int, w: int, width: int) -> Float[Array, "h w {width}"]:
    """Where a token is: sines and cosines of its row, then of its column, half of the numbers each.

    Vaswani et al. (2017), Section 3.5, in two dimensions.
    """
    rows, columns = (sinusoids(jnp.arange(n) / 1000, width // 2) for n in (h, w))
    shape = h, w, width // 2
    both = jnp.broadcast_to(rows[:, None], shape), jnp.broadcast_to(columns[None], shape)
    return jnp.concatenate(both, axis=-1)
