"""What of a model is trained: its parameters, apart from all else that it holds."""

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array

from workshop_lite import checks


def parameters(model: nnx.Module) -> list[Array]:
    """The values of a model's ``nnx.Param``s, in the order of ``jax.tree.leaves``."""
    marked = zip(jax.tree.leaves(model), _marks(model), strict=True)
    return [leaf for leaf, trained in marked if trained]


def replaced(model: nnx.Module, values: list[Array]) -> nnx.Module:
    """The same model with these values for its parameters."""
    leaves, tree = jax.tree.flatten(model)
    values = iter(values)
    marked = zip(leaves, _marks(model), strict=True)
    return jax.tree.unflatten(tree, [next(values) if trained else leaf for leaf, trained in marked])


def named(path: tuple) -> str:
    """How a place in a model is written: ``layers.0.kernel``."""
    return jax.tree_util.keystr(path, simple=True, separator=".").removesuffix(".value")


def check(model: nnx.Module) -> None:
    """Raise ValueError unless a model has parameters that can be trained, each in one place."""
    if not isinstance(model, nnx.Module):
        raise ValueError(f"model must be an nnx.Module, got {checks.shown(model)}")
    places = {}
    for path, variable in jax.tree_util.tree_leaves_with_path(model, is_leaf=_is_variable):
        if not isinstance(variable, nnx.Param):
            continue
        name = named(path)
        for dtype in {leaf.dtype for leaf in jax.tree.leaves(variable)}:
            if dtype not in (np.float32, np.float64):
                raise ValueError(
                    "model must have parameters of float32, for steps are too small for fewer"
                    f" digits, got {dtype} at {name}; a layer's dtype is what it computes in"
                )
        if id(variable) in places:
            raise ValueError(
                f"model must hold each parameter in one place, got {places[id(variable)]} again at"
                f" {name}, and they would be trained apart"
            )
        places[id(variable)] = name
    if not places:
        raise ValueError(f"model must have parameters, got {checks.shown(type(model).__name__)}")


def _marks(model: nnx.Module) -> list[bool]:
    """For each leaf of a model whether it is a parameter."""
    variables = jax.tree.leaves(model, is_leaf=_is_variable)
    return [isinstance(v, nnx.Param) for v in variables for _ in jax.tree.leaves(v)]


def _is_variable(node) -> bool:
    return isinstance(node, nnx.Variable)
