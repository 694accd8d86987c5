"""Pack emoji in four styles into the package: 64 x 64 pixels on white, no flags, no skin tones.

Get the five npm packages and the rasteriser, then name the folder that holds the archives:
    npm pack @iconify-json/noto@1.2.9 @iconify-json/twemoji@1.2.5 unicode-emoji-json@0.8.0 \\
        @iconify-json/fluent-emoji-flat@1.2.6 @lobehub/fluent-emoji-3d@1.1.0
    pip install resvg_py==0.5.0
    python tools/pack_emoji.py FOLDER

The licence texts are in workshop_lite/data/emoji, written by hand: the archives hold none.
"""

import hashlib
import io
import json
import re
import sys
import tarfile
from pathlib import Path

import numpy as np
import resvg_py
from packing import HOME, pack_splits
from PIL import Image

from workshop_lite import files

SIZE, SEED = 64, 0
STYLES = {
    "noto": "iconify-json-noto-1.2.9",
    "twemoji": "iconify-json-twemoji-1.2.5",
    "fluent": "iconify-json-fluent-emoji-flat-1.2.6",
    "3d fluent": "lobehub-fluent-emoji-3d-1.1.0",
}
NAMES = "unicode-emoji-json-0.8.0"

# How a concept reads in a sentence: "an" owl, "a" bear, but bread, cherries and Aries.
AN = re.compile(r"[aeiouAEIO]|hour|8|11")
A_AFTER_ALL = re.compile(r"one\b|uni|euro|ewe|uk")
NO_ARTICLE = re.compile(  # plurals, and names of their own
    r"(people|men|women|no|not) |[A-Z][a-z]+s?$|(Santa|Mrs\.|Mx|Tokyo|mount|input) |"
    r".*(?<![ius])s( (with|in|of|on) .*)?$"
)
ARTICLE = re.compile(  # no plurals, whatever they end in
    r".*\b(dress|glass|compass|kiss|princess|cross|rhinoceros|glass of .*|sign of .*|"
    r"(face|cat|globe|sunrise|night|person|man|woman|umbrella|nest) .*)$"
)
STUFF = set(
    "bread bacon broccoli garlic popcorn butter salt spaghetti sushi sake ice oden dango coral "
    "fog fire wood thread yarn soap dna tennis badminton lacrosse bowling camping cooking "
    "luggage skis ZZZ foggy locked unlocked wireless "
    "infinity information construction plus minus divide multiply".split()
) | {
    *("canned food", "cooked rice", "curry rice", "shaved ice", "soft ice cream", "ice cream"),
    *("baguette bread", "flatbread", "pouring liquid", "ping pong", "ice hockey", "field hockey"),
    *("horse racing", "high voltage", "fork and knife", "bow and arrow", "nut and bolt"),
    *(
        "rolling on the floor laughing",
        "hammer and pick",
        "hammer and wrench",
        "couch and lamp",
        "skull and crossbones",
    ),
}


def archive(name: str) -> dict[str, bytes]:
    with tarfile.open(Path(sys.argv[1]) / f"{name}.tgz") as tar:
        members = [member for member in tar.getmembers() if member.isfile()]
        return {m.name.removeprefix("package/"): tar.extractfile(m).read() for m in members}


def plain(code: str) -> str:
    """A sequence of code points without the one that only asks for colour."""
    return code.replace("-fe0f", "")


def concepts() -> dict[str, tuple[str, str]]:
    """Code points to (name, group), in the order of Unicode."""
    listed = json.loads(archive(NAMES)["data-by-emoji.json"])
    return {
        plain("-".join(f"{ord(c):04x}" for c in emoji)): (named(of["name"]), of["group"])
        for emoji, of in listed.items()
        if of["group"] != "Flags"
    }


def named(text: str) -> str:
    """With the colon that the list drops before the members of a family."""
    return re.sub(r"^(family|kiss|couple with heart) (?=man|woman|adult)", r"\1: ", text)


def phrase(name: str) -> str:
    if name in STUFF or (NO_ARTICLE.match(name) and not ARTICLE.match(name)):
        return name
    if name == "Statue of Liberty":
        return f"the {name}"
    return f"an {name}" if AN.match(name) and not A_AFTER_ALL.match(name) else f"a {name}"


