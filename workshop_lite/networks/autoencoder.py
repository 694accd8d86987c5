"""Pictures as a smaller grid of numbers, and back: the space in which latent diffusion works."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, ArrayLike, Float, UInt8

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.networks.layers import Conv, GroupNorm, Residual, from_patches, to_patches


class Posterior(NamedTuple):
    """Which latents may stand for a picture: independent Gaussians around a mean."""

    mean: Float[ArrayLike, "b h w c"]
    log_var: Float[ArrayLike, "b h w c"]

    def draw(self, key) -> Float[Array, "b h w c"]:
        """One latent a picture; Kingma & Welling (2014), Eq. 4."""
        noise = jax.random.normal(key, np.shape(self.mean))
        return self.mean + jnp.exp(self.log_var / 2) * noise

    def kl(self) -> Float[Array, " b"]:
        """Nats from N(0, I) to this, the rate of the code; Kingma & Welling (2014), Eq. 10."""
        each = self.mean**2 + jnp.exp(self.log_var) - 1 - self.log_var
        return each.sum(axis=(1, 2, 3)) / 2


class Autoencoder(Module):
    """KL autoencoder, fully convolutional; Rombach et al. (2022), Section 3.1, without a critic.

    Patches become pixels first, so no convolution runs at full size. Each further level halves
    height and width. ``scale`` is 1 / standard deviation of the latents of the training data,
    measured when training is over: ``scale`` times a latent is what a diffusion model sees.

    Args:
        channels: of the picture.
        latent: channels of the latent.
        widths: channels of each level, finest first; the decoder has twice the encoder's blocks.
        patch: side of the square that becomes one pixel before the first level.
        dtype: of the computation; parameters stay float32.
    """

    def __init__(
        self,
        channels: int,
        latent: int,
        *,
        widths: tuple[int, ...],
        patch: int = 2,
        dtype=None,
        rngs: nnx.Rngs,
    ):
        checks.whole("channels", channels)
        checks.whole("latent", latent)
        checks.whole("patch", patch)
        checks.wholes("widths", widths)
        if any(c % 8 for c in widths):
            raise ValueError(f"widths must be multiples of 8, got {widths}")
        kw = {"dtype": dtype, "rngs": rngs}
        first, last = widths[0], widths[-1]
        steps = list(zip(widths[:-1], widths[1:], strict=True))
        self.channels, self.latent, self.patch = channels, latent, patch
        self.widths = tuple(widths)
        self.factor = patch * 2 ** len(steps)
        self.stem = Conv(patch**2 * channels, first, **kw)
        self.encoder = nnx.List([Residual(c, **kw) for c in widths])
        self.down = nnx.List([nnx.Linear(4 * fine, coarse, **kw) for fine, coarse in steps])
        self.norm = GroupNorm(last, 8, **kw)
        self.moments = Conv(last, 2 * latent, **kw)
        self.entry = Conv(latent, last, **kw)
        two = lambda c: nnx.Sequential(Residual(c, **kw), Residual(c, **kw))  # noqa: E731
        self.decoder = nnx.List([two(c) for c in widths])
        self.up = nnx.List([nnx.Linear(coarse, 4 * fine, **kw) for fine, coarse in steps])
        self.norm_out = GroupNorm(first, 8, **kw)
        self.head = Conv(first, patch**2 * channels, **kw)
        self.scale = nnx.Variable(jnp.float32(1))  # no Param: it is measured, never trained

    def encode(self, x: Float[ArrayLike, "b h w c"]) -> Posterior:
        """What may stand for pictures in [-1, 1]. Raises ValueError for others than it takes."""
        self.check(x)
        h = self.encoder[0](self.stem(to_patches(jnp.asarray(x), self.patch)))
        for down, block in zip(self.down, self.encoder[1:], strict=True):
            h = block(down(to_patches(h, 2)))
        moments = self.moments(nnx.silu(self.norm(h))).astype(jnp.float32)
        return Posterior(*jnp.split(moments, 2, axis=-1))

    def decode(
        self, z: Float[ArrayLike, "b h w c"]
    ) -> Float[Array, "b h*{self.factor} w*{self.factor} d"]:
        """The pictures of latents. Raises ValueError for other channels than ``latent``."""
        h = self.decoder[-1](self.entry(_latents(z, self.latent)))
        for up, blocks in zip(self.up[::-1], self.decoder[-2::-1], strict=True):
            h = blocks(from_patches(up(h), 2))
        out = self.head(nnx.silu(self.norm_out(h)))
        return from_patches(out, self.patch).astype(jnp.float32)

    def check(self, x: Float[ArrayLike, "b h w c"]) -> None:
        """Raise ValueError unless these are pictures in [-1, 1] of the right size and channels."""
        _sized(checks.images("images", x), self)
        if not checks.traced(x) and np.abs(x).max() > 1:
            raise ValueError(
                f"images must lie between -1 and 1, got {np.min(x):.3g} to {np.max(x):.3g}"
            )


class TinyDecoder(Module):
    """Three convolutions that show roughly what a latent will look like, thirty times cheaper.

    Args:
        latent: channels of the latent.
        channels: of the picture.
        factor: pixels of the picture to one of the latent, along each side.
        width: channels in between.
    """

    def __init__(self, latent: int, channels: int, *, factor: int, width: int = 32, rngs: nnx.Rngs):
        sizes = {"latent": latent, "channels": channels, "factor": factor, "width": width}
        for name, value in sizes.items():
            checks.whole(name, value)
        self.latent, self.channels, self.factor, self.width = latent, channels, factor, width
        self.layers = nnx.Sequential(
            Conv(latent, width, rngs=rngs),
            nnx.silu,
            Conv(width, width, rngs=rngs),
            nnx.silu,
            Conv(width, factor**2 * channels, rngs=rngs),
        )

    def decode(
        self, z: Float[ArrayLike, "b h w c"]
    ) -> Float[Array, "b h*{self.factor} w*{self.factor} d"]:
        """As ``Autoencoder.decode``, of the same latents."""
        return from_patches(self.layers(_latents(z, self.latent)), self.factor)


def reconstruction_loss(
    ae: Autoencoder,
    x: Float[ArrayLike, "b h w c"],
    key,
    *,
    kl: float,
    gradients: float = 0.0,
    squares: float = 0.0,
) -> Float[Array, ""]:
    """Mean error of a number, plus ``kl`` times the nats that the code spends on it.

    This is ``kl`` times the negative bound of Kingma & Welling (2014), Eq. 7, per number of the
    picture, for errors with a Laplace distribution of scale ``kl``. ``gradients`` weighs the error
    of the differences between neighbours, large at blurred edges; ``squares`` the squared error,
    large where few pixels are far off.
    """
    checks.number("kl", kl, 0)
    checks.number("gradients", gradients, 0)
    checks.number("squares", squares, 0)
    posterior = ae.encode(x)
    error = ae.decode(posterior.draw(key)) - x
    slopes = [jnp.abs(jnp.diff(error, axis=axis)).mean() for axis in (1, 2)]
    rate = posterior.kl().mean() / error[0].size
    further = gradients * sum(slopes) + squares * (error**2).mean()
    return jnp.abs(error).mean() + further + kl * rate


def encoded(ae: Autoencoder, images: UInt8[np.ndarray, "n h w c"], batch: int = 100) -> Posterior:
    """The posteriors of a data set's pictures, ``batch`` at a time, in the computer's own memory.

    Raises ValueError for pictures of another type, size or number of channels.
    """
    if getattr(images, "dtype", None) != np.uint8 or images.ndim != 4 or not images.size:
        raise ValueError(f"images must be uint8 with shape [n, h, w, c], got {checks.kind(images)}")
    _sized(images, ae)
    return _in_batches(_encode, ae, images, batch)


def decoded(
    model: Autoencoder | TinyDecoder, z: Float[ArrayLike, "n h w c"], batch: int = 100
) -> Float[np.ndarray, "n h*{model.factor} w*{model.factor} d"]:
    """The pictures of any number of latents, ``batch`` at a time."""
    return _in_batches(_decode, model, np.asarray(_latents(z, model.latent)), batch)


def latent_scale(ae: Autoencoder, images: UInt8[np.ndarray, "n h w c"]) -> float:
    """1 / standard deviation of the latents of these pictures; Rombach et al. (2022), Appendix G.

    Latents are drawn, so their variance is that of the means plus the mean of the variances.
    """
    mean, log_var = encoded(ae, images)
    return float((mean.var() + np.exp(log_var).mean()) ** -0.5)


_encode = jax.jit(lambda ae, images: ae.encode(images / 127.5 - 1))
_decode = jax.jit(lambda model, z: model.decode(z))


def _in_batches(run, model, rows: np.ndarray, batch: int):
    """``run(model, rows)`` on all rows, of which one batch at a time is on the device."""
    checks.whole("batch", batch)
    n, batch = len(rows), min(batch, len(rows))
    starts = range(0, n, batch)
    parts = [run(model, rows[np.arange(i, i + batch) % n]) for i in starts]  # the last whole too
    return jax.tree.map(lambda *part: np.concatenate(part)[:n], *parts)


def _latents(z: Float[ArrayLike, "b h w c"], channels: int) -> Array:
    z = jnp.asarray(checks.images("latents", z))
    if z.shape[3] != channels:
        raise ValueError(f"latents must have shape [b, h, w, {channels}], got {z.shape}")
    return z


def _sized(images: ArrayLike, ae: Autoencoder) -> None:
    _, h, w, c = images.shape
    if c != ae.channels or h % ae.factor or w % ae.factor:
        raise ValueError(
            f"images must have shape [b, h, w, {ae.channels}] with h and w multiples of"
            f" {ae.factor}, got {images.shape}"
        )
