"""Training from beginning to end: one model by its recipe, watched on the way, or many."""

from workshop_lite.runs.run import Run, claimed
from workshop_lite.runs.scoring import scored

__all__ = ["Run", "claimed", "scored"]
