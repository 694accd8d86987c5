"""Whatever is passed, the answer is finite or one sentence that says what was wrong."""

import inspect
import re

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from conftest import filled, normal
from flax import nnx
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workshop_lite import (
    checkpoints,
    datasets,
    drawing,
    evaluation,
    mixtures,
    predictions,
    samplers,
    schedules,
    training,
)
from workshop_lite.conditioning import Labels, dropped, null_labels
from workshop_lite.evaluation import metrics
from workshop_lite.figures.images import gallery, mosaic
from workshop_lite.figures.watching import watched
from workshop_lite.guidance import Guided
from workshop_lite.networks import Autoencoder, Classifier, TinyDecoder, UNet
from workshop_lite.runs import watching
from workshop_lite.training import fitting
from workshop_lite.widgets.flipbook import scrubber
from workshop_lite.widgets.guidance import guidance_explorer, png

KEY = jax.random.key(0)
LABELS = jnp.array([0, 1])
POINTS, IMAGES = normal(2, 2), jnp.ones((2, 4, 4, 1))
SAMPLERS = [samplers.ddim, samplers.ddpm, samplers.heun, samplers.dpmpp_2m]
NAN, INF = float("nan"), float("inf")
HUGE = 3.4028235677973366e38  # the least number that is infinite in float32


