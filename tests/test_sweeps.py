"""A sweep finds the ends of the useful scales, and knows when to stop."""

from typing import NamedTuple

import pytest

from workshop_lite.evaluation.sweeps import sweep


class Found(NamedTuple):
    n: int
    frechet: float
    accuracy: float


def made(distances, hits, n=1000):
    """Scores of scales 1, 2, 3, ... as given, and which scales were asked for."""
    asked = []

    def score(scale):
        asked.append(scale)
        return Found(n, distances[int(scale) - 1], hits[int(scale) - 1])

    return score, asked


def accuracy(found):
    return found.accuracy


def test_both_ends_by_hand():
    """Closest at 1; at 3 the hits are as many as ever; at 5 the distance has more than doubled."""
    score, asked = made([10, 12, 15, 19, 30, 90, 200], [0.8, 0.9, 0.99, 0.99, 0.99, 0.99, 0.99])
    found = sweep(score, accuracy, range(1, 8))
    assert (found.closest, found.surest, asked) == (1, 3, [1, 2, 3, 4, 5])
    assert found.ended == (
        "stopped at scale 5: since 3 no more hits, within their error,"
        " and 3.0 times the distance of 1"
    )


def test_hits_within_their_error_are_as_many():
    """Of 100 samples 95 and 97 cannot be told apart; of 10,000 they can."""
    few, _ = made([1, 1.1, 1.2], [0.8, 0.95, 0.97], n=100)
    many, _ = made([1, 1.1, 1.2], [0.8, 0.95, 0.97], n=10_000)
    assert sweep(few, accuracy, (1, 2, 3)).surest == 2
    assert sweep(many, accuracy, (1, 2, 3)).surest == 3


def test_no_stop_while_it_still_buys():
    """A growing distance alone, or hits that still grow, end nothing."""
    for distances, hits in (([1, 9, 99], [0.1, 0.4, 0.9]), ([1, 1.1, 1.2], [0.9, 0.9, 0.9])):
        score, asked = made(distances, hits)
        assert sweep(score, accuracy, (1, 2, 3)).ended == "tried all scales"
        assert asked == [1, 2, 3]


def test_table_marks_both_ends():
    score, _ = made([2, 1, 3], [0.5, 0.6, 0.9])
    rows = str(sweep(score, accuracy, (1, 2, 3)).table()).splitlines()
    assert "closest" in rows[2] and "surest" in rows[3] and rows[1].split()[-1] == "2"


@pytest.mark.parametrize("scales", [(), (2, 1), (1, 1), "abc", (1, float("nan")), [[1, 2]]])
def test_scales_that_do_not_rise(scales, unchecked):
    score, asked = made([1, 2], [0.5, 0.5])
    with pytest.raises(ValueError, match="^scales must"):
        sweep(score, accuracy, scales)
    assert not asked
