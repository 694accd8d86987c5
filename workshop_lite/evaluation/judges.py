"""Who scores samples: a classifier for labels, an encoder of pictures and words for prompts."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, ArrayLike, Float, Integer

from workshop_lite import checkpoints, checks, datasets
from workshop_lite.conditioning import DualEncoder, Vocabulary
from workshop_lite.evaluation import metrics
from workshop_lite.evaluation.metrics import Images
from workshop_lite.networks import Classifier
from workshop_lite.recipes import Recipe, class_loss
from workshop_lite.training import fit

HUNDRED = 100  # captions among which the right one is to be found


class Scores(NamedTuple):
    """What a ``Judge`` says of n images."""

    n: int
    frechet: float
    accuracy: float
    precision: float
    recall: float
    saturation: float
    diversity: float

    def __str__(self) -> str:
        return (
            f"N={self.n} Fréchet {self.frechet:5.1f} accuracy {self.accuracy:6.1%}"
            f" precision {self.precision:.2f} recall {self.recall:.2f}"
            f" saturation {self.saturation:5.1%} diversity {self.diversity:4.1f}"
        )


class Judge:
    """Scores images in [-1, 1] against real ones, in the features of a classifier.

    Precision, recall and diversity use at most ``limit`` images a side: they cost its square.
    """

    whose = "test images"  # that the real ones are

    def __init__(self, classifier: Callable, real: Images, limit: int = 2000):
        for part in ("features", "__call__"):
            checks.function(f"classifier.{part}", getattr(classifier, part, None), "of images")
        checks.whole("limit", limit)
        checks.images("real", real)
        self.look = jax.jit(lambda x: (classifier.features(x), classifier(x)))
        self.limit = limit
        self.real, self.logits = self._seen(real)
        self.classes, self.shape = self.logits.shape[1], np.shape(real)[1:]

    def __call__(self, images: Images, labels: Integer[ArrayLike, " n"]) -> Scores:
        images = np.asarray(checks.images("images", images))
        labels = np.asarray(checks.labels("labels", labels, len(images)))
        features, logits = self._seen(np.clip(images, -1, 1))
        precision, recall = metrics.precision_recall(
            self.real[: self.limit], features[: self.limit]
        )
        return Scores(
            n=len(images),
            frechet=metrics.frechet(self.real, features),
            accuracy=float((logits.argmax(1) == labels).mean()),
            precision=precision,
            recall=recall,
            saturation=metrics.saturation(images),
            diversity=metrics.diversity(features[: self.limit], labels[: self.limit]),
        )

    def _seen(self, images, batch: int = 500):
        parts = [self.look(images[i : i + batch]) for i in range(0, len(images), batch)]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def judge_of(name: str) -> Judge:
    """A shipped classifier, comparing with the test images of the data that it was trained on."""
    images, _ = checkpoints.recipe(name).rows("test")
    return Judge(checkpoints.load(name), datasets.signed(images))


def trained_judge(recipe: Recipe, steps: int = 400) -> Judge:
    """A small classifier, trained there and then on the data of a recipe that names no judge.

    It compares with the test images, or with all where the data has fewer than 100 of those, and
    prints how many of the test images it gets right. Raises ValueError for data without labels.
    """
    images, *labels = recipe.rows("train") if recipe.base is None else [()]
    if len(labels) != 1 or np.ndim(labels[0]) != 1:
        raise ValueError(f"recipe must be of data with labels, got one of {recipe.data}")
    (labels,), (seen, known) = labels, recipe.rows("test")
    n = int(np.concatenate([labels, known]).max()) + 1
    classifier = Classifier(images.shape[-1], n, widths=(16, 32, 64), rngs=nnx.Rngs(0))
    loss = partial(class_loss, changed=_jittered)
    budget = {"steps": steps, "cooldown": steps // 2, "batch": min(64, len(images))}
    fitted = fit(classifier, loss, (images, labels), learning_rate=2e-3, **budget, bar=False)
    judge = Judge(fitted.model, datasets.signed(seen))
    right = float((judge.logits.argmax(axis=1) == known).mean())
    print(f"judge        trained on {recipe.data}, test accuracy {right:.1%}, N={len(known)}")
    if len(seen) < 100:
        judge = Judge(fitted.model, datasets.signed(np.concatenate([images, seen])))
        judge.whose = "images, those of training among them"
    return judge


def _jittered(x: Array, key: Array) -> Array:
    """Images moved by up to two pixels."""
    moves = jax.random.randint(key, (len(x), 2), -2, 3)
    return jax.vmap(lambda image, move: jnp.roll(image, move, (0, 1)))(x, moves)


class PromptScores(NamedTuple):
    """What a ``PromptJudge`` says of n images."""

    n: int
    top1: float
    top5: float
    score: float
    frechet: float

    def __str__(self) -> str:
        return (
            f"N={self.n} right of {HUNDRED} {self.top1:6.1%}, among five {self.top5:6.1%}"
            f" likeness {self.score:.2f} Fréchet {self.frechet:.3f}"
        )


class PromptJudge:
    """Scores images in [-1, 1] by an encoder that knows images and prompts.

    Every hundred images in a row are asked which of their hundred prompts is whose, so each
    hundred should share a style and no two of it a concept, as the rows of ``hundreds`` do.
    """

    def __init__(self, encoder: DualEncoder, real: Float[ArrayLike, "n h w 3"]):
        self.encoder = encoder
        self.size = np.shape(checks.images("real", real))[1]
        self._see = jax.jit(lambda model, x: (model.features(x), model.images(x)))
        self.real, _ = self.seen(real)

    def __call__(
        self, images: Float[ArrayLike, "n h w 3"], tokens: Integer[ArrayLike, "n m"]
    ) -> PromptScores:
        n = len(checks.images("images", images))
        if n % HUNDRED or len(checks.array(tokens)) != n:
            raise ValueError(
                f"images must be whole hundreds with a prompt for each, got {n} and"
                f" {len(checks.array(tokens))}"
            )
        features, vectors = self.seen(np.clip(images, -1, 1))
        prompts = np.asarray(jax.jit(DualEncoder.prompts)(self.encoder, np.asarray(tokens)))
        parts = [slice(i, i + HUNDRED) for i in range(0, n, HUNDRED)]
        top1, top5 = (
            float(np.mean([metrics.retrieval(vectors[p], prompts[p], k) for p in parts]))
            for k in (1, 5)
        )
        score = float((vectors * prompts).sum(axis=1).mean())
        return PromptScores(n, top1, top5, score, metrics.frechet(self.real, features))

    @property
    def words(self) -> Vocabulary:
        """The words that the encoder was trained on."""
        return self.encoder.reading.vocabulary

    def seen(self, images, batch: int = 250) -> tuple[np.ndarray, np.ndarray]:
        """Features and unit vectors of images, scaled down to the size of the real ones."""
        images = metrics.box_mean(images, self.size)
        parts = [
            self._see(self.encoder, images[i : i + batch]) for i in range(0, len(images), batch)
        ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def emoji_judge(folder: Path = checkpoints.FOLDER) -> PromptJudge:
    """The ``emoji-clip`` of a folder, else the shipped one, comparing with the training images."""
    train = datasets.load("emoji", "train", 32)
    home = folder if "emoji-clip" in checkpoints.names(folder) else checkpoints.FOLDER
    return PromptJudge(checkpoints.load("emoji-clip", home), datasets.signed(train.images))


def hundreds(emoji: datasets.Emoji, n: int = 400, seed: int = 0) -> Integer[np.ndarray, " n"]:
    """Which pictures to ask for: each hundred of one style, the styles in turn.

    Another seed draws other pictures and begins with another style.
    """
    checks.whole("n", n)
    checks.seed("seed", seed)
    order = np.random.default_rng(seed).permutation(len(emoji.styles))
    styles = np.roll(range(len(emoji.style_names)), -seed)
    of_style = [list(order[emoji.styles[order] == style]) for style in styles]
    if n % HUNDRED or n // HUNDRED > sum(len(rows) // HUNDRED for rows in of_style):
        raise ValueError(f"n must be whole hundreds that the pictures have, got {n}")
    turns = [rows[i : i + HUNDRED] for i in range(0, len(order), HUNDRED) for rows in of_style]
    whole = [turn for turn in turns if len(turn) == HUNDRED]
    return np.concatenate(whole[: n // HUNDRED])
