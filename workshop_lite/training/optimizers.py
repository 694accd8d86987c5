"""How a gradient becomes an update: each maps a schedule of learning rates to an optimizer."""

from collections.abc import Callable

import jax
import optax
from jaxtyping import Array
from optax.contrib import MuonDimensionNumbers


def adam(rate: Callable) -> optax.GradientTransformation:
    """Adam, Kingma & Ba (2015), with a shorter memory of the squared gradient than usual."""
    return optax.adam(rate, b2=0.99)


def muon(rate: Callable) -> optax.GradientTransformation:
    """Muon for the large matrices and convolution kernels, Nesterov's Adam for the rest.

    Muon makes the update of a matrix orthogonal; Jordan et al. (2024). It is scaled to the size
    of an Adam update, so ``rate`` means the same for both; Liu et al. (2025), Eq. 4.
    """

    def matrices(parameters):
        return jax.tree.map(_as_matrix, parameters)

    return optax.contrib.muon(
        rate, adam_b2=0.99, consistent_rms=0.2, muon_weight_dimension_numbers=matrices
    )


def _as_matrix(parameter: Array) -> MuonDimensionNumbers | None:
    """Which axes are the matrix's input and output; None where there is no large matrix.

    Nor is a tall table one, of which each example looks up only a few rows: a vocabulary.
    """
    if parameter.ndim < 2 or min(parameter.shape[-2:]) < 32:
        return None
    if parameter.ndim == 2 and parameter.shape[0] > 8 * parameter.shape[1]:
        return None
    return MuonDimensionNumbers(tuple(range(parameter.ndim - 1)), parameter.ndim - 1)
