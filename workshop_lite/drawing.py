"""Many samples in batches of bounded memory: from labels or prompts, and latents decoded."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float, PyTree
from tqdm.auto import tqdm

from workshop_lite import checkpoints, checks, datasets
from workshop_lite.conditioning import null_prompts
from workshop_lite.guidance import Guided
from workshop_lite.networks import Autoencoder
from workshop_lite.networks.autoencoder import decoded
from workshop_lite.recipes import emoji_words
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
        noise = jax.random.normal(key, (batch, *shape))
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

    Latents are decoded by the autoencoder that the model was trained on.
    """
    recipe, ae = (f(name, folder) for f in (checkpoints.recipe, checkpoints.base))
    h, w, c = datasets.load(recipe.data, "test", recipe.size).images.shape[1:]
    if not isinstance(ae, Autoencoder):
        return (h, w, c), lambda x: x
    shape = (h // ae.factor, w // ae.factor, ae.latent)
    return shape, lambda z: decoded(ae, np.asarray(z) / float(ae.scale[...]))


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
    x0 = samples(guided, denoise.schedule, words(prompts), **options)
    return x0 if shown is None else shown(x0)


def _always(row, tokens):
    return jax.numpy.broadcast_to(row, tokens.shape)
