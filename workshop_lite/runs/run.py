"""One model made by its recipe, in a folder of its own: trained, described on a card, scored."""

import datetime
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import jax
import numpy as np
from flax import nnx

from workshop_lite import (
    checkpoints,
    checks,
    datasets,
    evaluation,
    files,
    training,
)
from workshop_lite.architectures import reader
from workshop_lite.conditioning import (
    Labels,
    null_labels,
    null_prompts,
)
from workshop_lite.evaluation import emoji_judge, hundreds, judge_of
from workshop_lite.evaluation.judges import HUNDRED
from workshop_lite.networks import Autoencoder
from workshop_lite.networks.autoencoder import decoded, latent_scale
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import RECIPES
from workshop_lite.runs.watching import Watch, at_scales, class_scores, held_out, prompt_scores

SUMS = ("steps", "images", "minutes")  # what a run that starts from a model adds to that model's


class Run:
    """A recipe, the folder of its state, and what it is changed in.

    Weights and card go to ``home``, by default the same folder. The model that the recipe builds on
    is taken from ``bases`` if it is there, else the shipped one. ``start`` is a folder of weights
    and card to begin with in place of fresh weights.

    Raises ValueError for an unknown name, a folder that cannot be written to, and a ``start``
    without the model.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        home: Path | None = None,
        bases: Path = checkpoints.FOLDER,
        start: Path | None = None,
        batch: int | None = None,
    ):
        checks.one_of("name", name, sorted(RECIPES))
        place = next(path for path in (folder, *folder.parents) if path.exists())
        if not (place.is_dir() and os.access(place, os.W_OK)):
            raise ValueError(f"folder {folder} cannot be written to, for {place} cannot")
        self.name, self.folder, self.home = name, folder, home or folder
        self.recipe = RECIPES[name]
        self.commit, self.data_sha256 = _commit(), datasets.digest(self.recipe.data)
        self.base_card, base = None, ()
        if self.recipe.base is not None:
            there = bases if self.recipe.base in checkpoints.names(bases) else checkpoints.FOLDER
            self.base_card = checkpoints.card(self.recipe.base, there)
            below = checkpoints.bases(self.recipe.base, there)
            base = (checkpoints.load(self.recipe.base, there), *below)
        self.model, self.before = self.recipe.build(nnx.Rngs(0), *base), None
        if start is not None:
            if name not in checkpoints.names(start):
                raise ValueError(f"start must name a folder that holds {name}, got {start}")
            self.model = checkpoints.load(name, start)
            self.before = checkpoints.card(name, start)
            if missing := {*SUMS, "commit"} - set(self.before):
                raise ValueError(
                    f"start must hold a model whose card says {SUMS} and commit, got one of {name}"
                    f" without {sorted(missing)}"
                )
        self.rows = self.recipe.rows("train", *base)
        self.loss = jax.tree_util.Partial(self.recipe.loss, *base)
        self.batch = {} if batch is None else {"batch": batch}

    def fit(self, **budget) -> training.Fitted:
        """Train, or go on from the state in the folder; ``budget`` as for ``training.fit``."""
        run = self.name + "".join(f", batch {size}" for size in self.batch.values())
        return training.fit(
            self.model,
            self.loss,
            self.rows,
            directory=self.folder,
            recipe=run if self.before is None else f"{run} after {self.before['sha256'][:8]}",
            **self.recipe.options | self.batch | budget,
        )

    def save(self, fitted: training.Fitted, changed: dict) -> dict:
        """Write weights and card; returns the notes of the card.

        ``changed`` is what the training took in place of what the recipe says.
        """
        over = self.name in checkpoints.names(self.home)  # a run that came to its end before
        old = checkpoints.card(self.name, self.home) if over else {}
        notes = {
            "recipe": self.name,
            "data": self.recipe.data,
            "data_sha256": self.data_sha256,
            "steps": len(fitted.losses),
            "images": fitted.images,
            "minutes": round(fitted.seconds / 60, 1),
            "device": _device(),
            "date": datetime.date.today().isoformat(),
            "commit": self.commit,
            "loss": round(float(fitted.losses[-500:].mean()), 4),
        }
        if changed:
            notes["changed"] = changed
        if isinstance(fitted.model, Autoencoder):
            notes["scale"] = latent_scale(fitted.model, self.rows[0])
            fitted.model.scale[...] = np.float32(notes["scale"])
        if self.base_card is not None:
            notes["base"] = {"name": self.recipe.base, "sha256": self.base_card["sha256"]}
        if self.before is not None:  # the whole way, and where the last run began
            notes |= {name: round(notes[name] + self.before[name], 1) for name in SUMS}
            notes["start"] = {name: self.before[name] for name in (*SUMS, "commit", "sha256")}
        if old.get("steps") == notes["steps"] and "metrics" in old:
            notes["metrics"] = old["metrics"]  # the same weights
        try:
            checkpoints.save(self.name, fitted.model, notes, self.home)
        except OSError as why:
            raise ValueError(
                f"folder {self.home} must have room for the model, got {why.strerror or why};"
                f" nothing is lost: its state is in {self.folder}, to be gone on with"
            ) from None
        return notes

    def watch(self, every: float, painted: Callable, scales: tuple[float, ...]) -> Watch:
        """What ``fit`` is to show of the run, every so many seconds, in the folder.

        That is the loss on the test images and, of a model that draws, scores and pictures at each
        guidance scale, as far as somebody can judge them. ``painted(images, columns)`` makes an
        image of many.
        """
        base, told = self.loss.args, reader(self.model)
        test = self.recipe.rows("test", *base)
        measures, picture = {"held-out loss": held_out(self.loss, test)}, None
        if isinstance(self.model, Denoiser) and told is not None:
            canvas = self._canvas(*base)
            if isinstance(told, Labels):
                cond, null = np.arange(min(told.n, 12)), null_labels
                judge = self.recipe.judge
                judge = evaluation.trained_judge(self.recipe) if judge is None else judge_of(judge)
                measures["scores"] = class_scores(judge, scales=scales)
            else:
                cond, null = test[1][:8], null_prompts
                if self.recipe.data == "emoji":
                    asked = test[1][hundreds(datasets.load("emoji", "test", 32), HUNDRED)]
                    scoring = partial(prompt_scores, emoji_judge(), asked)
                    measures["scores"] = scoring(scales=scales, **canvas)
            pictures = at_scales(cond, null, scales=scales, **canvas)
            picture = lambda model: painted(pictures(model), len(cond))  # noqa: E731
        return Watch(measures, picture=picture, every=every, folder=self.folder)

    def _canvas(self, *base: nnx.Module) -> dict:
        """The shape that the model draws in, and how that becomes pictures."""
        h, w, c = self.recipe.shown()["shape"]
        if not (base and isinstance(base[0], Autoencoder)):
            return {"shape": (h, w, c)}
        ae = base[0]
        shown = lambda z: decoded(ae, np.asarray(z) / float(ae.scale[...]))  # noqa: E731
        return {"shape": (h // ae.factor, w // ae.factor, ae.latent), "shown": shown}


@contextmanager
def claimed(folder: Path, resume: bool = False) -> Iterator[None]:
    """The folder of a run for this process alone, from before the first step to the last file.

    Raises ValueError for one that is in use; unless ``resume``, for one that holds anything; and
    with it, for one without a state.
    """
    if resume and not (folder / "state.safetensors").exists():
        raise ValueError(f"resume must name the folder of a run, got {folder}")
    with files.claimed(folder, "run"):
        if not resume and any(not path.name.startswith(".") for path in folder.iterdir()):
            raise ValueError(f"folder {folder} exists; give --resume {folder} to go on, or move it")
        yield


def _device() -> str:
    """What the training ran on, in words."""
    if jax.default_backend() == "cpu":
        return f"{os.cpu_count()} CPU cores"
    return f"{jax.device_count()} x {jax.devices()[0].device_kind}"


def _commit() -> str:
    """The revision of the source tree, if there is one and a git to ask."""
    call = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(call, capture_output=True, text=True).stdout.strip() or "unknown"
    except OSError:
        return "unknown"
