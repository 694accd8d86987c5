"""Numbers in sentences cannot go stale: what a page says in words, one of its cells has printed.

Every number of prose, captions and alt texts is looked for among those that the cells of that page
print, or set in their code; a ratio in words ("twice", "a third"), which much would fit by chance,
among those of its own section. What no cell can know, such as a figure of another paper, stands in
``constants.toml`` with a reason. A page of ``book/`` that has no cells may quote the chapters that
the same paragraph links to.
"""

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [*NOTEBOOKS, *sorted((ROOT / "book").glob("*.md"))]
CONSTANTS = tomllib.loads((ROOT / "tests" / "constants.toml").read_text(encoding="utf8"))[
    "constant"
]

# What is no sentence: code, formulas, targets of links, roles and directives, tags.
NOT_PROSE = re.compile(
    r"^(```|~~~|:::+)\{?(?:math|code|code-cell|bibliography|toctree|image|list-table|raw|mermaid)\b"
    r"(?:(?!^\1).)*?^\1\s*$|^```.*?^```\s*$|^:\w[\w-]*:.*?$"
    r"|\$\$.*?\$\$|\$[^$\n]+\$|`+[^`]+`+|\{[a-z:]+\}|(?<=\])\([^)\s]*\)|<[^>\s][^>]*>|https?://\S+",
    re.MULTILINE | re.DOTALL,
)
DIGITS = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
POWERS = {"k": 1e3, "thousand": 1e3, "M": 1e6, "million": 1e6, "billion": 1e9, "G": 1e9}
NUMBER = re.compile(
    rf"(?<![\w.,])(?P<digits>{DIGITS})(?:e(?P<e>[+-]?\d+))?"
    rf"(?: ?(?P<percent>%|percent\b)| (?P<power>{'|'.join(POWERS)})\b)?(?![\d])"
)
PRINTED = re.compile(
    rf"(?P<digits>{DIGITS})(?:e(?P<e>[+-]?\d+))?(?: ?(?P<percent>%)| (?P<power>[kMG]|million)\b)?"
)
WORDS = dict(
    zip("one two three four five six seven eight nine ten".split(), range(1, 11), strict=True)
)
WORDS |= {"eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40}
WORDS |= {"fifty": 50, "sixty": 60, "a hundred": 100, "hundred": 100, "a thousand": 1000}
PARTS = {"third": 3, "quarter": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9}
PARTS |= {"tenth": 10, "twelfth": 12, "fourteenth": 14, "fifteenth": 15, "twentieth": 20}
PARTS |= {"thirtieth": 30, "fiftieth": 50, "hundredth": 100}
COUNT = "|".join(WORDS)
RATIO = re.compile(
    rf"\b(?:(?P<half>half|halves|halved)|(?P<twice>twice|doubles?|doubled)|(?P<thrice>thrice)"
    rf"|(?P<n>a|one|two|three|four|nine) (?P<part>{'|'.join(PARTS)})s?\b(?! neighbour)"
    rf"|(?P<times>{COUNT}) times|(?P<points>{COUNT}) points|(?P<percent>{COUNT}) percent)\b",
    re.IGNORECASE,
)
LOOSE = re.compile(
    r"\b(?:about|around|roughly|nearly|almost|some|over|above|below|under|more than|less than|fewer"
    r" than|at least|at most|up to|beyond|within|only|well|just|to|from|between|and)\s+$",
    re.IGNORECASE,
)


# Where a cell's figure keeps its caption and its alt text.
FIGURE = (("figure", "caption"), ("image", "alt"))


class Said(NamedTuple):
    """A number in a sentence: what it may be off by, and where it stands."""

    value: float
    within: float
    text: str
    in_words: bool = False


def said(text: str) -> list[Said]:
    """The numbers of a text, but for those of ``NOT_PROSE``."""
    text = NOT_PROSE.sub(lambda m: "\n" if "\n" in m.group() else " ` ", text)
    found = []
    for match in NUMBER.finditer(text):
        value, unit = worth(match)
        digits = match["digits"].replace(",", "")
        loose = LOOSE.search(text[: match.start()])
        if loose and "." not in digits:
            unit *= 10 ** (len(digits) - len(digits.rstrip("0") or "0"))
        found.append(Said(value, unit * (1 if loose else 0.5), around(text, match)))
    for match in RATIO.finditer(text):
        value = ratio(match)
        found.append(Said(value, 0.12 * value, around(text, match), in_words=True))
    return found


def worth(match: re.Match) -> tuple[float, float]:
    """What a number is worth, and the worth of one in its last digit."""
    digits = match["digits"].replace(",", "")
    scale = 0.01 if match["percent"] else POWERS.get(match["power"], 1.0)
    scale *= 10.0 ** int(match["e"] or 0)
    decimals = len(digits.partition(".")[2])
    return float(digits) * scale, 10.0**-decimals * scale


def ratio(match: re.Match) -> float:
    if match["part"]:
        return {"a": 1}.get(match["n"].lower(), WORDS.get(match["n"].lower(), 1)) / PARTS[
            match["part"].lower()
        ]
    if match["half"] or match["twice"] or match["thrice"]:
        return 0.5 if match["half"] else 2.0 if match["twice"] else 3.0
    word = match["times"] or match["points"] or match["percent"]
    return WORDS[word.lower()] * (1.0 if match["times"] else 0.01)


def around(text: str, match: re.Match) -> str:
    """A number with the words beside it, on one line."""
    part = text[max(match.start() - 50, 0) : match.end() + 30]
    return " ".join(part.split())


def shown(cell: dict) -> set[float]:
    """All numbers that a cell prints or sets in its code, asserts left out."""
    if cell["cell_type"] != "code":
        return set()
    values = numbers(re.sub(r"^\s*assert .*$", "", "".join(cell["source"]), flags=re.MULTILINE))
    for output in cell["outputs"]:
        for text in (output.get("text", ""), output.get("data", {}).get("text/plain", "")):
            values |= numbers(re.sub(r"<Figure size .*?>|model_id=\S+", "", "".join(text)))
    return values


def numbers(text: str) -> set[float]:
    """All numbers of an output or of code; also as shares where they are percentages."""
    text = re.sub(r"(?<=\d)_(?=\d{3})", "", text)
    found = set()
    for match in PRINTED.finditer(text):
        value = worth(match)[0]
        found |= {value, float(match["digits"].replace(",", "")) * 10.0 ** int(match["e"] or 0)}
    return found


def vouched(number: Said, values: set[float]) -> bool:
    """Whether a printed number is this one, as rounded in the sentence; shares may be percents."""
    slack = number.within * (1 + 1e-6) + 1e-12
    return any(
        abs(value * unit - number.value) <= slack
        for value in values
        for unit in (1.0, 0.01)
        if unit == 1.0 or number.text.count("%") or number.text.count(" percent")
    )


class Text(NamedTuple):
    """A paragraph, and the numbers that may vouch for it: the page's, and its section's."""

    text: str
    page: set[float]
    section: set[float]


@cache
def read(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf8"))["cells"]


def texts(path: Path) -> list[Text]:
    """The texts of a page, each with the numbers that may vouch for it."""
    return of_notebook(path) if path.suffix == ".ipynb" else of_prose(path)


def of_notebook(path: Path) -> list[Text]:
    page = set().union(*map(shown, read(path)))
    found, section = [], set()
    for cell in read(path):
        section |= shown(cell)
        if cell["cell_type"] == "markdown":
            for part in re.split(r"^(?=## )", "".join(cell["source"]), flags=re.MULTILINE):
                section = set() if part.startswith("## ") else section
                found.append(Text(part, page, section))
        mystnb = cell["metadata"].get("mystnb", {})
        found += [Text(mystnb.get(key, {}).get(part, ""), page, section) for key, part in FIGURE]
    return found


def of_prose(path: Path) -> list[Text]:
    """A paragraph without cells may quote the chapters that it links to."""
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:\*|-) )", path.read_text(encoding="utf8"))
    chapters = {p.stem: set().union(*map(shown, read(p))) for p in NOTEBOOKS}
    found = []
    for block in blocks:
        named = set(re.findall(r"notebooks/(\w+)", block)) & set(chapters)
        values = set().union(*(chapters[stem] for stem in named))
        found.append(Text(block, values, values))
    return found


