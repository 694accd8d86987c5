"""The judge: a small convolutional classifier whose features measure samples."""

from flax import nnx
from jaxtyping import Array, Float

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.networks.layers import Conv, Residual, to_patches


class Classifier(Module):
    """Logits of n classes from images in [-1, 1]; ``features`` is the layer before.

    Args:
        channels: of the image, c.
        n: number of classes.
        widths: channels at half, quarter, ... of the image's height and width; the last is the
            number of features.
    """

    def __init__(self, channels: int, n: int, *, widths: tuple[int, ...] = (32, 64, 128), rngs):
        checks.whole("channels", channels)
        checks.whole("n", n)
        self.channels, self.n, self.widths = channels, n, tuple(widths)
        self.down, self.stage = nnx.List([]), nnx.List([])
        for c_in, c in zip((channels, *widths[:-1]), widths, strict=True):
            self.down.append(Conv(4 * c_in, c, rngs=rngs))
            self.stage.append(Residual(c, rngs=rngs))
        self.last = nnx.Linear(widths[-1], n, rngs=rngs)

    def features(self, x: Float[Array, "b h w c"]) -> Float[Array, "b d"]:
        if checks.images("x", x).shape[3] != self.channels:
            raise ValueError(f"x must have {self.channels} channels, got {checks.kind(x)}")
        for down, stage in zip(self.down, self.stage, strict=True):
            x = stage(down(to_patches(x, 2)))
        return nnx.silu(x).mean(axis=(1, 2))

    def __call__(self, x: Float[Array, "b h w c"]) -> Float[Array, "b n"]:
        return self.last(self.features(x))
