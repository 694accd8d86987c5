"""Schedules against their defining equations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import SCHEDULES
from numpy.testing import assert_allclose
from scipy.integrate import quad

from workshop_lite import schedules

T = np.linspace(0.0, 1.0, 201)
BETA = {  # noise per unit time: alpha^2 = exp(-integral of beta)
    "linear": lambda t: 0.1 + 19.9 * t,
    "sigmoid": lambda t: 0.1 + 20 * (logistic(6 * t - 3) - logistic(-3)) / (2 * logistic(3) - 1),
    "quadratic": lambda t: 0.1 + 20 * t**2,
}
TABLES = {
    "linear": schedules.linear_betas,
    "sigmoid": schedules.sigmoid_betas,
    "quadratic": schedules.quadratic_betas,
    "cosine": schedules.cosine_betas,
}


def logistic(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("name", SCHEDULES)
def test_amplitudes(name):
    """Signal and noise share one unit of variance, and the schedule runs from data to noise."""
    alpha, sigma = SCHEDULES[name](T)
    assert_allclose(alpha + sigma if name == "straight" else alpha**2 + sigma**2, 1.0, atol=1e-6)
    assert alpha[0] == 1.0 and sigma[0] == 0.0
    assert (jnp.diff(sigma) > 0).sum() >= 190  # near 1, sigma may stand still in float32
    assert 0 <= alpha[-1] < 0.05


@pytest.mark.parametrize("name", SCHEDULES)
def test_log_snr_falls(name):
    """log-SNR falls strictly from +inf at t = 0."""
    log_snr = schedules.log_snr(SCHEDULES[name], T)
    assert log_snr[0] == jnp.inf
    assert (jnp.diff(log_snr[1:]) < 0).all()


@pytest.mark.parametrize("name", SCHEDULES)
def test_first_moments(name):
    """However little time has passed, some noise is there and almost all of the signal."""
    t = np.logspace(-30, -6, 25)
    alpha, sigma = SCHEDULES[name](t)
    assert (jnp.diff(sigma) > 0).all() and sigma[0] > 0
    assert_allclose(alpha, 1.0, atol=1e-4)


def test_unit_levels_have_the_same_log_snr():
    """The straight line at length 1 is the quarter circle, wherever that is as noisy."""
    level, length = schedules.unit(schedules.straight(T))
    assert_allclose(level.alpha**2 + level.sigma**2, 1.0, atol=1e-6)
    assert_allclose(schedules.cosine(schedules.angle(level)), level, atol=1e-6)
    assert_allclose([a * length for a in level], schedules.straight(T), atol=1e-6)


def test_log_snr_is_the_ratio():
    """log-SNR is log(alpha^2 / sigma^2): 0 where both are equal, halfway on the quarter circle."""
    assert_allclose(schedules.log_snr(schedules.cosine, 0.5), 0.0, atol=1e-6)
    assert_allclose(schedules.log_snr(schedules.cosine, 2 / 3), np.log(1 / 3), rtol=1e-5)


@pytest.mark.parametrize("name", BETA)
def test_closed_form_integrates_beta(name):
    """The closed form of alpha is exp(-1/2 of the integral of beta), computed numerically."""
    alpha, sigma = SCHEDULES[name](T)
    decay = np.array([quad(BETA[name], 0, t)[0] for t in T])
    assert_allclose(alpha, np.exp(-decay / 2), rtol=1e-5)
    assert_allclose(sigma, np.sqrt(-np.expm1(-decay)), rtol=1e-5)


@pytest.mark.parametrize("name", BETA)
def test_table_converges_to_closed_form(name):
    """With more steps the beta table approaches the continuous schedule, at first order."""
    exact = SCHEDULES[name](T).alpha
    gap = [
        np.abs(schedules.from_betas(TABLES[name](n))(T).alpha - exact).max() for n in (250, 1000)
    ]
    assert gap[1] < 0.01
    assert 3 < gap[0] / gap[1] < 5.5


def test_cosine_table_is_the_quarter_circle():
    """Nichol & Dhariwal's table is the quarter circle up to its offset of 0.008."""
    alpha = schedules.from_betas(schedules.cosine_betas())(T).alpha
    assert_allclose(alpha, schedules.cosine(T).alpha, atol=0.008 * np.pi / 2 + 1e-3)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("length", [50, 100, 400])
