"""Guidance against its formula, on mixtures whose every density is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import gaussian, normal
from numpy.testing import assert_allclose

from workshop_lite import mixtures, samplers, schedules
from workshop_lite.conditioning import null_labels
from workshop_lite.guidance import Guided, PlusPlus, Projected, Rising, Thresholded, ZeroStar

LABELS = jnp.array([0, 1, 1, 0, 1, 0])
NULL = null_labels(LABELS)


@pytest.fixture(scope="module")
def ideal(triangle):
    return mixtures.ideal(triangle, schedules.cosine)


@pytest.fixture
def counted(triangle):
    """An ideal denoiser that notes the number of rows of every pass."""
    rows = []

    def denoise(xt, t, cond):
        jax.debug.callback(lambda: rows.append(len(xt)))
        return triangle.denoised(xt, schedules.cosine(t), cond)

    return denoise, rows


call = jax.jit(Guided.__call__)


def at(t, rows=6):
    return jnp.full(rows, t, jnp.float32)


@pytest.mark.parametrize("t", [0.05, 0.5, 0.95])
def test_scale_one_is_the_conditional_model(ideal, t):
    """At scale 1 the estimate is the conditional one."""
    xt = normal(6, 2)
    guided = call(Guided(ideal, null_labels, 1.0), xt, at(t), LABELS)
    assert_allclose(guided, ideal(xt, at(t), LABELS), atol=1e-6)


@pytest.mark.parametrize("t", [0.05, 0.5, 0.95])
def test_scale_zero_is_the_unconditional_model(ideal, t):
    """At scale 0 the condition has no say."""
    xt = normal(6, 2)
    assert_allclose(
        call(Guided(ideal, null_labels, 0.0), xt, at(t), LABELS), ideal(xt, at(t), NULL), atol=1e-6
    )


@pytest.mark.parametrize("scale", [-1.0, 0.5, 2.0, 7.5])
@pytest.mark.parametrize("t", [0.01, 0.3, 0.8])
def test_density_is_sharpened(triangle, ideal, t, scale):
    """The guided noise is the score, found by autodiff, of p(x_t | c)^s p(x_t)^(1 - s)."""
    # In the valley between the modes, where guidance decides. Near t = 0 it is the data's density.
    xt = 0.5 * normal(32, 2)
    labels = jnp.zeros(32, int)
    level = schedules.cosine(jnp.float32(t))

    def log_density(xt):
        conditional = triangle.log_density(xt, level, labels)
        free = triangle.log_density(xt, level, null_labels(labels))
        return jnp.sum(scale * conditional + (1 - scale) * free)

    x0 = call(Guided(ideal, null_labels, scale), xt, at(t, 32), labels)
    eps = (xt - level.alpha * x0) / level.sigma
    score = jax.grad(log_density)(xt)
    assert_allclose(eps, -level.sigma * score, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("sampler", [samplers.ddim, samplers.heun, samplers.dpmpp_2m])
def test_more_scale_moves_further_from_the_other_class(sampler):
    """Between overlapping classes more scale leaves the other class, and scale 0 gives both."""
    mixture = mixtures.Mixture(
        jnp.float32([[-0.6], [0.6]]),
        jnp.full(2, 0.8, jnp.float32),
        jnp.float32([[1, 0], [0, 1], [0.5, 0.5]]),
    )
    denoise = mixtures.ideal(mixture, schedules.cosine)
    labels = jnp.ones(512, int)
    means, other = [], []
    for scale in (0.0, 1.0, 2.0, 4.0):
        guided = Guided(denoise, null_labels, scale)
        x0, _ = sampler(guided, schedules.cosine, normal(512, 1), labels, steps=30)
        means.append(float(x0.mean()))
        other.append(float((x0 < 0).mean()))
    # Four standard errors around the exact means of p(x) and p(x | 1).
    assert_allclose(means[:2], [0.0, 0.6], atol=4 / np.sqrt(512))
    assert np.all(np.diff(means) > 0.05) and np.all(np.diff(other) < 0)


def test_rows_have_their_own_scale(ideal):
    """A scale for each row gives what a call for each scale would give."""
    scale = jnp.float32([0.0, 1.0, 2.0, 3.0, -1.0, 7.5])
    xt = normal(6, 2)
    together = call(Guided(ideal, null_labels, scale), xt, at(0.4), LABELS)
    for row in range(6):
        one = slice(row, row + 1)
        guided = Guided(ideal, null_labels, float(scale[row]))
        alone = call(guided, xt[one], at(0.4, 1), LABELS[one])
        assert_allclose(together[one], alone, atol=1e-5)


@pytest.mark.parametrize(
    ("scale", "interval", "rows"),
    [
        (3.0, None, [12] * 10),
        (3.0, (0.0, 1.0), [12] * 10),
        (3.0, (0.25, 0.65), [6] * 4 + [12] * 4 + [6] * 2),  # t = 1, 0.9 ... 0.1
        (1.0, (0.0, 1.0), [6] * 10),
        (0.0, (0.0, 1.0), [12] * 10),
    ],
)
def test_passes_are_paid_once(counted, scale, interval, rows):
    """Guidance is one pass of 2b rows; with an interval, outside of it and at scale 1, one of b."""
    denoise, seen = counted
    guided = Guided(denoise, null_labels, scale, interval=interval)
    samplers.ddim(guided, schedules.cosine, normal(6, 2), LABELS, steps=10)[0].block_until_ready()
    jax.effects_barrier()
    assert seen == rows


def test_interval_is_by_row(ideal):
    """A row whose time lies outside the interval gets the conditional estimate."""
    t = jnp.float32([0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
    xt = normal(6, 2)
    within = call(Guided(ideal, null_labels, 3.0, interval=(0.3, 0.7)), xt, t, LABELS)
    always = call(Guided(ideal, null_labels, 3.0), xt, t, LABELS)
    never = ideal(xt, t, LABELS)
    inside = jnp.array([False, True, True, True, False, False])[:, None]
    assert_allclose(within, jnp.where(inside, always, never), atol=1e-6)


def test_sliders_never_recompile(ideal):
    """Class, scale, interval, rescale and seed are traced: moving them compiles nothing."""
    compiled = samplers.ddpm._cache_size()
    for i in range(4):
        options = {"interval": (0.1 * i, 1.0 - 0.1 * i), "rescale": 0.2 * i}
        guided = Guided(ideal, null_labels, 0.5 + i, **options)
        noise, labels = normal(6, 2, seed=i), jnp.full(6, i % 2)
        samplers.ddpm(guided, schedules.cosine, noise, labels, steps=5, key=jax.random.key(i))
    assert samplers.ddpm._cache_size() == compiled + 1


def test_whole_numbers_will_do(ideal):
    """A scale of 3 is a scale of 3.0, and compiles no second time."""
    compiled = samplers.ddim._cache_size()
    for scale, interval in ((3, (0, 1)), (3.0, (0.0, 1.0)), (np.float32(3), (0.0, 1))):
        guided = Guided(ideal, null_labels, scale, interval=interval, rescale=0)
        x0, _ = samplers.ddim(guided, schedules.cosine, normal(6, 2), LABELS, steps=2)
    assert samplers.ddim._cache_size() == compiled + 1


def test_rescale_restores_the_spread():
    """Rescale 1 gives each row the spread of its conditional estimate, 0.5 one halfway."""
    noisy = lambda xt, t, cond: xt * (1 + cond[:, None]) + cond[:, None]
    xt, cond = normal(6, 50), jnp.arange(6) / 10
    spread = lambda rescale: jnp.std(
        Guided(noisy, jnp.zeros_like, 5.0, rescale=rescale)(xt, at(0.5), cond), axis=1
    )
    conditional = jnp.std(noisy(xt, at(0.5), cond), axis=1)
    assert_allclose(spread(1.0), conditional, rtol=1e-4)
    assert_allclose(spread(0.5), (conditional + spread(0.0)) / 2, rtol=1e-4)
    assert (spread(0.0)[1:] > 1.1 * conditional[1:]).all()


@pytest.mark.parametrize("scale", [0.0, 1.0, 4.0])
def test_autoguidance_by_itself_does_nothing(ideal, scale):
    """A model guided away from itself is itself."""
    guided = Guided(ideal, None, scale, weak=ideal)
    xt = normal(6, 2)
    assert_allclose(call(guided, xt, at(0.5), LABELS), ideal(xt, at(0.5), LABELS), atol=1e-6)


def test_autoguidance_leaves_the_weak_model(ideal):
    """Between strong and weak the scale is linear: 0 is the weak model, 2 mirrors it."""
    one = gaussian(0.0, 1.0)._replace(means=jnp.zeros((1, 2)), weights=jnp.ones((3, 1)))
    weak = mixtures.ideal(one, schedules.cosine)
    xt = normal(6, 2)
    out = [call(Guided(ideal, None, s, weak=weak), xt, at(0.5), LABELS) for s in (0.0, 1.0, 2.0)]
    assert_allclose(out[0], weak(xt, at(0.5), LABELS), atol=1e-6)
    assert_allclose(out[2], 2 * out[1] - out[0], atol=1e-5)


def test_condition_may_be_any_tree():
    """A condition of several arrays is doubled array by array."""
    denoise = lambda xt, t, cond: xt * cond["gain"] + cond["shift"][0]
    cond = {"gain": jnp.full((6, 1), 2.0), "shift": (jnp.ones((6, 2)),)}
    null = lambda cond: jax.tree.map(jnp.zeros_like, cond)
    xt = normal(6, 2)
    out = Guided(denoise, null, 3.0)(xt, at(0.5), cond)
    assert_allclose(out, 3 * (2 * xt + 1), rtol=1e-6)


def test_guidance_nests(ideal):
    """A guided denoiser is a denoiser: guiding it again by scale 1 changes nothing."""
    xt = normal(6, 2)
    once = Guided(ideal, null_labels, 2.0)
    twice = Guided(once, null_labels, 1.0)
    assert_allclose(call(twice, xt, at(0.5), LABELS), call(once, xt, at(0.5), LABELS), atol=1e-6)


def test_thresholding_leaves_estimates_in_range_alone(ideal):
    """An estimate within [-1, 1] comes back as it was."""
    tame = lambda xt, t, cond: jnp.tanh(xt)
    xt = 3 * normal(6, 50)
    assert_allclose(Thresholded(tame)(xt, at(0.5), None), jnp.tanh(xt), rtol=1e-6)


def test_thresholding_by_hand():
    """The reach is the image's own: 4 here, and what lies beyond it is cut; 0.5 there, kept."""
    wild = jnp.concatenate([jnp.linspace(-4, 4, 100), jnp.array([40.0])])
    x0 = jnp.stack([wild, jnp.linspace(-0.5, 0.5, 101)])
    share = 0.99  # of 101 numbers: one lies above
    out = Thresholded(lambda xt, t, cond: xt, share)(x0, at(0.5, 2), None)
    assert_allclose(out[0], jnp.clip(wild, -4, 4) / 4, rtol=1e-5)
    assert_allclose(out[1], x0[1])


