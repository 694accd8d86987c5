"""The page of faults: each is found while it is there, and its solution is right."""

import difflib
import re
from pathlib import Path

import jax.numpy as jnp
import nbformat
import numpy as np
import pytest

from workshop_lite import exercises

PAGE = Path(__file__).parent.parent / "notebooks" / "find_the_bug.ipynb"
CALL = re.compile(r'\n+exercises\.check\("([\w-]+)", (\w+)\)\s*$')
SOLUTION = re.compile(r"^:::\{dropdown\} Solution\n```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pieces() -> dict[str, tuple[str, str, str]]:
    """By the name of an exercise: the broken piece, its solution, and what the check is given."""
    cells, found = nbformat.read(PAGE, as_version=4).cells, {}
    for cell, after in zip(cells, cells[1:], strict=False):
        if cell.cell_type == "code" and (call := CALL.search(cell.source)):
            (solution,) = SOLUTION.findall(after.source)
            assert "{dropdown} Hint" in after.source and call[1] not in found, call[1]
            found[call[1]] = cell.source[: call.start()], solution.rstrip(), call[2]
    return found


PIECES = pieces()


@pytest.fixture(scope="module")
def scope():
    """What the pieces have at hand: the imports, and the step that is right."""
    names = {}
    cells = nbformat.read(PAGE, as_version=4).cells
    for cell in cells:
        if cell.id in ("bug-imports", "bug-step"):
            exec(cell.source, names)
    return names


def answer(source, name, scope):
    own = dict(scope)
    exec(source, own)
    return own[name]


def test_every_check_is_on_the_page_and_the_reverse():
    assert set(PIECES) == set(exercises.CHECKS)
    source = PAGE.read_text(encoding="utf8")
    assert source.count("exercises.check(") == len(PIECES)


@pytest.mark.parametrize("name", PIECES)
def test_a_fault_is_found_and_its_solution_is_right(name, scope):
    broken, solution, what = PIECES[name]
    red = exercises.check(name, answer(broken, what, scope))
    green = exercises.check(name, answer(solution, what, scope))
    assert not red and re.fullmatch(rf"{name}: [^\n]{{15,260}}\.", repr(red)), red
    assert green and repr(green) == f"{name}: right."


@pytest.mark.parametrize("name", PIECES)
def test_a_piece_is_short_and_broken_in_one_place(name):
    broken, solution, _ = (
        [line.strip() for line in part.splitlines() if line.strip()] for part in PIECES[name]
    )
    changes = [line[0] for line in difflib.ndiff(broken, solution) if line[0] in "+-"]
    assert 3 <= len(broken) <= 12
    assert 1 <= max(changes.count("+"), changes.count("-")) <= 3


@pytest.mark.parametrize("thing", [None, 3.5, "text", [1, 2], jnp.ones(3)])
def test_an_answer_of_another_kind_is_refused_in_a_sentence(thing):
    said = repr(exercises.check("cfg-2", thing))
    assert re.fullmatch(r"cfg-2: a function or a class is asked for, got .*\.", said)


class Odd(Exception):
    def __str__(self):
        return ""


def fails(*arguments, **options):
    raise Odd


@pytest.mark.parametrize("name", PIECES)
def test_no_answer_raises(name):
    for thing in (fails, lambda *a, **k: None, lambda *a, **k: np.full((2, 3), np.nan)):
        verdict = exercises.check(name, thing)
        assert not verdict and re.fullmatch(rf"{name}: .+\.", repr(verdict))


@pytest.mark.parametrize("name", ["cfg-77", "", 3, None])
def test_a_name_that_no_exercise_has_is_refused(name, unchecked):
    with pytest.raises(ValueError, match="name must be that of an exercise, such as .*, got"):
        exercises.check(name, fails)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.3, "right"),
        (np.float32(0.25), "right"),
        (jnp.array(0.4), "right"),
        (0.5, "your 0.5 is not between 0.2 and 0.4"),
        (float("nan"), "your nan is not between 0.2 and 0.4"),
        (None, "the answer is still None; put your number in its place"),
        ("0.3", "one number is asked for, got '0.3'"),
        ([0.3, 0.3], "one number is asked for, got [0.3, 0.3]"),
        (True, "one number is asked for, got True"),
    ],
)
def test_a_number_of_a_chapter_lies_in_an_interval(value, said, monkeypatch):
    monkeypatch.setitem(exercises.CHECKS, "number", exercises.between(0.2, 0.4))
    assert repr(exercises.check("number", value)) == f"number: {said}."


def test_an_interval_has_two_ends_in_order():
    with pytest.raises(ValueError, match="high must be"):
        exercises.between(0.4, 0.2)
