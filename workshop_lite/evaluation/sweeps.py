"""Which guidance scale for a model: score one after the other, and stop where more only costs."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from workshop_lite import checks
from workshop_lite.evaluation.tables import Table


class Tried(NamedTuple):
    """A scale, and what samples at it reach: the share that shows what was asked, the distance."""

    scale: float
    n: int
    hits: float
    frechet: float


class Sweep(NamedTuple):
    """What ``sweep`` found. Take a scale from ``closest`` to ``surest``.

    ``closest`` has the lowest Fréchet distance. ``surest`` is the least scale with as many hits as
    the best, within two standard errors. ``ended`` says why no further scale was tried.
    """

    tried: list[Tried]
    closest: float
    surest: float
    ended: str

    def table(self) -> Table:
        """A row for each scale."""
        marks = {self.closest: "closest", self.surest: "surest"}
        if self.closest == self.surest:
            marks = {self.closest: "closest and surest"}
        return Table(
            [
                {
                    "scale": f"{one.scale:g}",
                    "N": one.n,
                    "hits": f"{one.hits:.1%}",
                    "Fréchet": f"{one.frechet:.4g}",
                    "": marks.get(one.scale, ""),
                }
                for one in self.tried
            ]
        )


def sweep(
    score: Callable[[float], tuple],
    hits: Callable[[tuple], float],
    scales: Sequence[float | int] = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0),
) -> Sweep:
    """Score guidance scales from the least up, until more guidance buys nothing and costs much.

    That is where two scales in a row have no more hits than the surest before them, and the
    distance is over twice its lowest.

    Args:
        score: from a scale to scores that have ``n`` and ``frechet``, such as a ``Judge``'s.
        hits: from such scores to the share of samples, 0 to 1, that show what was asked for.
        scales: to try, rising.

    Raises ValueError for scales that do not rise.
    """
    checks.function("score", score, "from a scale to scores")
    checks.function("hits", hits, "from scores to a share")
    rising = np.asarray(checks.numbers("scales", scales), np.float64)
    if rising.ndim != 1 or not rising.size or (np.diff(rising) <= 0).any():
        raise ValueError(f"scales must be a rising row of numbers, got {checks.shown(scales)}")
    tried = []
    for scale in rising.tolist():
        found = score(scale)
        tried.append(Tried(scale, found.n, float(hits(found)), float(found.frechet)))
        closest = min(tried, key=lambda one: one.frechet)
        surest = _surest(tried)
        later = sum(one.scale > surest.scale for one in tried)
        if later >= 2 and tried[-1].frechet > 2 * closest.frechet:
            last = tried[-1]
            ended = (
                f"stopped at scale {last.scale:g}: since {surest.scale:g} no more hits, within"
                f" their error, and {last.frechet / closest.frechet:.1f} times the distance of"
                f" {closest.scale:g}"
            )
            return Sweep(tried, closest.scale, surest.scale, ended)
    return Sweep(tried, closest.scale, surest.scale, "tried all scales")


def _surest(tried: list[Tried]) -> Tried:
    """The least scale with as many hits as the best, within two standard errors.

    The error is that of Agresti & Coull (1998).
    """
    best = max(tried, key=lambda one: one.hits)
    share = (best.hits * best.n + 2) / (best.n + 4)  # so that a share of 1 has an error too
    slack = 2 * np.sqrt(share * (1 - share) / (best.n + 4))
    return next(one for one in tried if one.hits >= best.hits - slack)
