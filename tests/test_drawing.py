"""Many samples come in batches of one size, and only the key and the place decide each."""

import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from workshop_lite import checkpoints
from workshop_lite.drawing import samples
from workshop_lite.schedules import cosine

LABELS = np.arange(10)
ROOT = Path(__file__).parent.parent


def denoise(xt, t, cond):
    """The label is the picture, up to a trace of the noise."""
    picture = cond[:, None, None, None]
    return picture + 0.01 * jnp.tanh(xt - picture)


def drawn(labels, **options):
    return samples(denoise, cosine, labels, shape=(2, 2, 1), steps=2, **options)


def test_one_image_for_each_label():
    """The ragged end is cut off again, and every image shows its own label."""
    images = drawn(LABELS, batch=4)
    assert images.shape == (10, 2, 2, 1)
    assert np.abs(images[:, 0, 0, 0] - LABELS).max() < 0.02


def test_a_label_is_not_cut_to_32_bits():
    """A device would drop the upper half of 2**32 + 3 and draw class 3."""
    weak = checkpoints.load("fashion-cfg-weak")
    with pytest.raises(ValueError, match="^labels must lie between 0 and 9"):
        samples(weak, cosine, np.array([2**32 + 3]), steps=1)


def test_the_place_decides():
    """A longer list begins with the same images; another seed and another place differ."""
    images = drawn(LABELS, batch=4)
    assert_array_equal(images[:8], drawn(LABELS[:8], batch=4))
    assert_array_equal(images[8:], drawn(LABELS, batch=4)[8:])
    assert (images != drawn(LABELS, batch=4, seed=1)).any(axis=(1, 2, 3)).all()
    same_label = drawn(np.zeros(8, int), batch=4)
    assert len(np.unique(same_label.reshape(8, -1), axis=0)) == 8


def test_one_batch_is_no_larger_than_asked():
    """Fewer labels than the batch make a batch of that many, not one filled up."""
    rows = []

    def spying(xt, t, cond):
        rows.append(len(xt))
        return denoise(xt, t, cond)

    samples(spying, cosine, LABELS[:3], shape=(2, 2, 1), steps=2, batch=250)
    assert set(rows) == {3}


def test_eight_devices_are_one():
    """Split over 8 devices, a guided sampler gives the images of one device to rounding."""
    code = """
import jax, numpy as np
from flax import nnx
from jax.sharding import Mesh
from workshop_lite import drawing, evaluation, recipes
from workshop_lite.conditioning import null_labels
from workshop_lite.guidance import Guided
assert jax.device_count() == 8
denoise = recipes.RECIPES["fashion-cfg-weak"].build(nnx.Rngs(0))
head = denoise.network.head.kernel
head[...] = 0.1 * jax.random.normal(jax.random.key(1), head.shape)
one, spread = Mesh(np.array(jax.devices()[:1]), ("data",)), []
def watching(xt, t, cond):
    jax.debug.inspect_array_sharding(xt, callback=lambda s: spread.append(len(s.device_set)))
    return denoise(xt, t, cond)
guided = Guided(watching, null_labels, 3.0)
few, many = (
    drawing.samples(guided, denoise.schedule, np.arange(10), steps=3, batch=16, mesh=mesh)
    for mesh in (one, None)
)
assert few.shape == (10, 28, 28, 1) and few.std() > 0.1 and {1, 8} <= set(spread), spread
np.testing.assert_allclose(few, many, rtol=1e-3, atol=1e-4)
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **flags}, check=True, cwd=ROOT)
