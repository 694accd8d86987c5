"""The 3 x 3 convolution of all networks, with a gradient of its own and a short cut for CPUs."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

_convolved = Primitive("convolved")


def convolved(
    x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"]
) -> Float[Array, "b h w d"]:
    """3 x 3 convolution, stride 1, zero padding.

    From 96 channels on, a CPU filters tiles, in less time and twice the memory; with fewer they
    gain nothing and take longer to compile. The gradient is our own because XLA's CPU compiler
    computes the kernel's forty times slower inside a scan than outside (jax-ml/jax#12868); matrix
    products do not mind. A primitive, linear in either argument, has derivatives of any order,
    forward and backward.
    """
    return _convolved.bind(x, kernel)


def slid(x: Float[Array, "b h w c"], kernel: Float[Array, "3 3 c d"]) -> Float[Array, "b h w d"]:
    """The convolution as the compiler has it, which other programs can read too."""
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=axes)


def _on_cpu(x, kernel):
    """The same, by the shorter way where it is one."""
    return (_tiles_filtered if _in_tiles(x.dtype, *kernel.shape[2:]) else slid)(x, kernel)


def _in_tiles(dtype, c: int, d: int) -> bool:
    return dtype == jnp.float32 and min(c, d) >= 96


# Lavin & Gray (2016), Section 4.3: the 4 x 4 results of a tile from 6 x 6 products, where sliding
# the kernel takes 9 for each result. Rows make the products' inputs, their kernels, the results.
_INPUTS = np.float32(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_KERNELS = np.float32(
    [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
) / np.float32(24)
_RESULTS = np.float32(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)


def _tiles_filtered(x, kernel):
    """The same by minimal filtering of tiles: 36 products of matrices, a quarter of the work."""
    b, h, w, c = x.shape
    down, across = -(-h // 4), -(-w // 4)
    x = jnp.pad(x, ((0, 0), (1, 4 * down + 1 - h), (1, 4 * across + 1 - w), (0, 0)))
    rows = _mixed(_INPUTS, [x[:, i : i + 4 * down : 4] for i in range(6)])
    tiles = _mixed(_INPUTS, [rows[:, :, :, j : j + 4 * across : 4] for j in range(6)], axis=1)
    kernels = jnp.kron(_KERNELS, _KERNELS) @ kernel.reshape(9, -1)
    products = tiles.reshape(36, -1, c) @ kernels.reshape(36, c, -1)
    products = products.reshape(6, 6, b, down, across, -1)
    rows = _mixed(_RESULTS, list(products))
    y = _mixed(_RESULTS, [rows[:, j] for j in range(6)], axis=1)
    y = y.transpose(2, 3, 0, 4, 1, 5).reshape(b, 4 * down, 4 * across, -1)
    return y[:, :h, :w]


def _mixed(matrix, parts, axis: int = 0):
    """For every row of the matrix, the parts that it names, times its entries, added up."""
    sums = [sum(c * part for c, part in zip(row, parts, strict=True) if c) for row in matrix]
    return jnp.stack(sums, axis)


def _image_gradient(g, x, kernel):
    """The same convolution of g, with the kernel turned around."""
    return convolved(g, kernel[::-1, ::-1].swapaxes(2, 3))


def _kernel_gradient(g, x, kernel):
    """What each number of the kernel adds to g: x times g moved, or their tiles' products."""
    c, d = x.shape[3], g.shape[3]
    if not _in_tiles(x.dtype, c, d):
        return _moved_products(g, x)
    return jax.lax.platform_dependent(g, x, cpu=_tile_products, default=_moved_products)


def _tile_products(g, x):
    """Backwards through ``_tiles_filtered``: 36 products of matrices again."""
    kernel = jax.ShapeDtypeStruct((3, 3, x.shape[3], g.shape[3]), x.dtype)
    return jax.linear_transpose(lambda k: _tiles_filtered(x, k), kernel)(g)[0]


def _moved_products(g, x):
    """For a row of the kernel, the sum over all pixels of x times g moved by three offsets.

    It is g that moves, so that x, the larger matrix of the product, stays as it lies in memory.
    """
    _, h, w, c = x.shape
    padded = jnp.pad(g, ((0, 0), (1, 1), (1, 1), (0, 0)))
    beside = jnp.concatenate([padded[:, :, 2 - j : 2 - j + w] for j in range(3)], axis=-1)
    moved = [beside[:, 2 - i : 2 - i + h] for i in range(3)]
    rows = [jnp.tensordot(x, m, axes=([0, 1, 2], [0, 1, 2])).reshape(c, 3, -1) for m in moved]
    return jnp.stack(rows).swapaxes(1, 2)


def _batched(arguments, axes):
    """Under vmap: images of one kernel are more images; several kernels slide."""
    (x, kernel), (at, of_kernel) = arguments, axes
    if of_kernel is not None:
        return jax.vmap(slid, axes)(x, kernel), 0
    x = jnp.moveaxis(x, at, 0)
    y = convolved(x.reshape(-1, *x.shape[2:]), kernel)
    return y.reshape(*x.shape[:2], *y.shape[1:]), 0


def _on_its_own(x, kernel):
    """Where nothing around it is compiled."""
    return jax.lax.platform_dependent(x, kernel, cpu=_on_cpu, default=slid)


_convolved.def_impl(jax.jit(_on_its_own))
_convolved.def_abstract_eval(
    lambda x, kernel: x.update(shape=(*x.shape[:3], kernel.shape[3]), weak_type=False)
)
ad.defbilinear(_convolved, _image_gradient, _kernel_gradient)
batching.primitive_batchers[_convolved] = _batched
# Jitted, so that a program in which it stands many times has it once for each shape.
mlir.register_lowering(_convolved, mlir.lower_fun(jax.jit(slid), multiple_results=False))
mlir.register_lowering(
    _convolved, mlir.lower_fun(jax.jit(_on_cpu), multiple_results=False), platform="cpu"
)
