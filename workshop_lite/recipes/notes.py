"""Notes of fourteen families of instruments: a guided model, and its judge."""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from workshop_lite import datasets
from workshop_lite.networks import Classifier
from workshop_lite.recipes.recipe import Recipe, class_denoiser, class_loss, denoising_loss
from workshop_lite.training import logit_normal, muon


def by_family(notes: datasets.Notes) -> tuple:
    """Images, and the family of instruments of each."""
    return notes.images, notes.families


def by_name(notes: datasets.Notes) -> tuple[str, ...]:
    """The names of the families."""
    return notes.family_names


def delayed(x: Float[Array, "b h w c"], key, most: int = 2) -> Float[Array, "b h w c"]:
    """Each spectrogram 0 to ``most`` columns later, its silent end first; backwards is no note."""
    columns = jax.random.randint(key, (len(x),), 0, most + 1)
    return jax.vmap(partial(jnp.roll, axis=1))(x, columns)


RECIPES = {
    "notes-cfg": Recipe(
        "notes",
        partial(class_denoiser, n=14, d_cond=128, widths=(32, 96), blocks=(1, 1)),
        partial(denoising_loss, times=logit_normal),
        steps=2000,
        options={"optimizer": muon, "learning_rate": 4e-3, "cooldown": 700},
        arrays=by_family,
        judge="notes-classifier",
        names=by_name,
    ),
    "notes-classifier": Recipe(
        "notes",
        lambda rngs: Classifier(1, 14, widths=(16, 32, 64), rngs=rngs),
        partial(class_loss, changed=delayed),
        steps=1500,
        options={"learning_rate": 2e-3, "cooldown": 500},
        arrays=by_family,
        names=by_name,
    ),
}
