"""Emoji in four styles: what is shown, and how it is drawn, vary apart from each other."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8, UInt16

from workshop_lite import checks
from workshop_lite.datasets import packed

SIZES = (64, 32)


class Emoji(NamedTuple):
    """RGB pictures on white; for each its style, concept and group, as places in the names.

    ``phrases`` are the concepts as they read in a sentence: "a red apple", "cherries".
    """

    images: UInt8[np.ndarray, "n h w 3"]
    styles: UInt8[np.ndarray, " n"]
    concepts: UInt16[np.ndarray, " n"]
    groups: UInt8[np.ndarray, " n"]
    style_names: tuple[str, ...]
    concept_names: tuple[str, ...]
    group_names: tuple[str, ...]
    phrases: tuple[str, ...]
    licence: str


def read(folder: Path, split: str, size: int, card: dict) -> Emoji:
    """One split of the emoji."""
    concept_names, phrases, groups = _table(folder, card)
    group_names = tuple(dict.fromkeys(groups))
    images, labels = packed.images_and_labels(folder, split, card)
    styles, concepts = labels.T
    return Emoji(
        images if size == SIZES[0] else halved(images),
        styles.astype(np.uint8),
        concepts,
        np.array([group_names.index(group) for group in groups], np.uint8)[concepts],
        tuple(card["styles"]),
        concept_names,
        group_names,
        phrases,
        card["licence"],
    )


def captions(emoji: Emoji) -> list[str]:
    """A sentence for each picture, such as "a fluent emoji of a red apple"."""
    if not isinstance(emoji, Emoji):
        raise ValueError(f"emoji must be what datasets.load gives, got {checks.shown(emoji)}")
    pairs = zip(emoji.styles, emoji.concepts, strict=True)
    return [_sentence(emoji.style_names[s], emoji.phrases[c]) for s, c in pairs]


def sentences(folder: Path, card: dict) -> list[str]:
    """A sentence for each concept, and one for each style; together they have all words."""
    phrases = _table(folder, card)[1]
    return [*phrases, *(_sentence(style, phrases[0]) for style in card["styles"])]


def _sentence(style: str, phrase: str) -> str:
    return f"a {style} emoji of {phrase}"


def _table(folder: Path, card: dict) -> list[tuple[str, ...]]:
    """Names, phrases and groups of the concepts."""
    table = packed.whole(folder / "concepts.tsv", card).decode().splitlines()
    return list(zip(*(line.split("\t") for line in table), strict=True))


def halved(images: UInt8[np.ndarray, "n h w c"]) -> UInt8[np.ndarray, "n h/2 w/2 c"]:
    """Each 2 x 2 pixels as their mean, a half rounded up."""
    rows = images[:, ::2].astype(np.uint16) + images[:, 1::2]
    return ((rows[:, :, ::2] + rows[:, :, 1::2] + 2) // 4).astype(np.uint8)