@pytest.fixture(scope="module", autouse=True)
def unchecked():
    """Outside of the tests no types are checked: these are the package's own errors."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture(scope="module")
def toy(triangle):
    return mixtures.ideal(triangle, schedules.cosine)


@pytest.fixture(scope="module")
def net():
    return predictions.Denoiser(filled(unet), schedules.cosine, predictions.VELOCITY)


def unet(**options):
    rngs = nnx.Rngs(0)
    options = {"d_cond": 8, "widths": (8,), "blocks": (1,), "rngs": rngs} | options
    return UNet(1, Labels(3, options["d_cond"], rngs=rngs), **options)


def options_of(sampler):
    return {"key": KEY} if sampler is samplers.ddpm else {}


def assert_sentence(error):
    message = str(error.value if hasattr(error, "value") else error)
    assert message and "\n" not in message and len(message) < 300, message


# By name: each of these is a mistake that someone will make ------------------------------------


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [0, -1, 2.5, True, None, "ten", NAN, np.ones(2)])
def test_steps(toy, sampler, steps):
    """Steps that are no whole number of at least 1 are named with their value."""
    with pytest.raises(ValueError, match="^steps must be a whole number of at least 1, got ") as e:
        sampler(toy, schedules.cosine, POINTS, LABELS, steps=steps, **options_of(sampler))
    assert_sentence(e)
    assert " ".join(repr(steps).split()) in str(e.value)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (POINTS.at[1, 0].set(NAN), "noise must be finite, got NaN or infinity in it"),
        (POINTS.at[0, 0].set(INF), "noise must be finite, got NaN or infinity in it"),
        (jnp.ones(3), r"noise must be floating point with shape \[b, ...\], got float32 \(3,\)"),
        (jnp.ones((2, 2), int), r"noise must be floating point .*, got int32 \(2, 2\)"),
        ("noise", r"noise must be floating point .*, got <U5 \(\)"),
        (None, r"noise must be floating point .*, got object \(\)"),
        (jnp.ones((2, 3)), r"points must have shape \[b, 2\], got \(2, 3\)"),
    ],
)
def test_noise(toy, sampler, noise, message):
    """Noise that is not finite, no batch, or of another dimension than the data is refused."""
    with pytest.raises(ValueError, match=f"^{message}$"):
        sampler(toy, schedules.cosine, noise, steps=2, **options_of(sampler))


@pytest.mark.parametrize("eta", [-0.1, 1.5, NAN, INF, np.ones(2)])
def test_eta(toy, eta):
    """An eta outside of [0, 1] is refused with its value."""
    with pytest.raises(ValueError, match="^eta must be a number between 0 and 1, got ") as e:
        samplers.ddim(toy, schedules.cosine, POINTS, steps=2, eta=eta, key=KEY)
    assert_sentence(e)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("start", [0, -0.1, 1.5, NAN, "half", np.ones(2)])
def test_start(toy, sampler, start):
    """A start that leaves nothing to do, or lies outside of the schedule, is refused."""
    with pytest.raises(ValueError, match="^start must be a number between 0.001 and 1, got ") as e:
        sampler(toy, schedules.cosine, POINTS, steps=2, start=start, **options_of(sampler))
    assert_sentence(e)


@pytest.mark.parametrize("key", [None, 0, "seed", np.zeros(2), [1, 2]])
def test_key(toy, key):
    """Where noise is drawn, what is no key is refused, and so is none."""
    message = "^key must be (given, to draw|made by jax.random.key, got )"
    with pytest.raises(ValueError, match=message) as e:
        samplers.ddim(toy, schedules.cosine, POINTS, steps=2, eta=0.5, key=key)
    assert_sentence(e)
    with pytest.raises(ValueError, match=message):
        samplers.ddpm(toy, schedules.cosine, POINTS, steps=2, key=key)


def test_key_is_needed(toy):
    """Leaving the key out says the same."""
    with pytest.raises(ValueError, match="^key must be given"):
        samplers.ddim(toy, schedules.cosine, POINTS, steps=2, eta=1.0)
    with pytest.raises(ValueError, match="^key must be given"):
        samplers.ddpm(toy, schedules.cosine, POINTS, steps=2)


@pytest.mark.parametrize("schedule", ["cosine", None, 0.5, np.ones(2)])
def test_schedule(toy, schedule):
    """A schedule is a function, and what is none is named."""
    with pytest.raises(ValueError, match="^schedule must be a function from t to Level, got ") as e:
        samplers.ddim(toy, schedule, POINTS, steps=2)
    assert_sentence(e)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (jnp.array([0, 3]), "labels must lie between 0 and 2, or be -1 for no class, got 3"),
        (jnp.array([-2, 0]), "labels must lie between 0 and 2, or be -1 for no class, got -2"),
        (jnp.array([0.0, 1.0]), r"labels must be an array of 2 whole numbers.*float32 \(2,\)"),
        (jnp.array([0, 1, 2]), r"labels must be an array of 2 whole numbers.*int32 \(3,\)"),
        (jnp.array(1), r"labels must be an array of 2 whole numbers.*int32 \(\)"),
        (jnp.array([True, False]), r"labels must be an array of 2 whole numbers.*bool \(2,\)"),
        ([0, 1], r"labels must be an array of 2 whole numbers.*got list "),
        ("boot", r"labels must be an array of 2 whole numbers.*got str "),
        (None, r"labels must be an array of 2 whole numbers.*got NoneType "),
    ],
)
@pytest.mark.parametrize("guided", [False, True])
def test_labels(net, labels, message, guided):
    """Labels out of range, of another type or number are refused, guided or not."""
    denoise = Guided(net, null_labels, 2.0) if guided else net
    with pytest.raises(ValueError, match=f"^{message}$"):
        samplers.ddim(denoise, schedules.cosine, IMAGES, labels, steps=1)


@pytest.mark.parametrize("labels", [[0, 2], [0, -2], [0.0, 1.0], [0, 1, 1], ["a", "b"]])
def test_mixture_labels(toy, labels):
    """A mixture has no more classes than it has: JAX alone would take the nearest."""
    with pytest.raises(
        ValueError, match="^labels must be 2 whole numbers from -1.* to 1, got"
    ) as e:
        samplers.ddim(toy, schedules.cosine, POINTS, np.array(labels), steps=1)
    assert_sentence(e)


@pytest.mark.parametrize("shape", [(2, 5, 4, 1), (2, 4, 7, 1), (2, 4, 4, 3), (2, 4, 4), (2, 16)])
def test_images(net, shape):
    """Images of other channels, or that patches do not divide, are refused with their shape."""
    message = r"^images must have shape \[b, h, w, 1\] with h and w multiples of 2, got \("
    with pytest.raises(ValueError, match=message) as e:
        samplers.ddim(net, schedules.cosine, jnp.ones(shape), LABELS, steps=1)
    assert_sentence(e)
    assert str(shape) in str(e.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": NAN}, "scale must be finite, got nan"),
        ({"scale": jnp.array([1.0, INF])}, r"scale must be finite, got Array\(\[ 1., inf\].*"),
        ({"scale": "strong"}, "scale must be real numbers, got 'strong'"),
        ({"scale": None}, "scale must be real numbers, got None"),
        ({"interval": (0.7, 0.3)}, r"interval must be two times with .* got \(0.7, 0.3\)"),
        ({"interval": (-0.1, 0.5)}, r"interval must be two times with .* got \(-0.1, 0.5\)"),
        ({"interval": (0.0, NAN)}, r"interval must be two times with .* got \(0.0, nan\)"),
        ({"interval": 0.5}, "interval must be two times with .* got 0.5"),
        ({"interval": (0.1, 0.2, 0.3)}, r"interval must be two times .* got \(0.1, 0.2, 0.3\)"),
        ({"rescale": 1.5}, "rescale must be a number between 0 and 1, got 1.5"),
        ({"rescale": NAN}, "rescale must be a number between 0 and 1, got nan"),
        ({"null": None}, "null must be a function from .* unconditional twin, got None"),
    ],
)
def test_guidance(toy, options, message):
    """Strengths that are no numbers and intervals that are none are refused with their value."""
    options = {"null": null_labels, "scale": 2.0} | options
    with pytest.raises(ValueError, match=f"^{message}$"):
        Guided(toy, options.pop("null"), options.pop("scale"), **options)


def test_scales_are_as_many_as_rows(toy):
    """One scale a row means as many as there are rows."""
    guided = Guided(toy, null_labels, jnp.ones(3))
    message = r"^scale must be one number or one per row, got shape \(3,\) for a batch of 2$"
    with pytest.raises(ValueError, match=message):
        samplers.ddim(guided, schedules.cosine, POINTS, LABELS, steps=1)


@pytest.mark.parametrize("schedule", [schedules.linear, schedules.cosine, schedules.sigmoid])
@pytest.mark.parametrize("t", [NAN, -0.1, 1.01, INF, HUGE, [0.5, NAN], [0.5, -HUGE], 10**40])
def test_times(schedule, t):
    """A time that is not in [0, 1] is refused, NaN included."""
    with pytest.raises(ValueError, match=r"^t must lie between 0 \(data\) and 1 \(noise\), got"):
        schedule(np.array(t))


@pytest.mark.parametrize(
    "options",
    [
        {"widths": ()},
        {"widths": (12,)},
        {"widths": (8, 16)},
        {"widths": (-8,)},
        {"d_cond": 7},
        {"patch": 0},
    ],
)
def test_network(options):
    """Sizes that cannot be built are refused by name."""
    with pytest.raises(ValueError, match="^(widths|d_cond|patch) must be ") as e:
        unet(**options)
    assert_sentence(e)


@pytest.mark.parametrize("seed", [-1, 2**32, 10**40, 0.5, True])
def test_seeds(seed):
    """Seeds that JAX would shorten are refused, as are those that are none."""
    model, data = nnx.Linear(1, 1, rngs=nnx.Rngs(0)), np.zeros((8, 1))
    for call in (
        lambda: drawing.samples(shrink, schedules.cosine, LABELS, steps=1, seed=seed),
        lambda: metrics.yardsticks(IMAGES, seed=seed),
        lambda: training.fit(model, len, data, steps=1, batch=4, seed=seed),
    ):
        with pytest.raises(ValueError, match=f"^seed must be .*, got {seed}$"):
            call()


def test_share_may_be_whole():
    """A share of 0 or 1 keeps or drops every row, whatever its type."""
    for none, all_ in ((0, 1), (False, True), (0.0, 1.0)):
        assert (dropped(LABELS, -LABELS, none, KEY) == LABELS).all()
        assert (dropped(LABELS, -LABELS, all_, KEY) == -LABELS).all()


def test_checks_inside_jit(net, toy):
    """What is known while jit traces is checked there too; what is traced passes."""
    two = jnp.float32(2.0)

    @jax.jit
    def sample(scale, labels):
        guided = Guided(net, null_labels, scale)
        return samplers.ddim(guided, schedules.cosine, IMAGES, labels, steps=1)[0]

    assert jnp.isfinite(sample(2.0, LABELS)).all()
    with pytest.raises(ValueError, match="^labels must lie between 0 and 2, .* got 3"):
        jax.jit(lambda: samplers.ddim(net, schedules.cosine, IMAGES, np.array([3, 0]), steps=1))()
    with pytest.raises(ValueError, match="^noise must be finite"):
        bad = np.full((2, 2), NAN)
        jax.jit(lambda: samplers.ddim(toy, schedules.cosine, bad, steps=1))()
    with pytest.raises(ValueError, match="^t must lie between 0"):
        jax.jit(lambda: schedules.linear(2.0))()
    with pytest.raises(ValueError, match="^rescale must be a number between 0 and 1"):
        jax.jit(lambda: Guided(net, null_labels, 2.0, rescale=two).rescale)()
    with pytest.raises(ValueError, match="^interval must be two times"):
        jax.jit(lambda: Guided(net, null_labels, 2.0, interval=(0.0, two)).interval)()


def test_models_are_built_inside_eval_shape():
    """A denoiser can be built without memory, and is still refused where it must be."""
    shapes = nnx.eval_shape(
        lambda: predictions.Denoiser(unet(), schedules.cosine, predictions.VELOCITY)
    )
    assert all(isinstance(a, jax.ShapeDtypeStruct) for a in jax.tree.leaves(shapes))
    with pytest.raises(ValueError, match="^prediction divides by alpha"):
        nnx.eval_shape(lambda: predictions.Denoiser(unet(), schedules.cosine, predictions.NOISE))


# Generated -------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(width=32),
    st.floats(),
    st.text(max_size=5),
    st.complex_numbers(max_magnitude=10),
    st.sampled_from(["", "cosine", b"x", object(), KEY]),
)
shapes = st.sampled_from([(), (0,), (1,), (2,), (3,), (2, 2), (2, 3), (2, 4, 4, 1), (2, 3, 4, 1)])
dtypes = st.sampled_from([np.float32, np.float64, np.int32, np.uint8, bool, "<U3", object])
things = st.one_of(
    scalars,
    st.builds(np.zeros, shapes, dtypes),
    st.builds(lambda s, v: jnp.full(s, v), shapes, st.sampled_from([0, 1, -3, 0.5, NAN, INF])),
    st.lists(scalars, max_size=3),
    st.lists(scalars, max_size=3).map(tuple),
    st.just({}),
)


def generated(n: int):
    """The test with n things, besides those that once were answered wrongly."""

    def decorate(test):
        for thing in (HUGE, [-HUGE, HUGE]):
            test = example(thing=thing)(test)
        return settings(max_examples=n)(given(thing=things)(test))

    return decorate


def answer(call, *args, **options):
    """The call gives finite numbers, or raises one sentence."""
    try:
        out = call(*args, **options)
    except ValueError as error:
        assert_sentence(error)
        return error
    for leaf in jax.tree.leaves(out):
        if hasattr(leaf, "__array__"):
            assert np.isfinite(np.asarray(leaf)).all()


@pytest.mark.parametrize(
    "function",
    [
        schedules.linear,
        schedules.cosine,
        schedules.sigmoid,
        schedules.quadratic,
        schedules.shifted(schedules.cosine, -1.0),
        schedules.from_betas(schedules.linear_betas(50)),
        lambda betas: schedules.from_betas(betas)(0.5),
        lambda shift: schedules.shifted(schedules.linear, shift)(0.5),
        schedules.linear_betas,
        schedules.cosine_betas,
    ],
)
@generated(60)
def test_any_schedule_argument(function, thing):
    """Schedules and tables answer anything with finite amplitudes or one sentence."""
    answer(function, thing)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("argument", ["schedule", "noise", "cond", "steps", "eta", "key", "start"])
@generated(60)
def test_any_sampler_argument(toy, sampler, argument, thing):
    """Samplers answer anything in place of one argument with a finite sample or one sentence."""
    if argument == "eta" and sampler is not samplers.ddim:
        assert argument not in inspect.signature(sampler).parameters
        return
    if argument == "key" and sampler in (samplers.heun, samplers.dpmpp_2m):
        assert argument not in inspect.signature(sampler).parameters
        return
    call = {"schedule": schedules.cosine, "noise": POINTS, "cond": LABELS, "steps": 2}
    call |= options_of(sampler) | ({"key": KEY} if argument == "eta" else {})
    call |= {argument: thing}
    positional = [call.pop(name) for name in ("schedule", "noise", "cond")]
    answer(sampler, toy, *positional, **call)


@pytest.mark.parametrize("argument", ["scale", "interval", "rescale"])
@generated(60)
def test_any_guidance_argument(toy, argument, thing):
    """Guidance answers anything in place of one argument likewise."""

    def call(thing):
        guided = Guided(toy, null_labels, **({"scale": 2.0} | {argument: thing}))
        return samplers.ddim(guided, schedules.cosine, POINTS, LABELS, steps=1)

    answer(call, thing)


@pytest.mark.parametrize("argument", ["noise", "cond"])
@generated(60)
def test_any_network_input(net, argument, thing):
    """The U-Net answers any image and any label likewise."""
    call = {"noise": IMAGES, "cond": LABELS} | {argument: thing}
    answer(samplers.ddim, net, schedules.cosine, call["noise"], call["cond"], steps=1)


def shrink(xt, t, cond):
    """The ideal denoiser of N(0, 1)."""
    return schedules.over(schedules.cosine(t), xt).alpha * xt


@given(st.floats(-1e6, 1e6, width=32), st.integers(1, 3), st.floats(0, 1, width=32))
@settings(max_examples=40)
def test_any_number_gives_finite_samples(size, steps, eta):
    """Every finite start, step count and eta ends in finite samples."""
    noise = jnp.full((2, 2), size, jnp.float32)
    x0, path = samplers.ddim(shrink, schedules.cosine, noise, steps=steps, eta=eta, key=KEY)
    assert jnp.isfinite(x0).all() and jnp.isfinite(path).all()


# The whole public surface ----------------------------------------------------------------------


class Judged:
    """A classifier that costs nothing: the mean of an image is its feature and its logit."""

    def features(self, x):
        return jnp.stack([x.mean((1, 2, 3)), x.std((1, 2, 3))], axis=1)

    __call__ = features


def flat(model, rows, key):
    """A loss that takes any data."""
    return jnp.sum(model.kernel[...] ** 2)


def surface(toy, net, folder):
    """Public functions, each with arguments that are right."""
    t, rows = np.full(2, 0.5, np.float32), np.random.default_rng(0).normal(size=(9, 2))
    still = predictions.Denoiser(lambda xt, t, cond: xt, schedules.cosine, predictions.VELOCITY)
    model, recipe = nnx.Linear(1, 1, rngs=nnx.Rngs(0)), {"recipe": "fashion-classifier"}
    saved = filled(lambda: Classifier(1, 2, widths=(8,), rngs=nnx.Rngs(0)))
    notes = {"shape": [4, 4, 1], "classes": ["a", "b"]}
    judge = evaluation.Judge(Judged(), np.zeros((9, 2, 2, 1), np.float32))
    sampling = {"denoise": toy, "schedule": schedules.cosine, "noise": POINTS, "cond": LABELS}
    images = np.zeros((4, 2, 2, 1), np.float32)
    emoji = datasets.Emoji(*[np.zeros(0, np.uint8)] * 4, *[()] * 4, "")
    abstract = lambda build: lambda **options: nnx.eval_shape(lambda: build(**options))
    build = lambda **options: UNet(condition=Labels(3, 8, rngs=nnx.Rngs(0)), **options)
    coder = abstract(lambda **o: Autoencoder(rngs=nnx.Rngs(0), **o))
    tiny = abstract(lambda **o: TinyDecoder(rngs=nnx.Rngs(0), **o))
    sizes = {"channels": 1, "latent": 1}
    return [
        *[(f, {"t": 0.5}) for f in (schedules.linear, schedules.cosine)],
        *[(f, {"t": 0.5}) for f in (schedules.sigmoid, schedules.quadratic)],
        *[(f, {"T": 30}) for f in (schedules.sigmoid_betas, schedules.quadratic_betas)],
        (schedules.shifted, {"schedule": schedules.cosine, "log_snr_shift": 1.0}),
        (schedules.zero_terminal, {"schedule": schedules.linear}),
        (schedules.check, {"schedule": schedules.cosine, "sigma": 0.1, "alpha": 0.1}),
        (schedules.from_betas, {"betas": [0.1, 0.2]}),
        (schedules.from_points, {"t": (0, 1), "log_snr": (9, -9)}),
        (schedules.uniform_log_snr, {"high": 9, "low": -9}),
        (schedules.karras, {"rho": 7, "sigma_min": 0.002, "sigma_max": 80}),
        (
            predictions.Denoiser,
            {"network": shrink, "schedule": schedules.cosine, "prediction": predictions.CLEAN},
        ),
        (toy, {"xt": POINTS, "t": t, "cond": LABELS}),
        (net, {"xt": IMAGES, "t": t, "cond": LABELS}),
        (Guided(toy, null_labels, 2.0), {"xt": POINTS, "t": t, "cond": LABELS}),
        (net.check, {"xt": IMAGES, "cond": LABELS}),
        (net.network.check, {"xt": IMAGES, "cond": LABELS}),
        (
            abstract(lambda **o: build(rngs=nnx.Rngs(0), **o)),
            {"channels": 1, "d_cond": 8, "widths": (8,), "blocks": (1,), "patch": 2},
        ),
        (coder, {**sizes, "widths": (8,), "patch": 2}),
        (tiny, {**sizes, "factor": 2, "width": 8}),
        (coder(**sizes, widths=(8,)).check, {"x": images}),
        (abstract(lambda **o: Labels(rngs=nnx.Rngs(0), **o)), {"n": 3, "dim": 8}),
        (lambda labels: net.network.condition.check(labels, rows=2), {"labels": LABELS}),
        (null_labels, {"labels": LABELS}),
        (lambda share, key: dropped(LABELS, LABELS, share, key), {"share": 0.5, "key": KEY}),
        (
            Guided,
            {"denoise": toy, "null": null_labels, "scale": 2.0, "interval": (0.0, 1.0)}
            | {"rescale": 0.0, "weak": None},
        ),
        (samplers.ddim, {**sampling, "steps": 2, "eta": 0.5, "key": KEY}),
        (samplers.ddpm, {**sampling, "steps": 2, "key": KEY}),
        (samplers.heun, {**sampling, "steps": 2}),
        (samplers.dpmpp_2m, {**sampling, "steps": 2}),
        (metrics.frechet, {"a": rows, "b": rows}),
        (metrics.precision_recall, {"real": rows, "fake": rows, "k": 3}),
        (metrics.saturation, {"images": images, "margin": 0.05}),
        (metrics.psnr, {"images": images, "real": images}),
        (metrics.box_mean, {"images": images, "size": 1}),
        (metrics.nearest, {"images": images, "real": images, "batch": 2}),
        (metrics.retrieval, {"images": rows, "prompts": rows, "k": 1}),
        (metrics.yardsticks, {"images": images, "seed": 0}),
        (evaluation.Judge, {"classifier": Judged(), "real": images, "limit": 4}),
        (judge, {"images": images, "labels": np.arange(4)}),
        (
            drawing.samples,
            {"denoise": still, "schedule": schedules.cosine, "cond": LABELS, "shape": (2, 2, 1)}
            | {"steps": 1, "seed": 0, "sampler": samplers.ddim, "batch": 2},
        ),
        (
            evaluation.scored,
            {"denoise": still, "judge": judge, "scale": 1.0}
            | {"n": 4, "evaluations": 2, "seed": 0},
        ),
        (datasets.load, {"name": "fashion-mnist", "split": "test", "size": 28}),
        (datasets.digest, {"name": "fashion-mnist"}),
        (datasets.signed, {"images": np.zeros((2, 2), np.uint8)}),
        (datasets.pixels, {"x": images}),
        (datasets.captions, {"emoji": emoji}),
        (datasets.to_mel, {"waveform": np.zeros((1, 16_000), np.float32)}),
        (
            datasets.to_audio,
            {"mel": np.zeros((1, 32, 32, 1), np.uint8), "iterations": 1, "seed": 0},
        ),
        (checkpoints.names, {"folder": folder}),
        (checkpoints.card, {"name": "none", "folder": folder}),
        (checkpoints.load, {"name": "none", "folder": folder}),
        (checkpoints.save, {"name": "a", "model": saved, "notes": notes, "folder": folder}),
        (checkpoints.write_card, {"name": "a", "notes": recipe, "folder": folder}),
        (
            training.fit,
            {"model": model, "loss": flat, "data": np.zeros((8, 1)), "seed": 0, "steps": 2}
            | {"minutes": 0.0, "batch": 4, "optimizer": training.adam, "learning_rate": 1e-3}
            | {"warmup": 1, "cooldown": 1, "clip": 1.0, "chunk": 2, "mesh": None}
            | {"directory": None, "recipe": "a line", "save_every": 60.0}
            | {"changed": (), "watch": None},
        ),
        (
            training.loss,
            {"denoise": still, "x0": POINTS, "cond": LABELS, "null": null_labels, "key": KEY}
            | {"drop": 0.1},
        ),
        (mosaic, {"images": images, "columns": 2, "gap": 1}),
        (gallery, {"images": images, "rows": ["a", "b"], "columns": ["c", "d"], "title": "e"}),
        (png, {"images": images, "columns": 2, "zoom": 1}),
        (
            scrubber,
            {"pictures": [b"", b""], "alt": "a", "stops": ["0", "1"], "description": "b"}
            | {"start": 0},
        ),
        (
            guidance_explorer,
            {"denoise": still, "names": ["a", "b"], "count": 1, "shape": (2, 2, 1)},
        ),
        (watching.Watch, {"measures": {}, "picture": None, "every": 60.0, "folder": None}),
        (
            watching.held_out,
            {"loss": flat, "data": np.zeros((8, 1)), "n": 8, "batch": 4, "seed": 0},
        ),
        (watched, {"rows": [{"step": 1, "loss": 1.0}]}),
    ]


#: What an argument is called in the sentence, where that is not its own name.
CALLED = {"noise": "images|points", "xt": "images|points", "cond": "labels", "a": "features"}
CALLED |= {"b": "features", "real": "features", "fake": "features", "notes": "recipe in notes"}
CALLED |= {"log_snr": "schedule", "high": "log_snr|schedule", "low": "log_snr|schedule"}
CALLED |= {"folder": "name|folder"}  # a folder without models
CALLED |= {"directory": "directory|folder"}
CALLED |= {"x": "images", "size": "images"}
CALLED |= {"rows": "columns"}  # as many rows as fit, and then too many columns


def fed(function, right: dict, argument: str) -> int:
    """How many calls were made with anything in place of one argument; each ends well."""
    calls, names = 0, f"{argument}|{CALLED.get(argument, argument)}"

    @generated(8)
    def feed(thing):
        nonlocal calls
        calls += 1
        error = answer(function, **{**right, argument: thing})
        if error is not None:
            assert re.search(rf"\b({names})\b.* must .*\bgot\b", str(error)), error

    feed()
    return calls


def test_a_thousand_bad_calls(toy, net, tmp_path, monkeypatch):
    """Anything in place of any argument of any public function: numbers, or one sentence.

    The sentence names the argument, says what it must be, and what came.
    """
    monkeypatch.chdir(tmp_path)  # a path may be any string
    monkeypatch.setattr(fitting, "run", lambda *a: (a[4], np.zeros(len(a[6]))))  # not trained
    calls, failures = 0, []
    for function, right in surface(toy, net, tmp_path):
        for argument in right:
            try:
                calls += fed(function, right, argument)
            except Exception as error:
                name = getattr(function, "__name__", type(function).__name__)
                failures.append(f"{name}({argument}=...): {type(error).__name__}: {error}")
    assert not failures, "\n".join(failures)
    assert calls >= 1000
