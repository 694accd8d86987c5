"""What networks of published shapes cost, by formula: nothing is built, nothing is run.

FLOPs are those of convolutions, linear layers and attention, a multiplication and an addition
counting two. Norms and activations are left out. Parameters are counted beside them, because they
are published, so they show whether the shapes are right.
"""

from collections.abc import Callable
from typing import NamedTuple


class Cost(NamedTuple):
    """Of one picture through a part of a network."""

    flops: float = 0.0
    parameters: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.flops + other.flops, self.parameters + other.parameters)


def linear(n: int, c: int, d: int, bias: bool = True, kernel: int = 1) -> Cost:
    """c numbers to d at each of n places, or a convolution whose kernel has so many pixels."""
    weights = kernel * c * d
    return Cost(2 * n * weights, weights + d * bias)


def conv(side: int, c: int, d: int) -> Cost:
    """A 3 x 3 convolution onto side x side pixels."""
    return linear(side**2, c, d, kernel=9)


def norm(c: int) -> Cost:
    return Cost(0.0, 2 * c)


def attended(n: int, m: int, c: int) -> Cost:
    """n queries of m keys: likeness, and the mixture of values."""
    return Cost(4 * n * m * c, 0)


def residual(side: int, c: int, d: int, vector: int = 0, film: int = 1) -> Cost:
    """Two convolutions, told a vector that shifts (and scales, if ``film`` is 2) the channels."""
    told = linear(1, vector, film * d) if vector else Cost()
    skip = linear(side**2, c, d) if c != d else Cost()
    return norm(c) + conv(side, c, d) + told + norm(d) + conv(side, d, d) + skip


def attention(side: int, c: int) -> Cost:
    """Pixels look at pixels."""
    n = side**2
    return norm(c) + linear(n, c, 3 * c) + attended(n, n, c) + linear(n, c, c)


def transformer(side: int, c: int, words: int = 77, d: int = 768) -> Cost:
    """Pixels look at pixels, at words, and think; Rombach et al. (2022), Appendix E.2.1."""
    n = side**2
    own = linear(n, c, 3 * c, bias=False) + attended(n, n, c) + linear(n, c, c)
    read = linear(n, c, c, bias=False) + linear(words, d, 2 * c, bias=False)
    cross = read + attended(n, words, c) + linear(n, c, c)
    gated = linear(n, c, 8 * c) + linear(n, 4 * c, c)
    norms = norm(c) + norm(c) + norm(c) + norm(c)
    return norms + linear(n, c, c) + own + cross + gated + linear(n, c, c)


def unet(
    side: int,
    channels: int,
    out: int,
    width: int,
    levels: tuple[float, ...],
    blocks: int,
    attends: Callable[[int, int], bool],
    look: Callable[[int, int], Cost],
    *,
    film: int = 1,
    resampling: Callable[[int, int], Cost] = lambda side, c: conv(side, c, c),
) -> Cost:
    """U-Net of Dhariwal & Nichol (2021), which Stable Diffusion has too.

    ``attends(side, level)`` says where ``look(side, c)`` stands behind each residual block;
    ``resampling(side, c)`` is what halves or doubles, onto ``side`` pixels.
    """
    vector = 4 * width
    total = linear(1, width, vector) + linear(1, vector, vector)
    first = c = int(levels[0] * width)
    total += conv(side, channels, c)
    skips = [c]
    for level, mult in enumerate(levels):
        for _ in range(blocks):
            total += residual(side, c, int(mult * width), vector, film)
            c = int(mult * width)
            total += look(side, c) if attends(side, level) else Cost()
            skips.append(c)
        if level < len(levels) - 1:
            side //= 2
            total += resampling(side, c)
            skips.append(c)
    middle = residual(side, c, c, vector, film)
    total += middle + look(side, c) + middle
    for level, mult in reversed(list(enumerate(levels))):
        for _ in range(blocks + 1):
            total += residual(side, c + skips.pop(), int(mult * width), vector, film)
            c = int(mult * width)
            total += look(side, c) if attends(side, level) else Cost()
        if level > 0:
            side *= 2
            total += resampling(side, c)
    return total + norm(first) + conv(side, first, out)


def sd_unet(side: int, channels: int = 4, most: int | None = None) -> Cost:
    """The U-Net of Stable Diffusion 1, for pictures or latents of ``side`` pixels.

    It attends at its three finest levels; with ``most``, where a side has at most so many pixels.
    """

    def attends(side: int, level: int) -> bool:
        return level < 3 if most is None else side <= most

    return unet(side, channels, channels, 320, (1, 2, 4, 4), 2, attends, transformer)


#: Width, levels and blocks of ADM by size; Dhariwal & Nichol (2021), Table 11 and their code.
ADM = {
    64: (192, (1, 2, 3, 4), 3),
    128: (256, (1, 1, 2, 3, 4), 2),
    256: (256, (1, 1, 2, 2, 4, 4), 2),
    512: (256, (0.5, 1, 1, 2, 2, 4, 4), 2),
}


def adm(side: int) -> Cost:
    """The class-conditional pixel U-Net of Dhariwal & Nichol (2021) for pictures of this size."""
    width, levels, blocks = ADM[side]

    def attends(side: int, level: int) -> bool:
        return side in (32, 16, 8)

    def resampling(side: int, c: int) -> Cost:
        return residual(side, c, c, 4 * width, film=2)

    options = {"film": 2, "resampling": resampling}
    labels = Cost(0.0, 1000 * 4 * width)
    return labels + unet(side, 3, 6, width, levels, blocks, attends, attention, **options)


def sd_decoder(size: int) -> Cost:
    """The decoder of Stable Diffusion 1 for pictures of ``size`` pixels, f = 8."""
    side, c = size // 8, 512
    total = linear(side**2, 4, 4) + conv(side, 4, c)
    total += residual(side, c, c) + attention(side, c) + residual(side, c, c)
    for level, d in enumerate((512, 512, 256, 128)):
        side *= 2 if level > 0 else 1
        total += conv(side, c, c) if level > 0 else Cost()
        for _ in range(3):
            total += residual(side, c, d)
            c = d
    return total + norm(c) + conv(side, c, 3)


def sd_encoder(size: int) -> Cost:
    """The encoder of Stable Diffusion 1 for pictures of ``size`` pixels, f = 8."""
    side, c = size, 128
    total = conv(side, 3, c)
    for level, d in enumerate((128, 256, 512, 512)):
        side //= 2 if level > 0 else 1
        total += conv(side, c, c) if level > 0 else Cost()
        for _ in range(2):
            total += residual(side, c, d)
            c = d
    total += residual(side, c, c) + attention(side, c) + residual(side, c, c)
    return total + norm(c) + conv(side, c, 8) + linear(side**2, 8, 8)
