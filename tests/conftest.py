"""Types are checked while the tests run, and the oracles that several files share."""
# ruff: noqa: E402

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jaxtyping

jaxtyping.install_import_hook("workshop_lite", "beartype.beartype")  # before the first import

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hypothesis import settings

from workshop_lite import mixtures, predictions, schedules

# The same examples on every run, and no clock: a busy machine is no failure. To hunt for new ones
# by hand: HYPOTHESIS_PROFILE=explore .venv/bin/python -m pytest tests/test_bad_input.py
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

SCHEDULES = {
    "linear": schedules.linear,
    "cosine": schedules.cosine,
    "sigmoid": schedules.sigmoid,
    "quadratic": schedules.quadratic,
    "shifted": schedules.shifted(schedules.cosine, -1.0),
    "linear_betas": schedules.from_betas(schedules.linear_betas()),
    "cosine_betas": schedules.from_betas(schedules.cosine_betas()),
    "straight": schedules.straight,
}
PREDICTIONS = {
    "noise": predictions.NOISE,
    "clean": predictions.CLEAN,
    "velocity": predictions.VELOCITY,
    "flow": predictions.FLOW,
}
#: Schedules that end in pure noise, where a noise prediction says nothing about x_0.
PURE = {"cosine", "shifted", "cosine_betas", "straight"}


@pytest.fixture(scope="session")
def triangle():
    """Three narrow modes in 2-D with mean 0 and covariance 1; class 0 is one, class 1 two."""
    a, b = np.sqrt(0.96), np.sqrt(1.92)
    return mixtures.Mixture(
        means=jnp.float32([[-a, 0], [a, b], [a, -b]]),
        stds=jnp.full(3, 0.2, jnp.float32),
        weights=jnp.float32([[1, 0, 0], [0, 0.5, 0.5], [0.5, 0.25, 0.25]]),
    )


def gaussian(mean: float, std: float) -> mixtures.Mixture:
    """One mode in 1-D, for which the probability-flow ODE has a straight solution."""
    one = jnp.ones((1, 1), jnp.float32)
    return mixtures.Mixture(mean * one, std * one[0], one)


def normal(n: int, d: int, seed: int = 0) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), (n, d))


def filled(build) -> nnx.Module:
    """What ``build()`` makes, every parameter noise: no branch is zero, and nothing compiles."""
    leaves, tree = jax.tree.flatten(nnx.eval_shape(build))
    draw = np.random.default_rng(0).standard_normal
    return jax.tree.unflatten(tree, [0.2 * jnp.asarray(draw(a.shape, np.float32)) for a in leaves])


@pytest.fixture
def unchecked():
    """Types unchecked, as outside of the tests: what the user meets is the package's own error."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def parts(panel):
    """All widgets under a panel, by their description where they have one."""
    found, todo = {}, [panel]
    while todo:
        one = todo.pop(0)
        found[getattr(one, "description", "") or f"{type(one).__name__} {len(found)}"] = one
        todo += getattr(one, "children", ())
    return found


def shown(panel):
    """The picture of a panel, as HTML."""
    return next(p.value for p in parts(panel).values() if "<img" in getattr(p, "value", ""))


def complaint(panel):
    """The sentence that a panel shows in place of a new picture, or none."""
    texts = [getattr(p, "value", "") for p in parts(panel).values()]
    return next((t for t in texts if isinstance(t, str) and "alert" in t), "")
