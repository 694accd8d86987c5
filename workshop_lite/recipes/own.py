"""Recipes for data of one's own: network, loss and budget of a shipped one, sizes of the data."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from flax import nnx

from workshop_lite import checks, datasets
from workshop_lite.architectures import built, described, vocabulary_in
from workshop_lite.conditioning import vocabulary
from workshop_lite.conditioning.text import LENGTH, split
from workshop_lite.datasets.records import CAPTIONS
from workshop_lite.recipes import control, emoji, fashion, latent, notes
from workshop_lite.recipes.recipe import Recipe, by_names, labelled

SHIPPED = fashion.RECIPES | emoji.RECIPES | latent.RECIPES | control.RECIPES | notes.RECIPES
#: Those that can be trained on other pictures: they stand on no other model.
MODELS = sorted(name for name, recipe in SHIPPED.items() if recipe.base is None)
#: For a class of models, one that is trained in the same way; and for a data set, one on it.
ALIKE = {
    "Classifier": "fashion-classifier",
    "Autoencoder": "emoji-vae",
    "DualEncoder": "emoji-clip",
}
ON = {"fashion-mnist": "fashion-cfg", "notes": "notes-cfg", "emoji": "emoji-pixel64"}


def like(name: str, data: str, size: int | tuple[int, int] = 32) -> Recipe:
    """The recipe ``name`` for the pictures of a folder: their channels, and their classes or words.

    Raises ValueError for a recipe that stands on another model, and for a folder that lacks
    classes or captions where the recipe needs them.
    """
    checks.one_of("like", name, MODELS)
    what = described(nnx.eval_shape(lambda: SHIPPED[name].build(nnx.Rngs(0))))
    train = datasets.load(data, "train", size)
    reads = isinstance(train, datasets.Captioned)
    if what["class"] != "Autoencoder" and reads != (vocabulary_in(what) is not None):
        wanted = "a folder for each class" if reads else "captions in metadata.jsonl"
        raise ValueError(f"data must have {wanted} for a model like {name}, got {data}")
    words = None
    if reads:
        captions = datasets.load(data, None, size).captions
        longest = max(len(split(caption)) for caption in captions)
        words = replace(vocabulary(captions), length=max(longest + 1, LENGTH))
    names = () if reads else train.names
    what = _sized(what, train.images.shape[-1], len(names), described(words))
    recipe = _on(SHIPPED[name], what, data, size)
    batch = min(recipe.options.get("batch", 64), len(train.images))
    return replace(recipe, options=recipe.options | {"batch": batch})


def of_folder(
    data: Path, name: str | None = None, kind: str | None = None, size: str | None = None
) -> tuple[str, Recipe]:
    """Name and recipe of a model for a folder of pictures, its own name where none is given.

    ``kind`` is the recipe to be like, by default one for captions where there are some; ``size``
    is written as 32, the default, or 48x40. Raises ValueError for what none of them can be.
    """
    name = name or data.resolve().name
    if name in SHIPPED:
        raise ValueError(f"name must not be that of a shipped model, got {name!r}")
    if not data.is_dir():
        raise ValueError(f"data must be a folder, got {data}")
    captions = (data / CAPTIONS).is_file()
    sides = (size or "32").split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise ValueError(f"size must be a number such as 32, or 48x40, got {size}")
    place = str(data) if data.parent != Path(".") else f"./{data}"
    kind = kind or ("emoji-pixel64" if captions else "fashion-cfg")
    return name, like(kind, place, (int(sides[0]), int(sides[-1])))


def described_by(card: dict) -> Recipe:
    """The recipe of a model that came without one, from its card; its budget is that of a like."""
    if not datasets.is_folder(card.get("data", "")) and card.get("data") not in ON:
        raise ValueError(
            f"card of {card['name']!r} must name its data, a data set or a folder, got"
            f" {checks.shown(card.get('data'))}"
        )
    what, data = card["model"], card["data"]
    if data in ON:  # the judge, and what the classes are
        return replace(SHIPPED[ON[data]], build=lambda rngs: built(what), size=card["shape"][0])
    name = ALIKE.get(
        what["class"], "fashion-cfg" if vocabulary_in(what) is None else "emoji-pixel64"
    )
    return _on(SHIPPED[name], what, data, tuple(card["shape"][:2]))


def _on(recipe: Recipe, what: dict, data: str, size: int | tuple[int, int]) -> Recipe:
    """The recipe with another model and other data."""
    arrays, told = labelled, vocabulary_in(what)
    if what["class"] == "Autoencoder":
        arrays = latent.pictures
    elif told is not None:
        arrays = partial(emoji.captioned, words=told)
    other = {"judge": None, "names": by_names, "arrays": arrays, "base": None}
    return replace(recipe, data=data, size=size, build=lambda rngs: built(what), **other)


def _sized(what, channels: int, n: int, words: dict | None):
    """The same description, with the sizes of the data."""
    if not isinstance(what, dict):
        return what
    known = {"channels": channels, "n": n}
    if words is not None:
        known |= {"vocabulary": words, "length": words["length"]}
        known["size"] = len(built(words))
    return {
        part: known[part] if part in known else _sized(value, channels, n, words)
        for part, value in what.items()
    }
