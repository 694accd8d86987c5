"""Muon makes updates of large matrices orthogonal and leaves the rest to Nesterov's Adam."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose

from workshop_lite.training import muon

RATE = 0.01


def nadam(rate):
    return optax.nadam(rate, b2=0.99)


def update(optimizer, gradients):
    parameters = jax.tree.map(jnp.zeros_like, gradients)
    transform = optimizer(lambda step: RATE)
    return transform.update(gradients, transform.init(parameters), parameters)[0]


@pytest.mark.parametrize("shape", [(64, 32), (32, 96), (3, 3, 32, 48)])
def test_muon_is_orthogonal(shape):
    """All singular values of a large update come out alike, of the size of an Adam update."""
    gradient = jax.random.normal(jax.random.key(0), shape)
    gradient = gradient * jnp.logspace(-2, 0, shape[-1])  # far from orthogonal itself
    change = np.asarray(update(muon, {"w": gradient})["w"]).reshape(-1, shape[-1])
    values = np.linalg.svd(change, compute_uv=False)
    assert values.max() < 2 * values.min()
    assert 0.5 < np.sqrt((change**2).mean()) / (0.2 * RATE) < 1.5
    assert (change * np.asarray(gradient).reshape(change.shape)).sum() < 0  # downhill


def test_muon_leaves_the_rest_to_adam():
    """Biases, embeddings of few classes and kernels with few channels get Nesterov's Adam."""
    gradients = {
        name: jax.random.normal(jax.random.key(i), shape)
        for i, (name, shape) in enumerate(
            {"bias": (64,), "table": (11, 192), "stem": (3, 3, 4, 48), "scale": ()}.items()
        )
    }
    ours, theirs = update(muon, gradients), update(nadam, gradients)
    for name in gradients:
        assert_allclose(ours[name], theirs[name], rtol=1e-6)
