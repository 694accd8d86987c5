"""What a run was begun with, in words that a file can hold, so that it is gone on with the same."""

import functools
import hashlib
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree


def of_data(data: PyTree) -> str:
    """A digest of all arrays; of an array on disk, of its shape and of a hundred of its rows."""
    sha256 = hashlib.sha256()
    for leaf in jax.tree.leaves(data):
        sha256.update(f"{leaf.dtype} {leaf.shape}".encode())
        if isinstance(leaf, np.memmap):
            leaf = leaf[np.linspace(0, len(leaf) - 1, 100).astype(int)]
        sha256.update(np.ascontiguousarray(leaf).view(np.uint8).data)
    return sha256.hexdigest()[:16]


def of_function(function: Callable) -> str:
    """The name of a function and a digest of its code and of the arguments that it holds.

    The functions that it calls are told by their names alone.
    """
    name = getattr(_bare(function), "__qualname__", type(function).__qualname__)
    return f"{name} {hashlib.sha256(_told(function).encode()).hexdigest()[:8]}"


def _told(thing: Any, depth: int = 0) -> str:
    """Equal for what does the same, in this process and in the next."""
    if depth > 20:  # a function that holds itself
        return "..."
    told = functools.partial(_told, depth=depth + 1)
    if isinstance(thing, functools.partial):
        return " ".join(map(told, (thing.func, *thing.args, *sorted(thing.keywords.items()))))
    if isinstance(thing, tuple | list):
        return f"({' '.join(map(told, thing))})"
    if isinstance(thing, np.ndarray | jax.Array) and not _is_key(thing):
        return (
            f"{thing.dtype} {thing.shape} {hashlib.sha256(np.asarray(thing).tobytes()).hexdigest()}"
        )
    if isinstance(thing, str | bytes | int | float | complex | None):
        return repr(thing)
    if isinstance(thing, frozenset):
        return " ".join(sorted(map(told, thing)))
    if inspect.iscode(thing):
        return told((thing.co_code, thing.co_names, thing.co_consts))
    bare = _bare(thing)
    if inspect.isfunction(bare):
        held = [cell.cell_contents for cell in bare.__closure__ or ()]
        return told((bare.__qualname__, bare.__code__, bare.__defaults__, held))
    leaves = jax.tree.leaves(thing)
    if leaves and leaves[0] is not thing:
        return f"{type(thing).__qualname__} {told(leaves)}"
    return type(thing).__qualname__


def _bare(function: Any) -> Any:
    """Without what wraps it: jit, or a check of types."""
    return inspect.unwrap(getattr(function, "__func__", function))


def _is_key(array) -> bool:
    return jax.dtypes.issubdtype(array.dtype, jax.dtypes.extended)
