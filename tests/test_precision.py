"""Half and double precision, any byte order, any callable: computed right, in every direction."""

import dataclasses
import importlib
import inspect
import pkgutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import normal
from flax import nnx
from numpy.testing import assert_allclose

from workshop_lite import mixtures, samplers, schedules
from workshop_lite.conditioning import null_labels
from workshop_lite.evaluation import metrics
from workshop_lite.guidance import Guided, Thresholded
from workshop_lite.modules import Module
from workshop_lite.networks.convolution import convolved, slid
from workshop_lite.predictions import VELOCITY, Denoiser
from workshop_lite.schedules import cosine

KEY, LABELS = jax.random.key(0), jnp.array([0, 1, 0, 1])
NOISE = np.asarray(normal(4, 2))


@pytest.fixture(scope="module")
def toy(triangle):
    return mixtures.ideal(triangle, cosine)


def drawn(sampler, denoise, noise, cond=LABELS, schedule=cosine, **options):
    return sampler(denoise, schedule, noise, cond, steps=2, key=KEY, **options)[0]


@pytest.mark.parametrize("sampler", samplers.ALL)
def test_noise_of_any_kind(toy, sampler):
    """Half precision is widened, not refused; another byte order is the same number."""
    for half in (jnp.bfloat16, np.float16):
        noise = NOISE.astype(half)
        x0 = drawn(sampler, toy, noise)
        assert x0.dtype == jnp.float32
        assert_allclose(x0, drawn(sampler, toy, noise.astype(np.float32)), rtol=1e-6)
    other = drawn(sampler, toy, NOISE.astype(">f4"), np.asarray(LABELS, ">i8"))
    assert (other == drawn(sampler, toy, NOISE)).all()


def test_a_function_of_half_precision(toy):
    """Guided or thresholded, it is asked like any other; what is added up is in float32."""
    half = lambda xt, t, cond: toy(xt, t, cond).astype(jnp.bfloat16)
    question = jnp.asarray(NOISE), jnp.full(4, 0.5), LABELS
    wrapped = (Guided(half, null_labels, 1.0), Guided(half, None, 3.0, weak=half))
    for denoise in (*wrapped, Thresholded(lambda xt, t, cond: half(xt, t, cond) / 9)):
        size = 9 if isinstance(denoise, Thresholded) else 1
        out = denoise(*question)
        assert out.dtype == jnp.float32
        assert_allclose(size * out, toy(*question), atol=0.02)
    assert drawn(samplers.ddim, wrapped[0], NOISE).dtype == jnp.float32


def test_another_shape_is_refused(toy):
    """By samplers too: an estimate that would be broadcast."""
    with pytest.raises(ValueError, match=r"^denoise must give the shape .*\(4, 2\), got \(4, 1\)"):
        drawn(samplers.ddim, lambda xt, t, cond: xt[:, :1], NOISE)


def test_gradients_are_finite(toy):
    """In noise, start and eta at its end, and of a constant estimate under guidance."""

    def ends(x, start, eta):
        options = {"start": start, "key": KEY, "steps": 2}
        flat = Guided(lambda xt, t, cond: xt.mean(1, keepdims=True) + 0 * xt, null_labels, 2.0)
        second, _ = samplers.dpmpp_2m(toy, cosine, x, LABELS, **options)
        return second.sum() + samplers.ddim(flat, cosine, x, LABELS, eta=eta, **options)[0].sum()

    slopes = jax.jit(jax.grad(ends, (0, 1, 2)))
    for start in (1.0, 0.5):
        for slope in slopes(jnp.asarray(NOISE), start, 1.0):
            assert np.isfinite(slope).all()


def test_forward_mode_through_samplers(toy):
    """A tangent is what a small step makes."""
    v = normal(4, 2, seed=1)

    @jax.jit
    def ends(h):
        return jnp.stack([drawn(sampler, toy, NOISE + h * v) for sampler in samplers.ALL])

    tangent = jax.jvp(ends, (0.0,), (1.0,))[1]
    assert_allclose(tangent, (ends(1e-2) - ends(-1e-2)) / 2e-2, rtol=0.05, atol=0.02)


