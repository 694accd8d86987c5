"""What callers get wrong, in one sentence each: the argument, what it must be, what came.

Each function raises ValueError. A value that ``jax.jit`` is tracing is unknown and passes.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def shown(value: Any) -> str:
    """How a value reads in an error: on one line, and not a long one."""
    line = " ".join(repr(value).split())
    return line if len(line) <= 80 else line[:77] + "..."


def kind(value: Any) -> str:
    """What sort of array a value is: its type and shape."""
    a = array(value)
    return f"{a.dtype} {a.shape}"


def array(value: Any) -> np.ndarray | jax.Array:
    """The value if it is an array, or what NumPy makes of it: at worst an array of objects."""
    if isinstance(value, np.ndarray | jax.Array):
        keys = jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended)
        return np.empty(value.shape, object) if keys else native(value)
    try:
        return np.asarray(value)
    except (TypeError, ValueError, OverflowError):  # rows of unequal length, a list of keys
        return np.asarray(None)


def native(value: Any) -> Any:
    """An array of another machine's byte order in this one's; anything else as it is."""
    if isinstance(value, np.ndarray) and not value.dtype.isnative:
        return value.astype(value.dtype.newbyteorder("="))
    return value


def traced(*values: Any) -> bool:
    """Whether any of these is a value that jit has yet to compute."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(values))


def real(a: np.ndarray | jax.Array) -> bool:
    """Whether an array holds real numbers: floating point, whole or bool."""
    return any(jnp.issubdtype(a.dtype, kind) for kind in (jnp.floating, jnp.integer, jnp.bool_))


def one_of(name: str, value: Any, choices: Sequence[str]) -> None:
    """Only these strings."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {shown(value)}")


def function(name: str, value: Any, what: str) -> None:
    """Only what can be called; ``what`` says what for."""
    if not callable(value):
        raise ValueError(f"{name} must be a function {what}, got {shown(value)}")


def whole(name: str, value: Any, least: int = 1) -> None:
    """Only whole numbers, of at least ``least``."""
    right = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not right or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {shown(value)}")


def seed(name: str, value: Any) -> None:
    """Only whole numbers of 32 bits: JAX would drop the others' upper bits without a word."""
    whole(name, value, 0)
    if value >= 2**32:
        raise ValueError(f"{name} must be less than 2**32, got {shown(value)}")


def wholes(name: str, value: Any, length: int | None = None) -> None:
    """Only a tuple or list of whole numbers of at least 1, ``length`` of them or any number."""
    right = isinstance(value, tuple | list) and value and length in (None, len(value))
    try:
        for each in value if right else [None]:
            whole(name, each)
    except ValueError:
        what = "whole numbers" if length is None else f"{length} whole numbers"
        raise ValueError(
            f"{name} must be a tuple of {what} of at least 1, got {shown(value)}"
        ) from None


def number(name: str, value: Any, low: float | int = -np.inf, high: float | int = np.inf) -> None:
    """Only one finite number, between ``low`` and ``high``."""
    if traced(value):
        return
    a = np.asarray(array(value))  # numpy sees values inside of jit too
    if not (real(a) and a.ndim == 0 and _finite(a) and low <= a <= high):
        what = f"number between {low:g} and {high:g}" if np.isfinite(high) else "finite number"
        what += f" of at least {low:g}" if np.isfinite(low) and np.isinf(high) else ""
        raise ValueError(f"{name} must be a {what}, got {shown(value)}")


def numbers(name: str, value: Any) -> np.ndarray | jax.Array:
    """Only finite numbers, in any shape; returned as an array."""
    a = array(value)
    if not real(a):
        got = kind(value) if a.ndim else shown(value)
        raise ValueError(f"{name} must be real numbers, got {got}")
    if not traced(a) and not _finite(a):
        got = "NaN or infinity in it" if a.ndim > 1 else shown(value)
        raise ValueError(f"{name} must be finite, got {got}")
    return a


def rows(name: str, value: Any) -> np.ndarray | jax.Array:
    """Only finite floating point with a batch axis and one more at least; returned as array."""
    a = array(value)
    if a.ndim < 2 or not jnp.issubdtype(a.dtype, jnp.floating):
        raise ValueError(
            f"{name} must be floating point with shape [b, ...], got {a.dtype} {a.shape}"
        )
    return numbers(name, a)


def rows_of(name: str, value: Any) -> int:
    """How many rows all arrays of a pytree have: equally many, and at least one."""
    leaves = [array(leaf) for leaf in jax.tree.leaves(value)]
    counts = {len(a) if real(a) and a.ndim else 0 for a in leaves}
    if len(counts) != 1 or 0 in counts:
        got = ", ".join(map(kind, leaves[:3])) or "none"
        raise ValueError(
            f"{name} must be arrays of numbers with equally many rows, at least one, got {got}"
        )
    return counts.pop()


def state(xt: Any, t: Any) -> None:
    """Only rows of finite numbers, and for each row a time between 0 and 1."""
    b, times = len(rows("xt", xt)), array(t)
    if times.shape != (b,) or not real(times):
        raise ValueError(f"t must be an array of {b} times, got {kind(t)}")
    if not traced(times) and not ((np.asarray(times) >= 0) & (np.asarray(times) <= 1)).all():
        raise ValueError(f"t must lie between 0 (data) and 1 (noise), got {shown(t)}")


def images(name: str, value: Any) -> np.ndarray | jax.Array:
    """Only finite floating point in the shape of images, [n, h, w, c], no size 0; returned.

    Pixels from 0 to 255 are no images in [-1, 1], so whole numbers are refused.
    """
    a = array(value)
    if a.ndim != 4 or 0 in a.shape or not jnp.issubdtype(a.dtype, jnp.floating):
        raise ValueError(
            f"{name} must be floating point with shape [n, h, w, c], got {kind(value)}"
        )
    return numbers(name, a)


def patched(name: str, value: Any, channels: int, patch: int) -> None:
    """Raise ValueError unless these are images of so many channels that patches divide."""
    shape = array(value).shape
    if len(shape) != 4 or shape[3] != channels or any(n % patch for n in shape[1:3]):
        raise ValueError(
            f"{name} must have shape [b, h, w, {channels}] with h and w multiples of {patch},"
            f" got {shape}"
        )
    rows(name, value)


def labels(name: str, value: Any, n: int) -> np.ndarray | jax.Array:
    """Only n whole numbers, in a row; returned as an array."""
    a = array(value)
    if a.shape != (n,) or not jnp.issubdtype(a.dtype, jnp.integer):
        raise ValueError(f"{name} must be an array of {n} whole numbers, got {kind(value)}")
    return a


def key(name: str, value: Any) -> None:
    """Only a single key of ``jax.random.key``."""
    dtype = getattr(value, "dtype", None)
    if not jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key) or value.shape != ():
        raise ValueError(f"{name} must be made by jax.random.key, got {shown(value)}")


def _finite(a: np.ndarray | jax.Array) -> bool:
    """Whether all is finite in float32, in which everything is computed."""
    with np.errstate(over="ignore"):
        return bool(np.isfinite(np.asarray(a, np.float32)).all())