def test_short_tables_end_as_noisy(name, length):
    """A table of any length leaves as little signal as 1,000 steps; not rescaled, 50 leave 0.6."""
    alpha = schedules.from_betas(TABLES[name](length))(1.0).alpha
    full = schedules.from_betas(TABLES[name]())(1.0).alpha
    assert alpha**2 < 2e-3
    assert alpha < 1.2 * full or name == "cosine"  # there the cap of 0.999 decides the last step


@pytest.mark.parametrize("name", TABLES)
def test_table_is_exact_at_its_knots(name):
    """At t = i / T alpha_bar is the product of 1 - beta over the first i steps."""
    betas = TABLES[name](200)
    level = schedules.from_betas(betas)(np.arange(201) / 200)
    alpha_bar = np.append(1.0, np.cumprod(1 - betas))
    # float32 holds t to 6e-8, which the steepest step of log(alpha_bar) multiplies.
    rounding = 2**-24 * (25 + 2 * 200 * -np.log1p(-betas.max()))
    assert_allclose(2 * np.log(level.alpha), np.log(alpha_bar), atol=rounding)
    assert_allclose(level.sigma**2, 1 - alpha_bar, rtol=1e-5)


def test_table_is_log_linear_between_knots():
    """Halfway between two steps alpha_bar is their geometric mean."""
    alpha = schedules.from_betas(np.array([0.1, 0.5, 0.9]))(np.array([1 / 3, 0.5, 2 / 3])).alpha
    assert_allclose(alpha[1] ** 2, alpha[0] * alpha[2], rtol=1e-5)


@pytest.mark.parametrize("base", ["linear", "cosine", "quadratic"])
@pytest.mark.parametrize("shift", [-3.0, -0.5, 0.0, 2.0])
def test_shift_moves_log_snr(base, shift):
    """A shifted schedule has the log-SNR of the old one plus the shift, at every time."""
    moved = schedules.shifted(SCHEDULES[base], shift)
    t = T[1:-1]
    difference = schedules.log_snr(moved, t) - schedules.log_snr(SCHEDULES[base], t)
    assert_allclose(difference, shift, atol=1e-4)
    assert_allclose(moved(t).alpha ** 2 + moved(t).sigma ** 2, 1.0, atol=1e-6)


def test_equal_shifts_are_equal():
    """Made twice, so that a sampler compiles once for both; another shift is another schedule."""
    again = schedules.shifted(schedules.cosine, -1.0)
    assert schedules.shifted(schedules.cosine, -1.0) == again
    assert hash(schedules.shifted(schedules.cosine, -1.0)) == hash(again)
    assert schedules.shifted(schedules.cosine, -2.0) != again


def test_over_adds_axes():
    """A level of [b] gets one axis for each that x has besides."""
    level = schedules.over(schedules.cosine(jnp.zeros(3)), jnp.ones((3, 4, 5, 1)))
    assert level.alpha.shape == level.sigma.shape == (3, 1, 1, 1)


@pytest.mark.parametrize(
    "betas", [[], [0.1, 1.0], [0.0, 0.1], [0.5, np.nan], [[0.1, 0.2]], 0.5, [-0.1, 0.5]]
)
def test_bad_tables_are_refused(unchecked, betas):
    """A table with a beta outside of (0, 1), or that is no row, is refused with its range."""
    with pytest.raises(ValueError, match="betas must be a row of numbers strictly between 0 and 1"):
        schedules.from_betas(np.array(betas))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("length", [20, 0, -5, 50.5])
def test_tables_too_short_are_refused(unchecked, name, length):
    """Below 21 steps a rescaled beta reaches 1, and that is said, as it is of half a step."""
    with pytest.raises(
        ValueError, match=f"^T must be a whole number of at least 21.*got {length}$"
    ):
        TABLES[name](length)


@pytest.mark.parametrize("name", TABLES)
def test_shortest_table_is_valid(name):
    """21 steps are enough for every table."""
    assert np.isfinite(schedules.from_betas(TABLES[name](21))(T).alpha).all()


@pytest.mark.parametrize("shift", [np.nan, np.inf, -400.0])
def test_bad_shift_is_refused(shift):
    """A shift that is no number, or beyond what float32 holds, is refused."""
    with pytest.raises(ValueError, match="^log_snr_shift must be a number between -50 and 50, got"):
        schedules.shifted(schedules.cosine, float(shift))


