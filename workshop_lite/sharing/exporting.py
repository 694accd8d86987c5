"""A denoiser as one file that runs without this package: StableHLO, by ``jax.export``."""

from collections.abc import Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import export
from jaxtyping import PyTree

from workshop_lite import checks, files
from workshop_lite.predictions import Denoiser
from workshop_lite.schedules import angle, over, unit
from workshop_lite.schedules.levels import along


def exported(
    denoise: Denoiser,
    shape: tuple[int, int, int],
    cond: PyTree,
    *,
    platforms: Sequence[str] = ("cpu", "cuda", "tpu"),
) -> export.Exported:
    """``denoise`` for batches of any size b: ``call(xt [b, h, w, c], t [b], cond) -> x0``.

    The weights are in it. Nothing is checked any more: the arguments must be right.

    Args:
        shape: [h, w, c] of what it draws in.
        cond: an example of the condition, with any number of rows: labels, or tokens.
        platforms: on which it will run.

    Raises ValueError for what is no denoiser around a network.
    """
    network = getattr(denoise, "network", None)
    if not isinstance(denoise, Denoiser) or not hasattr(network, "embed"):
        raise ValueError(f"denoise must be a Denoiser around a U-Net, got {checks.shown(denoise)}")
    checks.wholes("shape", shape, 3)
    checks.rows_of("cond", cond)

    def call(xt, t, cond):
        level, length = unit(denoise.schedule(t))
        xt = xt / along(length, xt)
        context = network.embed(angle(level), cond)
        output = network.decode(network.encode(xt, context), context)
        return denoise.prediction.to_x0(output, xt, over(level, xt))

    (b,) = export.symbolic_shape("b")
    row = lambda a: jax.ShapeDtypeStruct((b, *a.shape[1:]), a.dtype)  # noqa: E731
    xt, t = (jax.ShapeDtypeStruct((b, *rest), jnp.float32) for rest in (shape, ()))
    rows = xt, t, jax.tree.map(row, jax.tree.map(jnp.asarray, cond))
    return export.export(jax.jit(call), platforms=tuple(platforms))(*rows)


def save(path: str | Path, whole: export.Exported) -> None:
    """Write it; ``load`` reads it, and so does ``jax.export.deserialize`` of the file's bytes."""
    files.swap(Path(path), bytes(whole.serialize()))


def load(path: str | Path) -> export.Exported:
    """What ``save`` wrote; ``load(path).call(xt, t, cond)``. ValueError for another file."""
    try:
        return export.deserialize(bytearray(Path(path).read_bytes()))
    except Exception as why:  # flatbuffers raise what comes to hand
        raise ValueError(f"path must be that of an exported denoiser, got {path}: {why}") from None
