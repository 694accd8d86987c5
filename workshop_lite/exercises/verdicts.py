"""What is said of an answer: one sentence, whatever the answer is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from workshop_lite import checks

#: A check looks at an answer and says what is wrong, without a full stop; nothing if it is right.
Check = Callable[[Any], str]


@dataclass(frozen=True)
class Verdict:
    """One sentence about an answer; true where the answer is right."""

    name: str
    wrong: str = ""

    def __bool__(self) -> bool:
        return not self.wrong

    def __repr__(self) -> str:
        return f"{self.name}: {self.wrong or 'right'}."


def judged(name: str, check: Check, answer: Any) -> Verdict:
    """The verdict of a check; whatever the answer raises becomes its sentence."""
    try:
        return Verdict(name, check(answer))
    except Exception as error:
        return Verdict(name, f"this ends in {type(error).__name__}: {_first_sentence(error)}")


def _first_sentence(error: Exception) -> str:
    said = re.split(r"\.(?:\s|$)|\n", str(error).strip(), maxsplit=1)[0] or "no reason given"
    return said if len(said) <= 240 else said[:239] + "…"


def of_function(check: Check) -> Check:
    """The check of a function or a class: for anything else a sentence."""

    @wraps(check)
    def checked(answer: Any) -> str:
        if not callable(answer):
            return f"a function or a class is asked for, got {checks.shown(answer)}"
        return check(answer)

    return checked


def between(low: float, high: float) -> Check:
    """The check of a number that must lie from ``low`` to ``high``.

    A chapter gives it to its own exercises by an entry of ``exercises.CHECKS``. Raises ValueError
    for ends that are no numbers, or in the wrong order.
    """
    checks.number("low", low)
    checks.number("high", high, low)

    def checked(answer: Any) -> str:
        if answer is None:
            return "the answer is still None; put your number in its place"
        number = np.asarray(checks.array(answer))
        if number.ndim or number.dtype.kind not in "iuf":
            return f"one number is asked for, got {checks.shown(answer)}"
        right = low <= number <= high
        return "" if right else f"your {number:.3g} is not between {low:g} and {high:g}"

    return checked


def shape(value: Any) -> tuple[int, ...]:
    """The shape of anything; that of a single number for what is no array."""
    return tuple(np.shape(checks.array(value)))


def same(value: Any, right: Any, within: float = 1e-3) -> bool:
    """Whether a value has the shape and, up to ``within``, the numbers that are right."""
    ours, right = checks.array(value), jnp.asarray(right)
    if not checks.real(ours) or ours.shape != right.shape:
        return False
    return bool(jnp.abs(jnp.asarray(ours) - right).max() <= within)


def finite(value: Any) -> bool:
    """Whether a value is an array of finite numbers."""
    a = checks.array(value)
    return checks.real(a) and bool(jnp.isfinite(jnp.asarray(a)).all())


def leaves(model: Any) -> list[np.ndarray]:
    """All numbers of a model, array by array."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(model)]


def moved(before: Any, after: Any) -> bool:
    """Whether any number of a model is another now."""
    pairs = zip(leaves(before), leaves(after), strict=True)
    return any(not np.array_equal(*pair) for pair in pairs)
