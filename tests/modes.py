"""The public functions in other modes of JAX; run by ``make stack-modes``, not by ``make test``.

Each is called with arguments that are right, plainly and in a mode, and gives the same to rounding.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from test_bad_input import net, surface, toy, unchecked  # noqa: F401  (fixtures)
from test_training_checks import ROWS, SQUARE, linear

from workshop_lite import mixtures, samplers, training
from workshop_lite.conditioning import null_labels
from workshop_lite.guidance import Guided
from workshop_lite.schedules import cosine

MODES = {
    "x64": lambda: jax.enable_x64(True),
    "debug nans": lambda: jax.debug_nans(True),
    "no jit": jax.disable_jit,
    "leaks": jax.checking_leaks,
}
#: What only writes, reads a set of data that these modes leave as it is, or trains.
OTHERS = {"fit", "load", "digest", "save", "write_card", "card", "to_audio"}


def answered(call, right):
    """The numbers that a call gives, and the sentence of a call that is refused."""
    try:
        out = call(**right)
    except ValueError as error:
        return str(error)
    return [np.asarray(leaf) for leaf in jax.tree.leaves(out) if hasattr(leaf, "__array__")]


def assert_same(ours, plain):
    assert type(ours) is type(plain), (ours, plain)
    if isinstance(plain, str):
        assert ours == plain
        return
    for one, other in zip(ours, plain, strict=True):
        if np.issubdtype(other.dtype, np.floating):
            np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("mode", MODES)
def test_the_surface(mode, toy, net, tmp_path, monkeypatch):  # noqa: F811
    """Nothing that was finite is NaN, nothing is refused, nothing mixes types."""
    monkeypatch.chdir(tmp_path)
    failures = []
    for call, right in surface(toy, net, tmp_path):
        name = getattr(call, "__name__", type(call).__name__)
        if name in OTHERS:
            continue
        plain = answered(call, right)
        try:
            with MODES[mode]():
                assert_same(answered(call, right), plain)
        except Exception as error:
            failures.append(f"{name}: {type(error).__name__}: {str(error)[:300]}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("mode", MODES)
def test_training(mode):
    """In double precision too, parameters keep their type."""
    options = {"steps": 4, "batch": 8, "chunk": 2, "warmup": 1, "bar": False}
    plain = training.fit(linear(), SQUARE, ROWS, **options)
    with MODES[mode]():
        fitted = training.fit(linear(), SQUARE, ROWS, **options)
        assert fitted.model.kernel[...].dtype == jnp.float32
        if mode == "x64":
            wide = linear(param_dtype=jnp.float64)
            fitted64 = training.fit(wide, SQUARE, ROWS.astype(np.float64), **options)
            assert fitted64.model.kernel[...].dtype == jnp.float64
            assert np.isfinite(fitted64.losses).all()
    np.testing.assert_allclose(fitted.losses, plain.losses, rtol=1e-3)


@pytest.mark.parametrize("sampler", samplers.ALL)
def test_double_precision(sampler, triangle):
    """Noise of double precision stays so to the end, and ends where that of single one does."""
    with jax.enable_x64(True):
        denoise = mixtures.ideal(jax.tree.map(jnp.float64, triangle), cosine)
        noise = np.random.default_rng(0).normal(size=(8, 2))
        options = {"steps": 5, "key": jax.random.key(0)}
        guided = Guided(denoise, null_labels, np.float64(2.0))
        x0, path = sampler(guided, cosine, noise, jnp.arange(8) % 2, **options)
        assert x0.dtype == path.dtype == jnp.float64
        again, _ = sampler(guided, cosine, noise, jnp.arange(8) % 2, **options, start=np.float64(1))
        np.testing.assert_allclose(x0, again)
    if sampler not in (samplers.ddpm,):  # whose fresh noise is another in double precision
        plain, _ = sampler(
            Guided(mixtures.ideal(triangle, cosine), null_labels, 2.0),
            cosine,
            noise.astype(np.float32),
            jnp.arange(8) % 2,
            **options,
        )
        np.testing.assert_allclose(x0, plain, rtol=1e-3, atol=1e-4)


def test_eight_devices(toy, net):  # noqa: F811
    """Rows that lie on eight devices are the rows of one."""
    assert jax.device_count() == 8
    mesh = Mesh(np.array(jax.devices()), ("data",))
    split = NamedSharding(mesh, PartitionSpec("data"))
    noise, labels = jnp.ones((8, 4, 4, 1)) * jnp.arange(8.0)[:, None, None, None], jnp.arange(8) % 3
    for sampler in samplers.ALL:
        guided = Guided(net, null_labels, 2.0)
        options = {"steps": 2, "key": jax.random.key(0)}
        one, _ = sampler(guided, cosine, noise, labels, **options)
        many, _ = sampler(guided, cosine, *jax.device_put((noise, labels), split), **options)
        np.testing.assert_allclose(many, one, rtol=1e-4, atol=1e-4)
    options = {"steps": 4, "batch": 8, "chunk": 2, "warmup": 1, "bar": False}
    many = training.fit(linear(), SQUARE, ROWS, **options)
    one = training.fit(linear(), SQUARE, ROWS, mesh=Mesh(jax.devices()[:1], ("data",)), **options)
    np.testing.assert_allclose(many.losses, one.losses, rtol=1e-4)
