"""Measurements that were too long for a page: rows of numbers, a row for each seed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workshop_lite import checks
from workshop_lite.evaluation.tables import Table

FOLDER = Path(__file__).parent.parent / "data" / "results"


class Spread(NamedTuple):
    """A number over several seeds; ``std`` is 0 where there is one."""

    mean: float
    std: float
    seeds: int

    def __str__(self) -> str:
        """Three digits of the mean, and the deviation to the last of them."""
        size = np.floor(np.log10(max(abs(self.mean), 1e-3)))
        digits = int(np.clip(2 - size, 0, 3))
        return f"{self.mean:.{digits}f} ± {self.std:.{digits}f}"


def load(name: str, folder: Path = FOLDER) -> list[dict]:
    """The rows of a committed measurement. Raises ValueError for an unknown name."""
    checks.one_of("name", name, sorted(path.stem for path in folder.glob("*.json")))
    return json.loads((folder / f"{name}.json").read_text(encoding="utf8"))


def save(path: Path, rows: list[dict]) -> None:
    """Write a line for each row, so that a difference between two files is easy to read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(row) for row in rows)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf8")


def chosen(rows: list[dict], **fixed) -> list[dict]:
    """The rows that have these values."""
    return [row for row in rows if all(row[name] == value for name, value in fixed.items())]


def groups(rows: list[dict], by: str) -> dict[object, list[dict]]:
    """The rows of each value of ``by``, in ascending order."""
    values = sorted({row[by] for row in rows})
    return {value: chosen(rows, **{by: value}) for value in values}


def spread(rows: list[dict], by: str, number: str) -> dict[object, Spread]:
    """The spread of ``number`` for each value of ``by``, in ascending order."""
    return {value: over_seeds(group, number) for value, group in groups(rows, by).items()}


def over_seeds(rows: list[dict], number: str) -> Spread:
    """Mean and standard deviation of ``number`` over all these rows."""
    numbers = [row[number] for row in rows]
    std = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else 0.0
    return Spread(float(np.mean(numbers)), std, len(numbers))


def reached(rows: list[dict], by: str, number: str, goal: float) -> object | None:
    """The least value of ``by`` at which the mean of ``number`` is at most ``goal``, or None."""
    means = spread(rows, by, number).items()
    return next((value for value, found in means if found.mean <= goal), None)


def table(named: Mapping[object, list[dict]], numbers: Sequence[str], of: str = "") -> Table:
    """A row for each group of rows, a column for each of ``numbers``: mean ± deviation.

    ``of`` is the heading of the groups' names.
    """
    return Table(
        [
            {of: name, **{number: over_seeds(rows, number) for number in numbers}}
            for name, rows in named.items()
        ]
    )
