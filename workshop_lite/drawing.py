"""Many samples in batches of bounded memory: from labels or prompts, and latents decoded."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float, PyTree
from tqdm.auto import tqdm

from workshop_lite import checkpoints, checks
from workshop_lite.architectures import reader
from workshop_lite.conditioning import (
    Labels,
    TextEncoder,
    Vocabulary,
    null_labels,
    null_prompts,
)
from workshop_lite.guidance import Guided
from workshop_lite.networks import Autoencoder
from workshop_lite.networks.autoencoder import decoded
from workshop_lite.samplers import dpmpp_2m

SHAPE = (32, 32, 3)


def samples(
    denoise: Callable,
    schedule: Callable,
    cond: PyTree,
    *,
    shape: tuple[int, int, int] = (28, 28, 1),
    steps: int,
    seed: int = 0,
    sampler: Callable = dpmpp_2m,
    batch: int = 250,
    mesh: Mesh | None = None,
    bar: bool = False,
) -> Float[np.ndarray, "n h w c"]:
    """One image for each row of the condition, in batches that ``mesh``'s devices share.

    Those are all there are by default. Only one batch is on the devices at a time, so any number
    of rows will do. Batch i draws from the key ``fold_in(seed, i)``. Raises ValueError
    without a row.
    """
    n, mesh = checks.rows_of("cond", cond), mesh or Mesh(np.array(jax.devices()), ("data",))
    checks.function("denoise", denoise, "(xt, t, cond) -> x0")
    checks.function("sampler", sampler, "of workshop_lite.samplers")
    checks.whole("batch", batch)
    checks.seed("seed", seed)
    checks.wholes("shape", shape, 3)
    batch = min(batch, n)
    batch += -batch % mesh.size
    split = NamedSharding(mesh, PartitionSpec("data"))
    images = []
    for i in tqdm(range(-(-n // batch)), disable=not bar, unit="batch"):
        key = jax.random.fold_in(jax.random.key(seed), i)
        noise = jax.random.normal(key, (batch, *shape), jax.numpy.float32)  # in x64 too
        wanted = np.arange(i * batch, (i + 1) * batch) % n  # the last batch is whole too
        rows = jax.tree.map(lambda leaf, at=wanted: np.asarray(leaf)[at], cond)
        if hasattr(denoise, "check"):  # before a device drops the upper half of a long number
            denoise.check(noise, rows)
        noise, rows = jax.device_put((noise, rows), split)
        fresh = jax.random.fold_in(key, 1)
        x0, _ = sampler(denoise, schedule, noise, rows, steps=steps, key=fresh)
        images.append(np.asarray(x0))
    return np.concatenate(images)[:n]


def canvas(
    name: str, folder: str | Path = checkpoints.FOLDER
) -> tuple[tuple[int, int, int], Callable]:
    """The shape that a model draws in, and the function from that to pictures in [-1, 1].

    Both are on its card. Latents are decoded by the autoencoder that it, or the model that it is a
    branch of, was trained on.
    """
    shape, bases = tuple(checkpoints.card(name, folder)["shape"]), checkpoints.bases(name, folder)
    if not (bases and isinstance(ae := bases[-1], Autoencoder)):
        return shape, lambda x: x
    return shape, lambda z: decoded(ae, np.asarray(z) / float(ae.scale[...]))


def drawn(
    denoise: Callable,
    prompts: Sequence[str],
    *,
    scale: float | Sequence[float] | None = 3.0,
    negative: str | None = None,
    guidance: Callable = Guided,
    words: Vocabulary | None = None,
    schedule: Callable | None = None,
    steps: int = 20,
    seed: int = 0,
    sampler: Callable = dpmpp_2m,
    shape: tuple[int, int, int] = SHAPE,
    shown: Callable | None = None,
) -> Float[np.ndarray, "b h w c"]:
    """A picture in [-1, 1] for each prompt, guided away from ``negative`` or from no prompt.

    ``guidance(denoise, null, scale)`` makes the guided denoiser; with a ``scale`` of None,
    ``denoise`` is taken as it is, ready-made. Words and schedule are the denoiser's own, however it
    is wrapped in modules that call what they wrap ``denoise``; around any other callable they must
    be given. ``denoise`` draws in ``shape``, and ``shown`` makes pictures of that where it is not
    one. Raises ValueError for a prompt that the words do not make up.
    """
    checks.function("denoise", denoise, "(xt, t, cond) -> x0")
    checks.function("guidance", guidance, "(denoise, null, scale) -> denoise")
    words = words or getattr(reader(denoise), "vocabulary", None)
    if words is None:
        raise ValueError("words must be given for a denoiser that does not keep its own, got None")
    null = null_prompts if negative is None else partial(_always, words([negative])[0])
    guided = denoise if scale is None else guidance(denoise, null, scale)
    options = {"shape": shape, "steps": steps, "seed": seed, "sampler": sampler}
    x0 = samples(guided, schedule or schedule_of(denoise), words(prompts), **options)
    return x0 if shown is None else shown(x0)


def asked(
    denoise: Callable,
    name: str,
    classes: Sequence[str],
    labels: Sequence[str] | None,
    prompts: Sequence[str] | None,
) -> tuple[np.ndarray, Callable]:
    """What to ask the denoiser ``name`` for, and the unconditional twin of such questions.

    Labels are numbers or names among ``classes``, by default all there are. Raises ValueError for
    labels of a model that reads, prompts for one that does not, and for other names.
    """
    told = reader(denoise)
    if isinstance(told, TextEncoder):
        if not prompts or labels:
            raise ValueError(f"prompts must be given for {name}, and no labels")
        return told.vocabulary(prompts), null_prompts
    if not isinstance(told, Labels):
        raise ValueError(f"name must be that of a model for labels or prompts, got {name!r}")
    if prompts:
        raise ValueError(f"labels must be given for {name}, and no prompts")
    wanted = [str(i) for i in range(told.n)] if labels is None else labels
    for label in set(wanted) - set(classes):
        if not label.lstrip("-").isdecimal():
            raise ValueError(f"labels must be numbers or among {classes}, got {label!r}")
    return np.array([classes.index(x) if x in classes else int(x) for x in wanted]), null_labels


def schedule_of(denoise: Callable) -> Callable:
    """The schedule of a denoiser, however it is wrapped; ValueError where there is none."""
    while hasattr(denoise, "denoise"):
        denoise = denoise.denoise
    if not hasattr(denoise, "schedule"):
        raise ValueError(
            f"schedule must be given for a denoiser without one, got {checks.shown(denoise)}"
        )
    return denoise.schedule


def _always(row, tokens):
    return jax.numpy.broadcast_to(row, tokens.shape)