def test_every_derivative_of_the_convolution():
    """Forward, backward, mixed and batched are those of the compiler's convolution."""
    cube = lambda f: lambda x, k: (f(x, k) ** 3).mean()
    of = {
        "jvp": lambda f, x, k: jax.jvp(f, (x, k), (2 * x, -k))[1],
        "forward over backward": lambda f, x, k: jax.jvp(jax.grad(cube(f), 1), (x, k), (x, k))[1],
        "backward over forward": lambda f, x, k: jax.grad(
            lambda k: (jax.jvp(lambda x: f(x, k), (x,), (x,))[1] ** 2).mean()
        )(k),
        "batched images": lambda f, x, k: jax.vmap(f, (1, None))(jnp.stack([x, -x], 1), k),
        "batched kernels": lambda f, x, k: jax.vmap(f, (None, 0))(x, jnp.stack([k, -k])),
        "all at once": lambda f, x, k: jax.jacfwd(f, 1)(x[:1, :2, :2], k[..., :1]),
    }
    for width, names in ((2, tuple(of)), (48, ("jvp", "forward over backward"))):
        x, k = normal(2 * 16, width), normal(9, width * width, seed=1) / width
        x, k = x.reshape(2, 4, 4, width), k.reshape(3, 3, width, width)
        ask = lambda x, k, names=names: [[of[n](f, x, k) for f in (convolved, slid)] for n in names]
        for name, (ours, theirs) in zip(names, jax.jit(ask)(x, k), strict=True):
            size = float(jnp.abs(theirs).max())
            assert_allclose(ours, theirs, rtol=2e-3, atol=2e-4 * size, err_msg=name)


@dataclasses.dataclass  # not frozen, so it has no hash
class Bent:
    by: float

    def __call__(self, t):
        return cosine(jnp.asarray(t) ** self.by)


def test_schedules_may_be_any_callable():
    """One without a hash, made anew or changed: equal numbers are equal, and compile once."""
    seen = jax.jit(lambda denoise, x, t: denoise(x, t, None))
    x, t, network = jnp.asarray(NOISE), jnp.full(4, 0.3), lambda xt, t, cond: xt / 2
    mine = Bent(1.5)
    kept = Denoiser(network, mine, VELOCITY)
    first = seen(kept, x, t)
    assert (seen(Denoiser(network, Bent(1.5), VELOCITY), x, t) == first).all()
    mine.by = 2.0
    assert (seen(kept, x, t) == first).all() and seen._cache_size() == 1
    kept.check(NOISE, None, Bent(1.5))
    with pytest.raises(ValueError, match="^schedule must be the denoiser's own"):
        drawn(samplers.ddim, kept, NOISE, None, mine)
    assert (seen(Denoiser(network, mine, VELOCITY), x, t) != first).any()
    for derived in (schedules.shifted(mine, -1.0), schedules.zero_terminal(mine)):
        Denoiser(network, derived, VELOCITY).check(NOISE, None, derived)


def test_betas_made_anew_compile_once():
    """The numbers of a table count, not the object."""
    level = jax.jit(lambda schedule, t: schedule(t), static_argnums=0)
    for _ in range(2):
        level(schedules.from_betas(schedules.linear_betas(50)), 0.5)
    assert level._cache_size() == 1


@pytest.mark.parametrize("half", [jnp.bfloat16, np.float16, ">f4"])
def test_metrics_of_any_kind(half):
    """Scores of coarse or foreign numbers are those of the same numbers in float32."""
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(-1, 1, (5, 12, 12, 3)).astype(np.float32).astype(half) for _ in range(2))
    plain = [np.asarray(x, np.float32) for x in (a, b)]
    for score in (metrics.psnr, metrics.ssim, metrics.nearest):
        for ours, theirs in zip(score(a, b), score(*plain), strict=True):
            assert_allclose(ours, theirs, rtol=1e-5)
    for score in (metrics.saturation, lambda x: metrics.box_mean(x, 4), metrics.yardsticks):
        ours, theirs = jax.tree.leaves(score(a)), jax.tree.leaves(score(plain[0]))
        for one, other in zip(ours, theirs, strict=True):
            assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    rows = [x.reshape(-1, 36) for x in (a, b)]
    flat = [x.reshape(-1, 36) for x in plain]
    assert_allclose(metrics.frechet(*rows), metrics.frechet(*flat), rtol=1e-4)
    assert_allclose(metrics.precision_recall(*rows), metrics.precision_recall(*flat))


def test_modules_show_their_arguments():
    """The signature of a class is that of its constructor, not what its metaclass takes."""
    found = set()
    for room in ("networks", "conditioning", "guidance", "predictions", "mixtures"):
        home = importlib.import_module(f"workshop_lite.{room}")
        inside = pkgutil.iter_modules(getattr(home, "__path__", ()), f"{home.__name__}.")
        for place in (home, *(importlib.import_module(info.name) for info in inside)):
            found |= {one for one in vars(place).values() if inspect.isclass(one)}
    found = {one for one in found if issubclass(one, nnx.Module)}
    found = {one for one in found if one.__module__.startswith("workshop_lite.")}
    assert len(found - {Module}) > 20
    for one in found - {Module}:
        _, *arguments = inspect.signature(one.__init__).parameters
        assert list(inspect.signature(one).parameters) == arguments, one
