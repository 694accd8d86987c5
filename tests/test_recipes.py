"""Recipes compute in the number format that the device is built for."""

from types import SimpleNamespace as Device

import jax
import jax.numpy as jnp
import pytest

from workshop_lite.recipes import fast_dtype


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
