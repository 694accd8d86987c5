"""Pictures from prompts, and whether they show what the prompts say."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import ArrayLike, Float, Integer

from workshop_lite import checkpoints, checks, datasets, evaluation, metrics
from workshop_lite.dual import DualEncoder
from workshop_lite.guidance import Guided
from workshop_lite.recipes import emoji_words
from workshop_lite.samplers import dpmpp_2m
from workshop_lite.text import null_prompts

HUNDRED = 100  # captions among which the right one is to be found
SHAPE = (32, 32, 3)


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

    def seen(self, images, batch: int = 250) -> tuple[np.ndarray, np.ndarray]:
        """Features and unit vectors of images, scaled down to the size of the real ones."""
        images = metrics.box_mean(images, self.size)
        parts = [
            self._see(self.encoder, images[i : i + batch]) for i in range(0, len(images), batch)
        ]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))


def emoji_judge() -> PromptJudge:
    """The shipped ``emoji-clip``, comparing with the training images."""
    train = datasets.load("emoji", "train", 32)
    return PromptJudge(checkpoints.load("emoji-clip"), datasets.signed(train.images))


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


def drawn(
    denoise: Callable,
    prompts: Sequence[str],
    *,
    scale: float | Sequence[float] = 3.0,
    negative: str | None = None,
    steps: int = 20,
    seed: int = 0,
    sampler: Callable = dpmpp_2m,
    shape: tuple[int, int, int] = SHAPE,
    shown: Callable | None = None,
) -> Float[np.ndarray, "b h w 3"]:
    """A picture in [-1, 1] for each prompt, guided away from ``negative`` or from no prompt.

    ``denoise`` draws in ``shape``, and ``shown`` makes pictures of that where it is not one.
    Raises ValueError for a prompt that ``emoji_words`` does not take.
    """
    words = emoji_words()
    null = null_prompts if negative is None else partial(_always, words([negative])[0])
    guided = Guided(denoise, null, scale)
    options = {"shape": shape, "steps": steps, "seed": seed, "sampler": sampler}
    x0 = evaluation.samples(guided, denoise.schedule, words(prompts), **options)
    return x0 if shown is None else shown(x0)


def _always(row, tokens):
    return jax.numpy.broadcast_to(row, tokens.shape)


def prompt_report(
    denoise: Callable,
    scales: list[float],
    n: int,
    steps: int,
    shape: tuple[int, int, int] = SHAPE,
    shown: Callable | None = None,
) -> dict:
    """Print and return the scores of real pictures and of samples, seen pairs and held out."""
    canvas = {"shape": shape, "shown": shown}
    judge, rows = emoji_judge(), {}
    for name, split in (("seen", "train"), ("held out", "test")):
        emoji = datasets.load("emoji", split, 32)
        asked = hundreds(emoji, n)
        captions = [datasets.captions(emoji)[i] for i in asked]
        tokens = emoji_words()(captions)
        rows[f"{name}, real"] = judge(datasets.signed(emoji.images[asked]), tokens)
        print(f"{name}, real      {rows[f'{name}, real']}", flush=True)
        for scale in scales:
            images = drawn(denoise, captions, scale=scale, steps=steps, **canvas)
            rows[f"{name}, scale {scale:g}"] = judge(images, tokens)
            print(f"{name}, scale {scale:<4g}{rows[f'{name}, scale {scale:g}']}", flush=True)
    how = f"right caption of {HUNDRED} in the same style by emoji-clip; Fréchet to all training"
    how += f" images; dpmpp_2m, {steps} guided steps"
    return {"how": how, **{name: scores._asdict() for name, scores in rows.items()}}


def encoder_report(encoder: DualEncoder) -> dict:
    """Print and return how often the encoder finds the caption of a real picture."""
    rows = {}
    for name, split in (("seen", "train"), ("held out", "test")):
        emoji = datasets.load("emoji", split, 32)
        asked, captions = hundreds(emoji, 400), datasets.captions(emoji)
        images = datasets.signed(emoji.images)
        tokens = emoji_words()([captions[i] for i in asked])
        rows[name] = PromptJudge(encoder, images)(images[asked], tokens)
        print(f"{name:>9} {rows[name]}", flush=True)
    return {name: scores._asdict() for name, scores in rows.items()}