def on_white(image: Image.Image) -> np.ndarray:
    image = image.convert("RGBA")
    if image.size != (SIZE, SIZE):
        image = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", image.size, "white")
    canvas.alpha_composite(image)
    return np.asarray(canvas.convert("RGB"))


def drawings(icons: dict, chars: dict) -> dict[str, np.ndarray]:
    """Code points to pixels, from an icon set of SVG bodies."""
    drawn = {}
    for code, name in chars.items():
        parent = icons.get("aliases", {}).get(name, {}).get("parent", name)
        icon = icons | icons["icons"][parent]
        width = icon.get("width", 16)
        box = f"{icon.get('left', 0)} {icon.get('top', 0)} {width} {icon.get('height', width)}"
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'width="{SIZE}" height="{SIZE}" viewBox="{box}">{icon["body"]}</svg>'
        )
        png = bytes(resvg_py.svg_to_bytes(svg_string=svg))
        drawn[plain(code)] = on_white(Image.open(io.BytesIO(png)))
    return drawn


def pictures(package: str) -> dict[str, np.ndarray]:
    """Code points to pixels, of one style."""
    held = archive(package)
    if "icons.json" in held:
        return drawings(*(json.loads(held[name]) for name in ("icons.json", "chars.json")))
    return {
        plain(Path(name).stem): on_white(Image.open(io.BytesIO(body)))
        for name, body in held.items()
        if name.endswith(".webp")
    }


def held_out(pairs: np.ndarray) -> np.ndarray:
    """One style each of as many concepts as make a tenth of all pictures.

    So each of these concepts is trained on in all of its other styles.
    """
    rng, held = np.random.default_rng(SEED), np.zeros(len(pairs), bool)
    which, styles = np.unique(pairs[:, 1], return_counts=True)
    for concept in rng.permutation(which[styles > 1])[: round(len(pairs) / 10)]:
        held[rng.choice(np.flatnonzero(pairs[:, 1] == concept))] = True
    return held


def distinct(drawn: dict[str, np.ndarray], codes: list[str]) -> dict[str, np.ndarray]:
    """In the order of the codes, and one of each picture.

    Two names for one picture (families in silhouette) would make captions lie.
    """
    first = {drawn[code].tobytes(): code for code in reversed(codes) if code in drawn}
    kept = set(first.values())
    return {code: drawn[code] for code in codes if code in kept}


def main() -> None:
    known = concepts()
    styles = [distinct(pictures(package), list(known)) for package in STYLES.values()]
    known = {code: of for code, of in known.items() if any(code in drawn for drawn in styles)}
    places = {code: i for i, code in enumerate(known)}
    images = [image for drawn in styles for image in drawn.values()]
    pairs = [(style, places[code]) for style, drawn in enumerate(styles) for code in drawn]
    pairs = np.array(pairs, np.uint16)
    table = "".join(f"{name}\t{phrase(name)}\t{group}\n" for name, group in known.values())
    sizes, digests = pack_splits(
        HOME / "emoji", held_out(pairs), images=np.stack(images), labels=pairs
    )
    (HOME / "emoji" / "concepts.tsv").write_text(table, encoding="utf8")
    card = {
        "title": "Emoji in four styles",
        "source": "RGB on white, 64 x 64, no flags, no skin tones; made by "
        + "tools/pack_emoji.py from "
        + ", ".join([*STYLES.values(), NAMES]),
        "licence": "noto: Apache-2.0, Copyright 2013 Google, Inc.; twemoji: CC BY 4.0, Copyright "
        "Twitter, Inc. and other contributors; fluent: MIT, Copyright Microsoft Corporation; "
        "3d fluent: MIT, Copyright Microsoft Corporation and LobeHub; names: MIT, Copyright 2019 "
        "Mu-An Chiou; changes: rasterised or scaled down, and laid on white; see emoji/LICENSE",
        "styles": list(STYLES),
        "splits": sizes,
        "sha256": digests | {"concepts.tsv": hashlib.sha256(table.encode()).hexdigest()},
    }
    files.write_card(HOME / "emoji.json", card)
    print(sizes)


if __name__ == "__main__":
    main()
