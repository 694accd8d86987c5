"""Checks of the book's exercises: each says in a sentence what is still wrong with an answer."""

from workshop_lite.exercises.table import CHECKS, check
from workshop_lite.exercises.verdicts import Check, Verdict, between

__all__ = ["CHECKS", "Check", "Verdict", "between", "check"]
