"""What is too long for a page: a plan of rows for each result file, and how to measure a row.

``python -m measurements`` lists them. Each module here has a ``measurement``; the runner does the
loop, the file and the comparison. It is no part of the installed package: run it from the root of
the repository.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """A plan of rows, how to measure one, and how to check some of them quickly.

    A part of a row is a dict of entries that the row has. The rows of different ``seed`` that
    are otherwise planned alike show the spread.
    """

    #: From seeds to the identifying part of each row, in the order of measuring.
    plan: Callable[[Sequence[int]], list[dict]]
    #: From such a part to the numbers of the row. What rows share, a training say, it keeps.
    measure: Callable[[dict], dict]
    #: The seeds that are measured unless others are named; none where nothing is random.
    seeds: tuple[int, ...]
    #: Of all rows, on two CPU cores.
    minutes: int
    #: Whether a GPU is worth waiting for.
    gpu: bool = False
    #: Parts: what is planned and has one of them is measured with ``--quick``.
    quick: tuple[dict, ...] = ()
    #: What the quick rows cannot show, in a few words.
    unchecked: str = ""
    #: Numbers that are counted: equal on every machine.
    exact: tuple[str, ...] = ()
    #: Numbers that are times: only their ratios mean something on another machine.
    timed: tuple[str, ...] = ()
    #: Parts of committed rows that cannot be measured any more.
    past: tuple[dict, ...] = ()
    #: Seeds that are planned and that nobody has measured yet.
    missing: tuple[int, ...] = ()


def holding(rows: list[dict], part: dict) -> list[dict]:
    """The rows that have these entries; others may lack the names."""
    return [row for row in rows if part.items() <= row.items()]


def rounded(numbers: dict) -> dict:
    """Four decimals, as the files have them; whole numbers, words and None as they are."""
    return {
        name: value if value is None or isinstance(value, int | str) else round(float(value), 4)
        for name, value in numbers.items()
    }