def test_thresholding_passes_the_checks_on(ideal):
    """What the denoiser inside refuses is refused; a share outside of (0, 1] too."""
    guided = Thresholded(Guided(ideal, null_labels, jnp.ones(3)))
    with pytest.raises(ValueError, match="scale must be one number or one per row"):
        samplers.ddim(guided, schedules.cosine, normal(6, 2), LABELS, steps=2)
    for share in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="share must be a number between 0.5 and 1"):
            Thresholded(ideal, share)


def test_gradients_through_a_constant_estimate_are_finite():
    """One number a row has no spread; without rescaling the gradient is the plain combination's."""
    xt, t, y = jnp.float32([[0.3], [-0.2]]), jnp.full(2, 0.5), jnp.array([0, 1])
    flat = lambda xt, t, y: jnp.tanh(xt) * (1 + 0.1 * y[:, None])
    by_hand = lambda x: (flat(x, t, null_labels(y)) * -1 + 2 * flat(x, t, y)).sum()
    for rescale in (0.0, 0.7):
        guided = Guided(flat, null_labels, 2.0, rescale=rescale)
        gradient = jax.grad(lambda x, guided=guided: guided(x, t, y).sum())(xt)
        assert jnp.isfinite(gradient).all()
        if rescale == 0:
            assert_allclose(gradient, jax.grad(by_hand)(xt), rtol=1e-5)


