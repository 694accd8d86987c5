"""Which check belongs to which exercise."""

from difflib import get_close_matches
from typing import Any

from workshop_lite import checks
from workshop_lite.exercises import control, foundations, guidance, latent, schedules, text
from workshop_lite.exercises.verdicts import Check, Verdict, judged, of_function

#: The check of each exercise, by its name.
CHECKS: dict[str, Check] = {
    name: of_function(check)
    for group in (foundations, guidance, text, control, schedules, latent)
    for name, check in group.CHECKS.items()
}


def check(name: str, answer: Any) -> Verdict:
    """What is still wrong with the answer to an exercise, in one sentence, or that it is right.

    Whatever the answer does, nothing is raised. ValueError for a name that no exercise has.
    """
    if not isinstance(name, str) or name not in CHECKS:
        near = ", ".join(get_close_matches(str(name), CHECKS, n=3, cutoff=0.5)) or "cfg-1, nnx-1"
        raise ValueError(
            f"name must be that of an exercise, such as {near}, got {checks.shown(name)}"
        )
    return judged(name, CHECKS[name], answer)