# Curves ----------------------------------------------------------------------------------------

CURVES = {
    "points": schedules.from_points((0, 0.3, 0.5, 1), (10, 4, 1, -9)),
    "uniform_log_snr": schedules.uniform_log_snr(12, -8),
    "karras": schedules.karras(),
    "zero_terminal": schedules.zero_terminal(schedules.linear),
}


@pytest.mark.parametrize("name", [*SCHEDULES, *CURVES])
def test_every_schedule_passes_the_check(name):
    """Those that the package makes lose signal all the way, and end in noise."""
    schedule = (SCHEDULES | CURVES)[name]
    schedules.check(schedule)
    if name != "straight":
        level = schedule(T)
        assert_allclose(level.alpha**2 + level.sigma**2, 1.0, atol=1e-6)


def test_points_are_joined_by_straight_lines():
    """At the points log-SNR is what was asked for, halfway between two their mean."""
    log_snr = schedules.log_snr(CURVES["points"], np.array([0, 0.15, 0.3, 0.4, 0.5, 0.75, 1]))
    assert_allclose(log_snr, [10, 7, 4, 2.5, 1, -4, -9], atol=2e-5)


def test_uniform_log_snr_is_a_straight_line():
    """Equal steps of t are equal steps of log-SNR."""
    assert_allclose(schedules.log_snr(CURVES["uniform_log_snr"], T), 12 - 20 * T, atol=2e-5)


def test_karras_spaces_noise_as_the_paper_does():
    """N levels at equal steps of t are the sigmas of Eq. 5 without the closing 0."""
    n, rho = 18, 7
    i = np.arange(n)
    low, high = 0.002 ** (1 / rho), 80 ** (1 / rho)
    paper = (high + i / (n - 1) * (low - high)) ** rho
    level = CURVES["karras"](1 - i / (n - 1))
    assert_allclose(level.sigma / level.alpha, paper, rtol=1e-4)


def test_karras_with_one_root_is_even_in_sigma():
    """With rho = 1 the ratio sigma / alpha itself is evenly spaced."""
    level = schedules.karras(1.0)(T)
    assert_allclose(level.sigma / level.alpha, 0.002 + T * 79.998, rtol=1e-4)


@pytest.mark.parametrize("name", ["linear", "sigmoid", "quadratic", "linear_betas"])
def test_zero_terminal_is_the_paper_s_rescaling(name):
    """Alpha is shifted to end at exactly 0 and stretched to begin where it did, under jit too."""
    alpha = np.float64(SCHEDULES[name](T).alpha)
    fixed = schedules.zero_terminal(SCHEDULES[name])
    level = fixed(T)
    wanted = (alpha - alpha[-1]) * alpha[0] / (alpha[0] - alpha[-1])
    assert_allclose(level.alpha, wanted, atol=2e-7)
    assert level.alpha[-1] == 0 == jax.jit(fixed)(T).alpha[-1]
    assert level.sigma[0] == 0 and level.sigma[-1] > 1 - 1e-6


def test_zero_terminal_keeps_small_noise_exact():
    """Where hardly any noise is there yet, 1 - alpha^2 would be lost to rounding; sigma is not."""
    t = np.logspace(-20, -6, 8)
    last = float(schedules.linear(1.0).alpha)
    # near t = 0 alpha is 1 - sigma^2 / 2, and stretched by 1 / (1 - last) it falls the faster
    wanted = schedules.linear(t).sigma / np.sqrt(1 - last)
    assert_allclose(schedules.zero_terminal(schedules.linear)(t).sigma, wanted, rtol=1e-5)


def test_zero_terminal_of_pure_noise_is_itself():
    """A schedule that ends at 0 has nothing to mend."""
    mended = schedules.zero_terminal(schedules.cosine)(T)
    assert_allclose(mended, schedules.cosine(T), atol=1e-6)


def test_zero_terminal_of_a_curve_that_begins_with_noise():
    """Where alpha begins below 1, it begins there again, and sigma goes with it."""
    base = schedules.uniform_log_snr(5, -6)
    level, before = schedules.zero_terminal(base)(T), base(T)
    assert_allclose(level.alpha[0], before.alpha[0], rtol=1e-6)
    assert_allclose(level.alpha**2 + level.sigma**2, 1.0, atol=1e-6)