def test_bound_arrays_are_traced(ideal):
    """A function to which arrays are bound is guided too, and other arrays compile nothing."""
    fainter = lambda gain, xt, t, cond: gain * ideal(xt, t, cond)
    xt, compiled = normal(6, 2), samplers.ddim._cache_size()
    for gain in (0.5, 0.9):
        bound = Guided(jax.tree_util.Partial(fainter, jnp.float32(gain)), null_labels, 2.0)
        assert_allclose(
            bound(xt, at(0.4), LABELS),
            gain * Guided(ideal, null_labels, 2.0)(xt, at(0.4), LABELS),
            atol=1e-6,
        )
        samplers.ddim(bound, schedules.cosine, xt, LABELS, steps=3)
    assert samplers.ddim._cache_size() == compiled + 1


# Other kinds of guidance ------------------------------------------------------------------------

KINDS = {
    "rising": Rising,
    "projected": Projected,
    "plus plus": lambda *of: PlusPlus(*of, schedule=schedules.cosine, steps=8),
    "zero star": lambda *of: ZeroStar(*of, schedule=schedules.cosine),
}


@pytest.fixture(scope="module")
def estimates(ideal):
    """States, times, and the estimates with and without the condition."""
    xt, t = normal(6, 2), jnp.linspace(0.1, 0.9, 6)
    return xt, t, ideal(xt, t, LABELS), ideal(xt, t, NULL)


@pytest.mark.parametrize("kind", ["rising", "projected", "zero star"])
def test_scale_one_is_the_conditional_model_for_every_kind(ideal, estimates, kind):
    """To rounding: nothing is added to the conditional estimate."""
    xt, t, x0, _ = estimates
    assert_allclose(KINDS[kind](ideal, null_labels, 1.0)(xt, t, LABELS), x0, atol=1e-4)