def without_constants(text: str, page: str) -> str:
    for constant in CONSTANTS:
        if constant.get("page", page) == page:
            text = re.sub(constant["text"], " … ", text)
    return text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_number_in_a_sentence_is_printed_by_a_cell(path):
    unfounded = [
        number.text
        for text, page, section in texts(path)
        for number in said(without_constants(text, path.stem))
        if not vouched(number, section if number.in_words else page)
    ]
    assert not unfounded, "\n".join([f"{len(unfounded)} numbers that no cell prints:", *unfounded])


def test_every_constant_has_a_reason_and_is_used():
    for constant in CONSTANTS:
        assert set(constant) <= {"text", "reason", "page"} and constant["reason"].strip(), constant
        pages = [p for p in PAGES if constant.get("page", p.stem) == p.stem]
        assert any(re.search(constant["text"], t) for p in pages for t, *_ in texts(p)), constant


@pytest.mark.parametrize(
    ("sentence", "printed", "right"),
    [
        ("accuracy is 90 % at scale 1.5", "scale 1.5: 0.905", True),
        ("accuracy is 92 %", "0.905", False),
        ("accuracy is 90.4 %", "90.5%", False),
        ("saw 16 million images", "15,872,000 images", True),
        ("saw 17 million images", "15,872,000 images", False),
        ("has 2.4 M parameters", "2.36 M", True),
        ("about 30 minutes", "31.2 min", True),
        ("30 minutes", "31.2 min", False),
        ("falls by a third", "ratio 0.34", True),
        ("falls by a third", "ratio 0.52", False),
        ("two thirds of all", "18.2%", False),
        ("five times as far", "38.6 / 7.69 = 5.02", True),
        ("five times as far", "7.69", False),
        ("twice the passes", "15 and 30: ratio 2.0", True),
        ("gains five points", "+0.053", True),
        ("gains two points", "+0.015", False),
        ("half as large", "0.49", True),
        ("a formula $x^2 + 17$ and `f(23)`", "", True),
        ("from 7.7 to 6.5", "7.69 6.46", True),
        ("from 7.8 to 6.5", "7.69 6.46", False),
    ],
)
def test_the_reader_of_numbers(sentence, printed, right):
    """It would see a sentence that its output contradicts, and lets one pass that is rounded."""
    values = numbers(printed)
    assert all(vouched(number, values) for number in said(sentence)) == right
