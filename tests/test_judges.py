"""The judge of prompts: closed forms, and pictures asked for in fair hundreds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from numpy.testing import assert_allclose, assert_array_equal

from workshop_lite import datasets, evaluation
from workshop_lite.conditioning import DualEncoder
from workshop_lite.evaluation import metrics
from workshop_lite.recipes import RECIPES

RNG = np.random.default_rng(0)


class Flat(nnx.Module):
    """Sees the picture's first pixels, and reads the first tokens as they are."""

    def features(self, x):
        return x[:, 0, :4, 0]

    def images(self, x):
        return x[:, 0, :4, 0]


def test_retrieval_by_hand():
    """Row i is right where its own prompt is among the k most alike."""
    images = np.eye(4)
    prompts = np.float64([[1, 0, 0, 0], [0, 0.5, 0, 0], [0, 1, 0.4, 0.9], [0, 0, 0.2, 1]])
    # alike: row 1 prefers prompt 2 to its own, row 2 is right, row 3 is right
    assert metrics.retrieval(images, prompts) == 0.75
    assert metrics.retrieval(images, prompts, 2) == 1.0
    assert metrics.retrieval(-images, prompts, 1) < 0.5


def test_nearest_by_hand(unchecked):
    """The picture itself is at distance 0, and a grey level of noise is as far as it is."""
    real = RNG.uniform(-1, 1, (30, 4, 4, 3)).astype(np.float32)
    far, which = metrics.nearest(real[[7, 3]] + np.float32(0.01), real, batch=1)
    assert_array_equal(which, [7, 3])
    assert_allclose(far, 0.01, rtol=0.05)
    with pytest.raises(ValueError, match="images and real must be of one size"):
        metrics.nearest(real, real[:, :2])


@pytest.mark.parametrize("split", ["train", "test"])
def test_hundreds_are_fair(split):
    """Each hundred has one style and a hundred concepts, so that only the concept tells."""
    emoji = datasets.load("emoji", split, 32)
    asked = evaluation.hundreds(emoji, 400)
    assert len(set(asked)) == 400
    for part in asked.reshape(4, 100):
        assert len(set(emoji.styles[part])) == 1 and len(set(emoji.concepts[part])) == 100
    assert len(set(emoji.styles[asked[::100]])) == 4
    assert (evaluation.hundreds(emoji, 400, seed=1) != asked).any()
    first = [emoji.styles[evaluation.hundreds(emoji, 100, seed)[0]] for seed in range(4)]
    assert sorted(first) == [0, 1, 2, 3]  # over the seeds, even a single hundred sees all styles
    with pytest.raises(ValueError, match="n must be whole hundreds"):
        evaluation.hundreds(emoji, 150)


def test_loss_of_the_dual_encoder():
    """Both ways the cross-entropy of finding the partner, on vectors of length 1."""
    encoder = DualEncoder(9, d=8, widths=(8, 8), rngs=nnx.Rngs(0))
    encoder.sharpness[...] = jnp.float32(0.0)
    x = jnp.asarray(RNG.uniform(-1, 1, (3, 8, 8, 3)), jnp.float32)
    tokens = jnp.zeros((3, 16), jnp.int32).at[:, 0].set(1).at[:, 1].set(jnp.arange(2, 5))
    a, b = encoder.images(x), encoder.prompts(tokens)
    assert_allclose(jnp.linalg.norm(a, axis=1), 1, rtol=1e-4)
    assert_allclose(jnp.linalg.norm(b, axis=1), 1, rtol=1e-4)
    alike = a @ b.T
    both = [np.diag(jax.nn.log_softmax(side)).mean() for side in (alike, alike.T)]
    by_hand = -sum(both) / 2
    assert_allclose(encoder.loss(x, tokens), by_hand, rtol=1e-4)


def test_larger_pictures_are_judged_at_the_size_of_the_real_ones(unchecked):
    """Every pixel four times over gets the scores of the picture itself."""
    judge = evaluation.PromptJudge(Flat(), RNG.normal(size=(9, 8, 8, 3)).astype(np.float32))
    images = RNG.uniform(-1, 1, (4, 8, 8, 3)).astype(np.float32)
    large = images.repeat(2, axis=1).repeat(2, axis=2)
    for got, wanted in zip(judge.seen(large), judge.seen(images), strict=True):
        assert_allclose(got, wanted, rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda judge: judge(np.zeros((50, 8, 8, 3), np.float32), np.ones((50, 16), int)), "whole"),
        (lambda judge: judge(np.zeros((100, 8, 8, 3), np.float32), np.ones((9, 16), int)), "whole"),
        (lambda judge: judge(np.zeros((100, 8, 8), np.float32), np.ones((100, 16), int)), "shape"),
    ],
)
def test_bad_input(call, message, unchecked):
    """One sentence each."""
    judge = evaluation.PromptJudge(Flat(), RNG.normal(size=(9, 8, 8, 3)).astype(np.float32))
    with pytest.raises(ValueError, match=message):
        call(judge)


def test_real_examples_are_drawn_from_all_over():
    """Notes are sorted by instrument, so the first hundred would be pianos; a draw is not."""
    recipe = RECIPES["notes-cfg"]
    images, labels = evaluation.some_real(recipe, 100)
    again, other = (evaluation.some_real(recipe, 100, seed)[0] for seed in (0, 1))
    assert images.shape == (100, 32, 32, 1) and len(np.unique(labels)) == 14
    assert (images == again).all() and (images != other).any()


def test_the_judge_knows_its_data():
    """Classes, size of the images and the reals to compare with are those of the classifier's."""
    judge = evaluation.judge_of("notes-classifier")
    assert (judge.classes, judge.shape, len(judge.real)) == (14, (32, 32, 1), 544)
    test = datasets.load("notes", "test")
    assert judge(datasets.signed(test.images[::9]), test.families[::9]).accuracy > 0.95