def test_a_rising_scale_has_the_scale_as_its_mean(ideal, estimates):
    """1 in pure noise, 2 scale - 1 at the data, and linear in between."""
    xt, _, *_ = estimates
    guided = Rising(ideal, null_labels, 4.0)
    for t, scale in [(1.0, 1.0), (0.5, 4.0), (0.25, 5.5)]:
        constant = Guided(ideal, null_labels, scale)
        assert_allclose(guided(xt, at(t), LABELS), constant(xt, at(t), LABELS), atol=1e-5)


def test_projection_by_hand():
    """The difference (3, 4) beside the estimate (2, 0): across it (0, 4), along it (3, 0)."""
    denoise = lambda xt, t, cond: jnp.where(
        cond[:, None] > 0, jnp.float32([[2, 0]]), -jnp.float32([[1, 4]])
    )
    null, one = (lambda cond: 0 * cond), jnp.ones(1, int)
    call = lambda **options: Projected(denoise, null, 3.0, **options)(
        jnp.zeros((1, 2)), at(0.5, 1), one
    )[0]
    assert_allclose(call(), [2, 8], atol=1e-6)
    assert_allclose(call(parallel=0.5), [2 + 3, 8], atol=1e-6)
    assert_allclose(call(parallel=1.0), [2 + 6, 8], atol=1e-6)  # plain guidance
    assert_allclose(call(radius=1.0), [2, 8 / 5], atol=1e-6)
    assert_allclose(call(radius=9.0), [2, 8], atol=1e-6)


@pytest.mark.parametrize("schedule", [schedules.cosine, schedules.straight, schedules.linear])
def test_plus_plus_is_the_paper_s_step(triangle, schedule):
    """Sampled by ddim: to the guided estimate, with the unconditional noise."""
    denoise, steps, scale = mixtures.ideal(triangle, schedule), 6, 0.6
    guided = PlusPlus(denoise, null_labels, scale, schedule=schedule, steps=steps)
    x = normal(6, 2)
    x0, _ = samplers.ddim(guided, schedule, x, LABELS, steps=steps)
    times = np.linspace(1, 0, steps + 1, dtype=np.float32)
    for now, then in zip(times[:-1], times[1:], strict=True):
        a, s = schedule(now)
        a_then, s_then = schedule(then)
        conditional, null = (denoise(x, at(now), labels) for labels in (LABELS, NULL))
        eps = (x - a * null) / s
        x = a_then * (null + scale * (conditional - null)) + s_then * eps
    assert_allclose(x0, x, rtol=1e-3, atol=1e-3)


def test_zero_star_takes_away_what_fits(ideal, estimates):
    """What is left of the conditional flow is orthogonal to the unconditional one."""
    xt, t, x0, x0_null = estimates
    alpha, sigma = schedules.over(schedules.cosine(t), xt)
    flows = [(xt - (alpha + sigma) * x) / sigma for x in (x0, x0_null)]
    twice, thrice = (
        ZeroStar(ideal, null_labels, scale, schedule=schedules.cosine)(xt, t, LABELS)
        for scale in (2.0, 3.0)
    )
    added = -(alpha + sigma) / sigma * (thrice - twice)
    assert_allclose((added * flows[1]).sum(axis=1), 0, atol=1e-3)
    assert_allclose(added, -(alpha + sigma) / sigma * (twice - x0), atol=1e-3)


def test_zero_star_stands_still_at_first(triangle):
    """Where t is above ``still``, the flow eps - x_0 is zero; and not below."""
    denoise = mixtures.ideal(triangle, schedules.straight)
    options = {"schedule": schedules.straight, "still": 0.6}
    guided, x = ZeroStar(denoise, null_labels, 2.0, **options), normal(6, 2)
    assert_allclose(guided(x, at(0.8), LABELS), x, atol=1e-5)  # then x_t = x_0 = eps
    assert jnp.abs(guided(x, at(0.5), LABELS) - x).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_sampled_and_differentiated(ideal, kind):
    """By a scanned sampler, from pure noise to the data, with a finite gradient of the scale."""
    sample = lambda scale: samplers.ddim(
        KINDS[kind](ideal, null_labels, scale), schedules.cosine, normal(6, 2), LABELS, steps=8
    )[0]
    value, slope = jax.value_and_grad(lambda scale: sample(scale).mean())(1.5)
    assert jnp.isfinite(value) and jnp.isfinite(slope) and slope != 0


def test_another_clock_than_the_sampler_s_is_refused(ideal):
    for kind in ("plus plus", "zero star"):
        guided = KINDS[kind](ideal, null_labels, 1.5)
        with pytest.raises(ValueError, match="^schedule must be the denoiser's own"):
            samplers.ddim(guided, schedules.straight, normal(6, 2), LABELS, steps=8)
