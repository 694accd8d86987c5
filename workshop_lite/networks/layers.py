"""The blocks that the networks are made of. NHWC throughout: axes b h w c."""

import jax
import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Bool, Float

from workshop_lite.modules import Module
from workshop_lite.networks.convolution import convolved, slid

zeros = nnx.initializers.zeros_init()


def sinusoids(t: Float[Array, " b"], dim: int) -> Float[Array, "b dim"]:
    """Sines and cosines of 1000 t at dim / 2 frequencies; Vaswani et al. (2017), Section 3.5."""
    frequencies = jnp.exp(-jnp.log(10_000.0) * jnp.arange(dim // 2) / (dim // 2))
    angles = 1000 * t[:, None] * frequencies
    return jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=-1)


class Conv(Module):
    """3 x 3 convolution with a bias; a 1 x 1 convolution is ``nnx.Linear``."""

    def __init__(self, c_in: int, c_out: int, *, kernel_init=None, dtype=None, rngs):
        init = kernel_init or nnx.initializers.lecun_normal()
        self.kernel = nnx.Param(init(rngs.params(), (3, 3, c_in, c_out)))
        self.bias = nnx.Param(jnp.zeros(c_out))
        self.dtype, self.plain = dtype, False

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w d"]:
        dtype = self.dtype or self.kernel.dtype
        kernel, bias = self.kernel[...].astype(dtype), self.bias[...].astype(dtype)
        return (slid if self.plain else convolved)(x.astype(dtype), kernel) + bias


def plain(model: nnx.Module) -> nnx.Module:
    """A copy whose convolutions are the ordinary ones, which any exporter knows; same parameters.

    On a CPU it computes the same to rounding, and takes longer.
    """
    copy = nnx.clone(model)
    for _, part in nnx.iter_graph(copy):
        if isinstance(part, Conv):
            part.plain = True
    return copy


class GroupNorm(Module, nnx.GroupNorm):
    """Wu & He (2018), as in flax; what an image is scaled and shifted by is worked out first.

    So the image is read twice and written once, on a CPU in half the time and less.
    """

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        b, h, w, c = x.shape
        pixels, group = x.reshape(b, h * w, c).astype(jnp.float32), c // self.num_groups
        sums = jnp.stack([pixels.sum(axis=1), (pixels**2).sum(axis=1)])
        mean, square = sums.reshape(2, b, self.num_groups, group).mean(axis=-1) / (h * w)
        deviation = jnp.sqrt(jnp.maximum(square - mean**2, 0) + self.epsilon)
        scale = self.scale[...] / jnp.repeat(deviation, group, axis=1)
        shift = self.bias[...] - jnp.repeat(mean, group, axis=1) * scale
        return (x * scale[:, None, None] + shift[:, None, None]).astype(self.dtype or x.dtype)


def to_patches(x: Float[Array, "b h w c"], p: int) -> Float[Array, "b h2 w2 {p}*{p}*c"]:
    """Space to depth: every p x p square becomes one pixel with p * p * c channels.

    An edge that p does not divide is first padded with zeros.
    """
    x = jnp.pad(x, ((0, 0), (0, -x.shape[1] % p), (0, -x.shape[2] % p), (0, 0)))
    b, h, w, c = x.shape
    x = x.reshape(b, h // p, p, w // p, p, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h // p, w // p, p * p * c)


def from_patches(x: Float[Array, "b h w d"], p: int) -> Float[Array, "b h*{p} w*{p} c"]:
    """Depth to space, the inverse of ``to_patches``."""
    b, h, w, c = x.shape
    x = x.reshape(b, h, w, p, p, c // p**2).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(b, h * p, w * p, c // p**2)


def doubled(x: Float[Array, "b h w c"], like: Float[Array, "b h2 w2 d"]) -> Array:
    """Nearest-neighbour upsampling, cut to the height and width of ``like``: 4 -> 8 -> 7."""
    x = x.repeat(2, axis=1).repeat(2, axis=2)
    return x[:, : like.shape[1], : like.shape[2]]


class Residual(Module):
    """Two normalised 3 x 3 convolutions around a skip, told nothing."""

    def __init__(self, c: int, *, groups: int = 8, dtype=None, rngs):
        kw = {"dtype": dtype, "rngs": rngs}
        self.norm1, self.norm2 = GroupNorm(c, groups, **kw), GroupNorm(c, groups, **kw)
        self.conv1, self.conv2 = Conv(c, c, **kw), Conv(c, c, **kw)

    def __call__(self, h: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        h = h + self.conv1(nnx.silu(self.norm1(h)))
        return h + self.conv2(nnx.silu(self.norm2(h)))


class Block(Module):
    """Residual block whose second norm is scaled and shifted by the condition.

    FiLM, Perez et al. (2018); the order of Dhariwal & Nichol (2021), Appendix A.
    The last convolution starts at zero, so a fresh block passes its input through.
    """

    def __init__(self, c: int, d_cond: int, *, groups: int = 8, dtype=None, rngs):
        kw = {"dtype": dtype, "rngs": rngs}
        self.norm1 = GroupNorm(c, groups, **kw)
        self.conv1 = Conv(c, c, **kw)
        self.film = nnx.Linear(d_cond, 2 * c, kernel_init=zeros, **kw)
        self.norm2 = GroupNorm(c, groups, **kw)
        self.conv2 = Conv(c, c, kernel_init=zeros, **kw)

    def __call__(self, x: Float[Array, "b h w c"], vector: Float[Array, "b n"]) -> Array:
        h = self.conv1(nnx.silu(self.norm1(x)))
        scale, shift = (part[:, None, None] for part in _halves(self.film, nnx.silu(vector)))
        h = self.conv2(nnx.silu(self.norm2(h) * (1 + scale) + shift))
        return x + h


def _halves(linear: nnx.Linear, x: Float[Array, "b n"]) -> list[Array]:
    """Both halves of ``linear(x)``, a product each.

    Were it one, XLA's CPU compiler would cut it anew for every pixel that the halves are used on.
    """
    x, weight, bias = (
        jnp.asarray(a, linear.dtype) for a in (x, linear.kernel[...], linear.bias[...])
    )
    pairs = zip(jnp.split(weight, 2, axis=1), jnp.split(bias, 2), strict=True)
    return [x @ half + shift for half, shift in pairs]


def attention(
    q: Float[Array, "b heads n d"],
    k: Float[Array, "b heads m d"],
    mask: Bool[Array, "b m"] | None = None,
) -> Float[Array, "b heads n m"]:
    """How much each query looks at each key; where the mask is False, not at all."""
    scores = jnp.einsum("bhnd,bhmd->bhnm", q, k).astype(jnp.float32) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = jnp.where(mask[:, None, None], scores, -jnp.inf)
    return jax.nn.softmax(scores)


def attended(
    q: Float[Array, "b heads n d"],
    k: Float[Array, "b heads m d"],
    v: Float[Array, "b heads m d"],
    mask: Bool[Array, "b m"] | None = None,
) -> Float[Array, "b heads n d"]:
    """Each query's mixture of the values; Vaswani et al. (2017), Eq. 1.

    Heads come before positions, so that both products are plain batches of matrices: on a CPU a
    training step of the whole U-Net is a fifth faster than with the other order.
    """
    return jnp.einsum("bhnm,bhmd->bhnd", attention(q, k, mask).astype(v.dtype), v)


class SelfAttention(Module):
    """Every pixel looks at every other, through a residual that starts at zero."""

    def __init__(self, c: int, *, heads: int = 4, groups: int = 8, dtype=None, rngs):
        kw = {"dtype": dtype, "rngs": rngs}
        self.heads = heads
        self.norm = GroupNorm(c, groups, **kw)
        self.qkv = nnx.Linear(c, 3 * c, **kw)
        self.out = nnx.Linear(c, c, kernel_init=zeros, **kw)

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
        b, h, w, c = x.shape
        qkv = self.qkv(self.norm(x)).reshape(b, h * w, 3, self.heads, c // self.heads)
        mixed = attended(*qkv.transpose(2, 0, 3, 1, 4)).transpose(0, 2, 1, 3)
        return x + self.out(mixed.reshape(b, h, w, c))


class CrossAttention(Module):
    """Every pixel looks at the tokens, through a residual that starts at zero."""

    def __init__(self, c: int, d: int, *, heads: int = 4, groups: int = 8, dtype=None, rngs):
        kw = {"dtype": dtype, "rngs": rngs}
        self.heads = heads
        self.norm = GroupNorm(c, groups, **kw)
        self.q = nnx.Linear(c, c, **kw)
        self.kv = nnx.Linear(d, 2 * c, **kw)
        self.out = nnx.Linear(c, c, kernel_init=zeros, **kw)

    def __call__(
        self, x: Float[Array, "b h w c"], tokens: Float[Array, "b n d"], mask: Bool[Array, "b n"]
    ) -> Float[Array, "b h w c"]:
        mixed = attended(*self._asked(x, tokens), mask).transpose(0, 2, 1, 3)
        return x + self.out(mixed.reshape(x.shape))

    def maps(
        self, x: Float[Array, "b h w c"], tokens: Float[Array, "b n d"], mask: Bool[Array, "b n"]
    ) -> Float[Array, "b n h w"]:
        """How much each pixel looks at each token, the mean over the heads."""
        q, k, _ = self._asked(x, tokens)
        b, h, w, _ = x.shape
        return attention(q, k, mask).mean(axis=1).transpose(0, 2, 1).reshape(b, -1, h, w)

    def _asked(self, x, tokens):
        """Queries of the pixels, keys and values of the tokens; [b, heads, n, d] each."""
        b, h, w, c = x.shape
        q = self.q(self.norm(x)).reshape(b, h * w, self.heads, -1).transpose(0, 2, 1, 3)
        kv = self.kv(tokens).reshape(b, tokens.shape[1], 2, self.heads, c // self.heads)
        return q, *kv.transpose(2, 0, 3, 1, 4)
