"""Whether numbers that were measured again lie where the committed ones do.

A number may be as far from the mean of the committed rows as ``K`` of their standard deviations
over the seeds, or as a floor if that is more: ``FLOOR`` of the mean, two of n images, two of the
last digit. Counts and words must be the same. A time is divided by the geometric mean of the times
measured with it; that share must be the committed one to a factor of ``RATIO``.
"""

import math
from typing import NamedTuple

import numpy as np

from measurements import Measurement, holding
from workshop_lite.evaluation.results import Spread, over_seeds

K, FLOOR, RATIO, DIGIT = 3, 0.02, 1.5, 1e-4


class Check(NamedTuple):
    """A number beside the committed one; ``off`` is 1 where it is as far away as it may be."""

    point: dict
    number: str
    found: object
    committed: object
    off: float

    @property
    def within(self) -> bool:
        return self.off <= 1  # NaN is not

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.point.items())
        return f"{self.number} {shown(self.found)}, committed {shown(self.committed)} ({where})"


def shown(value: object) -> str:
    """Four digits; of a spread the deviation and the number of seeds too."""
    if isinstance(value, Spread):
        return f"{value.mean:.4g} ± {value.std:.2g} of {value.seeds}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def point_of(part: dict) -> dict:
    """What is common to rows that differ in their seed alone."""
    return {name: value for name, value in part.items() if name != "seed"}


def compared(
    measurement: Measurement, parts: list[dict], rows: list[dict], committed: list[dict]
) -> list[Check]:
    """A check of each number in those of ``rows`` that are planned as ``parts``."""
    known = [part for part in parts if holding(committed, point_of(part))]
    checks = [
        Check(point_of(part), "row", "measured", "none", math.inf)
        for part in parts
        if part not in known
    ]
    for part in known:
        [row], old = holding(rows, part), holding(committed, point_of(part))
        for number in [n for n in row if n not in part and n not in measurement.timed]:
            values = [each.get(number) for each in old]
            off = distance(row, number, values, number in measurement.exact)
            checks.append(Check(point_of(part), number, row[number], *off))
    for number in measurement.timed:
        checks += shares(number, known, rows, committed)
    return [check for i, check in enumerate(checks) if check not in checks[:i]]  # seeds may agree


def distance(row: dict, number: str, values: list, exact: bool) -> tuple:
    """What stands for the committed values, and how far off the row's number is."""
    found, first = row[number], values[0]
    if not all(isinstance(value, int | float) for value in (found, *values)):
        return first, 0.0 if found in values else math.inf
    if exact:
        same = math.isclose(found, first, rel_tol=1e-6, abs_tol=DIGIT)
        return first, 0.0 if same else math.inf
    spread = over_seeds([{number: value} for value in values], number)
    images = 2 / row["n"] if "n" in row else 0.0
    room = max(K * spread.std, FLOOR * abs(spread.mean), images, 2 * DIGIT)
    return spread, abs(found - spread.mean) / room


def shares(number: str, parts: list[dict], rows: list[dict], committed: list[dict]) -> list[Check]:
    """A check of each point's time as a share of the geometric mean of all points' times."""
    points = [point_of(part) for part in parts if holding(rows, part)[0].get(number)]
    points = [point for i, point in enumerate(points) if point not in points[:i]]
    if len(points) < 2:  # alone, a time is all there is
        return []
    times = [[over_seeds(holding(of, p), number).mean for p in points] for of in (rows, committed)]
    of_mean = np.array(times) / np.exp(np.log(times).mean(axis=1, keepdims=True))
    return [
        Check(
            point, f"share of {number}", *pair, abs(math.log(pair[0] / pair[1]) / math.log(RATIO))
        )
        for point, pair in zip(points, of_mean.T.tolist(), strict=True)
    ]


def verdict(name: str, checks: list[Check], seconds: float, unchecked: str = "") -> str:
    """A line on what was compared, and one more for each number that lies outside."""
    outside = [check for check in checks if not check.within]
    counted = f"{len(checks)} numbers of {len({str(check.point) for check in checks})} points"
    said = f"{len(outside)} OUTSIDE" if outside else "within"
    line = f"{name:12} {said:11} {counted}, {seconds:.0f} s"
    line += f"; not checked: {unchecked}" if unchecked else ""
    return "\n".join([line, *(f"    {check}" for check in outside)])
