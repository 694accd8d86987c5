"""The yardsticks are themselves measured: closed forms, and properties that must hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from workshop_lite import checkpoints, datasets, evaluation
from workshop_lite.evaluation import metrics

RNG = np.random.default_rng(0)


def test_frechet_of_shifted_and_scaled_gaussians():
    """For independent axes it is the sum of (mean gap)^2 + (std gap)^2."""
    a = RNG.standard_normal((4000, 3))
    a = (a - a.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(a.T))).T  # exactly white
    stds, means = np.array([1.0, 2.0, 0.5]), np.array([0.0, 1.0, -2.0])
    expected = (means**2).sum() + ((stds - 1) ** 2).sum()
    assert_allclose(metrics.frechet(a, a * stds + means), expected, rtol=1e-6)
    assert_allclose(metrics.frechet(a, a), 0, atol=1e-9)


def test_frechet_is_symmetric_and_blind_to_rotation():
    """Swapping the sets or turning the feature space changes nothing."""
    a, b = RNG.standard_normal((500, 4)), 2 * RNG.standard_normal((500, 4)) + 1
    turn, _ = np.linalg.qr(RNG.standard_normal((4, 4)))
    expected = metrics.frechet(a, b)
    assert_allclose(metrics.frechet(b, a), expected, rtol=1e-9)
    assert_allclose(metrics.frechet(a @ turn, b @ turn), expected, rtol=1e-9)


def test_precision_and_recall_of_a_collapsed_model():
    """Samples from one of two modes: all of them look real, and half the reals are missed."""
    rng = np.random.default_rng(0)  # its own, whatever ran before
    real = rng.standard_normal((400, 2)) * 0.1 + np.repeat([[-1, 0], [1, 0]], 200, axis=0)
    fake = rng.standard_normal((400, 2)) * 0.1 + [1, 0]
    precision, recall = metrics.precision_recall(real, fake)
    assert precision > 0.95 and 0.45 < recall < 0.55
    assert metrics.precision_recall(real, real) == (1.0, 1.0)
    assert metrics.precision_recall(real, fake + 100) == (0.0, 0.0)


def test_saturation_counts_what_is_cut_off():
    """Half the pixels at 1.2 are half the pixels; 1.04 is within the margin."""
    images = np.array([1.2, 1.04, -1.2, 0.0]).reshape(1, 2, 2, 1)
    assert metrics.saturation(images) == 0.5


def test_psnr_by_hand(unchecked):
    """An error of a hundredth of the range is 40 dB, and none at all counts as 100."""
    real = RNG.uniform(-0.9, 0.9, (3, 16, 16, 3)).astype(np.float32)
    assert_allclose(metrics.psnr(real + np.float32(0.02), real), 40, atol=1e-2)
    assert_allclose(metrics.psnr(real, real), 100)
    with pytest.raises(ValueError, match="images and real must be pairs of one size"):
        metrics.psnr(real, real[:2])


def test_ssim_sees_structure():
    """1 for the image itself; blur of the same squared error costs more than a new brightness."""
    real = RNG.uniform(0.2, 0.8, (2, 16, 16, 3)).astype(np.float32)
    assert_allclose(metrics.ssim(real, real), 1)
    blurred = metrics.yardsticks(real)["blurred"].astype(np.float32)
    brighter = real + np.sqrt(((blurred - real) ** 2).mean())
    assert_allclose(metrics.psnr(brighter, real).mean(), metrics.psnr(blurred, real).mean(), 0.05)
    assert (metrics.ssim(blurred, real) < metrics.ssim(brighter, real) - 0.2).all()
    with pytest.raises(ValueError, match="images must be at least 11 pixels wide and high"):
        metrics.ssim(real[:, :8], real[:, :8])


def test_box_mean_by_hand(unchecked):
    """Each square becomes its mean, and at its own size an image stays as it is."""
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    assert metrics.box_mean(x, 2)[0, ..., 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    assert (metrics.box_mean(x, 4) == x).all()
    for bad in (x, x[:, :3]):
        with pytest.raises(ValueError, match="images must be squares of a multiple of 3 pixels"):
            metrics.box_mean(bad, 3)


def test_whole_numbers_do_not_wrap(unchecked):
    """Features of 8 bits: 0, 50 and 100 are 66.7 apart in the mean. Equal sets are 0 apart."""
    features = np.array([[0], [100], [50]], np.uint8)
    assert np.isclose(metrics.diversity(features, [0, 0, 0]), 200 / 3)
    assert metrics.frechet(features, features) >= 0


def test_diversity_is_within_a_label():
    """Three corners of a 3-4-5 triangle have mean distance 4; a lone image counts nothing."""
    corners = np.array([[0, 0], [3, 0], [0, 4], [90, 90]], np.float32)
    assert_allclose(metrics.diversity(corners, np.array([0, 0, 0, 1])), 4.0, rtol=1e-6)
    twice = np.concatenate([corners[:3], corners[:3] * 2 + 100])
    assert_allclose(metrics.diversity(twice, np.array([0, 0, 0, 1, 1, 1])), 6.0, rtol=1e-4)
    assert metrics.diversity(corners, np.array([0, 1, 2, 3])) == 0.0


@pytest.fixture(scope="module")
def judge():
    test = datasets.load("fashion-mnist", "test")
    return evaluation.Judge(
        checkpoints.load("fashion-classifier"), datasets.signed(test.images[:2000])
    )


def test_the_judge_ranks_the_yardsticks(judge):
    """Real is nearer than noisy, noisy nearer than blurred, and noise of 1 is far off."""
    train = datasets.load("fashion-mnist", "train")
    images, labels = datasets.signed(train.images[:1000]), train.labels[:1000]
    scores = {k: judge(v, labels) for k, v in metrics.yardsticks(images).items()}
    assert scores["real"].accuracy > 0.9 and scores["real"].recall > 0.7
    order = [scores[name].frechet for name in ("real", "noise 0.1", "blurred")]
    assert order == sorted(order)
    noise = np.asarray(jax.random.normal(jax.random.key(0), images.shape))
    lost = judge(noise, labels)
    assert lost.frechet > 3 * scores["blurred"].frechet and lost.accuracy < 0.3
    assert "N=1000" in str(lost)


def test_the_classifier_is_as_good_as_its_card(judge):
    """At least 92 % on the whole test split, by the card; near it on 1,000 images."""
    assert checkpoints.card("fashion-classifier")["metrics"]["test_accuracy"] >= 0.92
    test = datasets.load("fashion-mnist", "test")
    assert judge(datasets.signed(test.images[-1000:]), test.labels[-1000:]).accuracy > 0.89


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_pictures_are_measured_in_full(dtype):
    """The same as of the same values in float32: half precision would call a near copy exact."""
    draw = np.random.default_rng(0)
    real = draw.uniform(-1, 1, (2, 16, 16, 3)).astype(np.float32)
    near = np.clip(real + 0.02 * draw.normal(size=real.shape), -1, 1).astype(np.float32)
    half = [np.asarray(jnp.asarray(x, dtype)) for x in (near, real)]
    full = [x.astype(np.float32) for x in half]
    assert_allclose(metrics.psnr(*half), metrics.psnr(*full), rtol=1e-6)
    assert_allclose(metrics.nearest(*half)[0], metrics.nearest(*full)[0], rtol=1e-4)
