"""Measurements that were too long for a page: rows of numbers, a row for each seed."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workshop_lite import checks

FOLDER = Path(__file__).parent / "data" / "results"


class Spread(NamedTuple):
    """A number over several seeds; ``std`` is 0 where there is one."""

    mean: float
    std: float
    seeds: int


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


def spread(rows: list[dict], by: str, number: str) -> dict[object, Spread]:
    """The spread of ``number`` for each value of ``by``, in ascending order."""
    found = {}
    for value in sorted({row[by] for row in rows}):
        numbers = [row[number] for row in chosen(rows, **{by: value})]
        std = float(np.std(numbers, ddof=1)) if len(numbers) > 1 else 0.0
        found[value] = Spread(float(np.mean(numbers)), std, len(numbers))
    return found
