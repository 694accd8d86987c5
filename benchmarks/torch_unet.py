"""The U-Net of ``fashion-cfg`` in PyTorch, with the same weights: what it is compared against."""

from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn
from torch.nn import functional as F

WEIGHTS = Path(__file__).parents[1] / "workshop_lite" / "weights" / "fashion-cfg.safetensors"


def norm(c: int) -> nn.GroupNorm:
    return nn.GroupNorm(8, c, eps=1e-6)


class Block(nn.Module):
    """Residual block with FiLM."""

    def __init__(self, c: int, d_cond: int):
        super().__init__()
        self.norm1, self.conv1 = norm(c), nn.Conv2d(c, c, 3, padding=1)
        self.norm2, self.conv2 = norm(c), nn.Conv2d(c, c, 3, padding=1)
        self.film = nn.Linear(d_cond, 2 * c)

    def forward(self, x, vector):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.film(F.silu(vector))[:, :, None, None].chunk(2, dim=1)
        return x + self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))


class Attention(nn.Module):
    """Self-attention of four heads over all pixels."""

    def __init__(self, c: int, heads: int = 4):
        super().__init__()
        self.heads = heads
        self.norm, self.qkv, self.out = norm(c), nn.Linear(c, 3 * c), nn.Linear(c, c)

    def forward(self, x):
        b, c, h, w = x.shape
        qkv = self.qkv(self.norm(x).permute(0, 2, 3, 1))
        q, k, v = qkv.reshape(b, h * w, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h, w, c)
        return x + self.out(mixed).permute(0, 3, 1, 2)


class Stage(nn.Module):
    """A block, and attention where the picture is small."""

    def __init__(self, c: int, d_cond: int, attend: bool):
        super().__init__()
        self.block = Block(c, d_cond)
        self.attention = Attention(c) if attend else nn.Identity()

    def forward(self, x, vector):
        return self.attention(self.block(x, vector))


class UNet(nn.Module):
    """``(xt, t, labels) -> v`` on images [b, 1, 28, 28]; label -1 is no class."""

    def __init__(self, d_cond: int = 192, fine: int = 48, coarse: int = 128):
        super().__init__()
        self.condition = nn.Embedding(11, d_cond)
        self.time = nn.ModuleDict(
            {
                "layers": nn.Sequential(
                    nn.Linear(d_cond, d_cond), nn.SiLU(), nn.Linear(d_cond, d_cond)
                )
            }
        )
        stages = lambda: nn.ModuleList(  # noqa: E731
            [
                nn.ModuleList([Stage(fine, d_cond, attend=False)]),
                nn.ModuleList([Stage(coarse, d_cond, attend=True) for _ in range(2)]),
            ]
        )
        self.encoder, self.middle, self.decoder = stages(), Stage(coarse, d_cond, True), stages()
        self.merge = nn.ModuleList(
            [
                nn.ModuleList([nn.Conv2d(2 * fine, fine, 1)]),
                nn.ModuleList([nn.Conv2d(2 * coarse, coarse, 1) for _ in range(2)]),
            ]
        )
        self.down = nn.ModuleList([nn.Conv2d(fine, coarse, 2, stride=2)])
        self.up = nn.ModuleList([nn.Conv2d(coarse, fine, 1)])
        self.stem, self.head = nn.Conv2d(4, fine, 3, padding=1), nn.Conv2d(fine, 4, 3, padding=1)
        self.norm = norm(fine)

    def forward(self, xt, t, labels):
        half = self.condition.embedding_dim // 2
        frequencies = 10_000 ** (-torch.arange(half, device=xt.device) / half)
        angles = 1000 * t[:, None] * frequencies
        vector = self.time["layers"](torch.cat([angles.sin(), angles.cos()], dim=1))
        vector = vector + self.condition(labels % 11)
        h, features = self.stem(F.pixel_unshuffle(xt, 2)), []
        for level, stages in enumerate(self.encoder):
            h = self.down[0](h) if level else h
            for stage in stages:
                h = stage(h, vector)
                features.append(h)
        h = self.middle(h, vector)
        for level in (1, 0):
            for merge, stage in zip(self.merge[level], self.decoder[level], strict=True):
                h = stage(merge(torch.cat([h, features.pop()], dim=1)), vector)
            h = F.interpolate(self.up[0](h), scale_factor=2) if level else h
        return F.pixel_shuffle(self.head(F.silu(self.norm(h))), 2)


def trained() -> UNet:
    """The network with the shipped weights."""
    model = UNet()
    shapes = {name: weight.shape for name, weight in model.state_dict().items()}
    state = {}
    for path, array in load_file(WEIGHTS).items():
        *owner, leaf = path.removeprefix("network/").removesuffix("/value").split("/")
        name = ".".join([*owner, "bias" if leaf == "bias" else "weight"])
        array = array.astype(np.float32)
        if leaf == "kernel":  # [..., in, out] to [out, in, ...], and to 2 x 2 where PyTorch has it
            *_, height, width = (1, 1, *shapes[name][2:])
            array = array.reshape(height, width, -1, array.shape[-1]).transpose(3, 2, 0, 1)
        state[name] = torch.from_numpy(array.reshape(shapes[name]).copy())
    model.load_state_dict(state)
    return model