def test_equal_curves_are_equal():
    """Made twice from the same numbers they are equal, a table too: a sampler compiles once."""
    table = schedules.linear_betas(50)
    for made in (
        lambda: schedules.karras(5),
        lambda: schedules.zero_terminal(schedules.linear),
        lambda: schedules.from_betas(table),
        lambda: schedules.from_points([0, 1], [9.0, -8.0]),
    ):
        assert made() == made() and hash(made()) == hash(made())
    assert schedules.uniform_log_snr(9, -8) == schedules.from_points([0, 1], [9.0, -8.0])
    assert schedules.karras(5) != schedules.karras(6)


def bent(alpha):
    """The schedule with this alpha, whatever comes of it."""
    return lambda t: schedules.Level(alpha(t), jnp.sqrt(1 - jnp.minimum(alpha(t), 1) ** 2))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (bent(lambda t: 1 - t + 0.2 * (t > 0.5)), r"lose signal all the way.* at t = 0\.501$"),
        (bent(lambda t: 1 - jnp.minimum(t, 0.25) - 0.7 * (t > 0.9)), r"lose signal.* t = 0\.251$"),
        (
            bent(lambda t: 1 - 0.5 * t),
            r"end in noise, with alpha at most 0\.1, got alpha 0\.5 .* 1$",
        ),
        (bent(lambda t: 0.9 - 0.9 * t), r"begin in data, with sigma at most 0\.1.* at t = 0$"),
        (
            bent(lambda t: jnp.where(t > 0.3, jnp.nan, 1 - t)),
            r"be finite, got alpha nan.* t = 0\.301$",
        ),
        (
            bent(lambda t: 1 - 1.1 * t),
            r"have no negative amplitudes, got alpha -0\.001 .* t = 0\.91$",
        ),
        (lambda t: schedules.Level(1.0, 0.0), "give a Level for each t, got Level"),
        (lambda t: t, "give a Level for each t, got array"),
        ("cosine", "be a function from t to Level, got 'cosine'"),
        (schedules.from_betas(schedules.linear_betas()[::20]), "end in noise, .* got alpha 0.78"),
    ],
)
def test_bad_curves_are_refused_with_the_place(unchecked, schedule, message):
    """One sentence says what a schedule must do and at which t it does not."""
    with pytest.raises(ValueError, match=f"^schedule must {message}"):
        schedules.check(schedule)


def test_a_stretch_of_a_schedule_passes_where_it_may():
    """What begins with noise or keeps signal is refused only where the ends are asked for."""
    stretch = lambda t: schedules.cosine(0.2 + 0.5 * t)
    schedules.check(stretch, sigma=1.0, alpha=1.0)
    with pytest.raises(ValueError, match="schedule must begin in data"):
        schedules.check(stretch)


@pytest.mark.parametrize(
    ("t", "log_snr", "message"),
    [
        ([0, 0.5, 1], [9, 9.5, -9], r"log_snr must fall .* got 9 at t = 0 and 9\.5 at t = 0\.5"),
        ([0, 0.5, 1], [9, -1, -1], r"log_snr must fall .* got -1 at t = 0\.5 and -1 at t = 1"),
        ([0, 0.5, 1], [9, np.nan, -9], "log_snr must be finite, got"),
        ([0, 0.5, 1], [9, 0, -2], r"schedule must end in noise, .* got alpha 0\.345"),
        ([0, 0.5, 1], [1, 0, -9], "schedule must begin in data"),
        ([0, 0.5, 0.5, 1], [9, 1, 0, -9], "t must rise from 0 to 1, got"),
        ([0.1, 1], [9, -9], "t must rise from 0 to 1, got"),
        ([0, 1], [9, 0, -9], "t and log_snr must be rows of equally many numbers"),
        ([0], [9], "t and log_snr must be rows of equally many numbers, at least two, got"),
    ],
)
def test_bad_points_are_refused_with_the_place(t, log_snr, message):
    """One sentence names the points between which log-SNR does not fall."""
    with pytest.raises(ValueError, match=f"^{message}"):
        schedules.from_points(t, log_snr)
