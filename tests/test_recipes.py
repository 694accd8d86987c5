"""Recipes compute in the number format that the device is built for."""

from types import SimpleNamespace as Device

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from workshop_lite.recipes import RECIPES, fast_dtype


@pytest.mark.parametrize(
    ("device", "dtype"),
    [
        (Device(platform="cpu"), None),
        (Device(platform="tpu"), jnp.bfloat16),
        (Device(platform="gpu", compute_capability="7.5"), None),
        (Device(platform="gpu", compute_capability="8.0"), jnp.bfloat16),
        (Device(platform="gpu", compute_capability="12.0"), jnp.bfloat16),
    ],
)
def test_bfloat16_where_the_device_has_units_for_it(device, dtype):
    """A T4 has none, an A100 has; here, on a CPU, everything is float32."""
    assert fast_dtype(device) is dtype
    assert fast_dtype(jax.devices("cpu")[0]) is None


def test_the_weak_model_is_weaker():
    """A quarter of the parameters of the model that it is to guide."""
    sizes = {
        name: sum(leaf.size for leaf in jax.tree.leaves(RECIPES[name].build(nnx.Rngs(0))))
        for name in ("fashion-cfg", "fashion-cfg-weak")
    }
    assert sizes["fashion-cfg-weak"] < 0.25 * sizes["fashion-cfg"]
