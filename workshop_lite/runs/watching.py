"""A model in training, looked at every so often: held-out loss, scores, pictures, and their log."""

import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import nnx
from jaxtyping import ArrayLike, Integer, PyTree

from workshop_lite import checks, files
from workshop_lite.conditioning import null_labels, null_prompts
from workshop_lite.drawing import samples
from workshop_lite.evaluation import Judge, PromptJudge, scored
from workshop_lite.guidance import Guided
from workshop_lite.training import Look


class Watch:
    """What to look at in training, how often, and what was seen; for ``training.fit(watch=...)``.

    Each of ``measures`` is a function from a model to a number, or to several by name;
    ``picture`` is one to an image that can be saved, one of PIL say. Both are asked about the
    average, after ``every`` seconds at the next look, and what they say is a row of ``rows``. With
    a ``folder`` the rows are lines of its ``watched.jsonl``, and the pictures lie beside it. A run
    that is gone on with goes on with its log, too: rows of steps that are done again are dropped.
    ``then`` is called with the watch after each row.
    """

    def __init__(
        self,
        measures: Mapping[str, Callable[[nnx.Module], Any]],
        *,
        picture: Callable[[nnx.Module], Any] | None = None,
        every: float = 60.0,
        folder: str | Path | None = None,
        then: Callable[["Watch"], Any] = lambda watch: None,
    ):
        named = isinstance(measures, Mapping) and all(isinstance(name, str) for name in measures)
        if not named or not all(map(callable, measures.values())):
            raise ValueError(
                "measures must be functions of a model by their names,"
                f" got {checks.shown(measures)}"
            )
        if picture is not None:
            checks.function("picture", picture, "from a model to an image")
        checks.number("every", every, 0)
        if not isinstance(folder, str | Path | None):
            raise ValueError(f"folder must be a path or None, got {checks.shown(folder)}")
        checks.function("then", then, "of the watch")
        self.measures, self.picture, self.every, self.then = measures, picture, every, then
        self.folder = None if folder is None else Path(folder)
        self.rows, self.shown = _read(self.log), None
        self._last, self._losses, self._begun = time.monotonic(), [], False

    @property
    def log(self) -> Path | None:
        """Where the rows are kept."""
        return None if self.folder is None else self.folder / "watched.jsonl"

    def __call__(self, look: Look) -> None:
        """Look, if it is time."""
        if not self._begun:
            self._begun = True
            self.rows = [row for row in self.rows if row["step"] < look.step]
        self._losses.append(look.loss)
        if time.monotonic() - self._last >= self.every:
            self.now(look)

    def now(self, look: Look) -> None:
        """Look at once, unless this step has been looked at."""
        if self.rows and self.rows[-1]["step"] == look.step:
            return
        row = {"step": look.step, "loss": float(np.mean(self._losses or [look.loss]))}
        for name, measure in self.measures.items():
            said = measure(look.average)
            row |= said if isinstance(said, Mapping) else {name: said}
        row = {name: x if isinstance(x, int) else round(float(x), 5) for name, x in row.items()}
        self.rows.append(row)
        if self.picture is not None:
            self.shown = self.picture(look.average)
        if self.folder is not None:
            self._keep(look.step)
        self.then(self)
        self._last, self._losses = time.monotonic(), []

    def _keep(self, step: int) -> None:
        """Write the log and the picture; where they find no room, the training goes on."""
        try:
            lines = "".join(json.dumps(row) + "\n" for row in self.rows)
            files.swap(self.log, lines.encode())
            if self.picture is not None:
                self.shown.save(self.folder / f"watched-{step:06d}.png")
        except OSError as why:
            warnings.warn(f"watched rows could not be kept, {why.strerror or why}", stacklevel=2)


def held_out(
    loss: Callable, data: PyTree, *, n: int = 512, batch: int = 64, seed: int = 0
) -> Callable[[nnx.Module], float]:
    """The function from a model to its mean loss on n rows of other data than it is trained on.

    Rows and noise are the same at each call, so what changes is the model.
    """
    checks.function("loss", loss, "of (model, rows, key)")
    checks.whole("n", n)
    checks.whole("batch", batch)
    checks.seed("seed", seed)
    there = checks.rows_of("data", data)
    batch = min(batch, there)
    rows = np.random.default_rng(seed).permutation(there)[: max(min(n, there) // batch, 1) * batch]
    parts = [
        jax.tree.map(lambda a, at=at: np.asarray(a[at]), data) for at in rows.reshape(-1, batch)
    ]
    compiled = jax.jit(loss)

    def measured(model: nnx.Module) -> float:
        key = jax.random.key(seed)
        losses = [compiled(model, part, jax.random.fold_in(key, i)) for i, part in enumerate(parts)]
        return float(np.mean(losses))

    return measured


def class_scores(
    judge: Judge, *, scales: Sequence[float] = (1.0, 2.0), n: int = 200, evaluations: int = 20
) -> Callable[[nnx.Module], dict]:
    """The function from a denoiser of classes to Fréchet distance and accuracy at each scale."""

    def measured(denoise: nnx.Module) -> dict:
        told = {scale: scored(denoise, judge, scale, n, evaluations) for scale in scales}
        numbers = {}
        for scale, scores in told.items():
            numbers[f"frechet at {scale:g}"] = scores.frechet
            numbers[f"accuracy at {scale:g}"] = scores.accuracy
        return numbers

    return measured


def prompt_scores(
    judge: PromptJudge,
    tokens: Integer[ArrayLike, "n m"],
    *,
    scales: Sequence[float] = (3.0,),
    steps: int = 10,
    **canvas,
) -> Callable[[nnx.Module], dict]:
    """As ``class_scores``, of whole hundreds of prompts: distance, and likeness to the prompt.

    ``canvas`` is the ``shape`` that the model draws in, and how that is ``shown``.
    """

    def measured(denoise: nnx.Module) -> dict:
        numbers = {}
        for scale in scales:
            draw = at_scales(tokens, null_prompts, scales=(scale,), steps=steps, **canvas)
            scores = judge(draw(denoise), tokens)
            numbers[f"frechet at {scale:g}"] = scores.frechet
            numbers[f"likeness at {scale:g}"] = scores.score
        return numbers

    return measured


def at_scales(
    cond: ArrayLike,
    null: Callable[[PyTree], PyTree] = null_labels,
    *,
    shape: tuple[int, int, int],
    scales: Sequence[float] = (1.0, 2.0, 4.0),
    steps: int = 10,
    seed: int = 0,
    shown: Callable = lambda x0: x0,
) -> Callable[[nnx.Module], np.ndarray]:
    """The function from a denoiser to pictures, a row of those of ``cond`` for each scale.

    The noise is the same at each call and each scale.
    """

    def pictures(denoise: nnx.Module) -> np.ndarray:
        draw = partial(samples, shape=shape, steps=steps, seed=seed)
        guided = [Guided(denoise, null, scale) for scale in scales]
        return np.concatenate([shown(draw(model, denoise.schedule, cond)) for model in guided])

    return pictures


def _read(log: Path | None) -> list[dict]:
    """The rows of a log, if there is one; whatever is no row is left out."""
    rows = []
    if log is not None and log.exists():
        for line in log.read_text(encoding="utf8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            rows += [row] if isinstance(row, dict) and isinstance(row.get("step"), int) else []
    return rows
