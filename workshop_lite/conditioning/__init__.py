"""What to draw: labels, words or a hint, each a ``Context`` with its unconditional twin."""

from workshop_lite.conditioning.control import Control, Controlled, Hinted, null_hinted
from workshop_lite.conditioning.dual import DualEncoder
from workshop_lite.conditioning.labels import Labels, dropped, null_labels
from workshop_lite.conditioning.text import (
    TextEncoder,
    Vocabulary,
    extended,
    null_prompts,
    vocabulary,
)

__all__ = [
    "Control",
    "Controlled",
    "DualEncoder",
    "Hinted",
    "Labels",
    "TextEncoder",
    "Vocabulary",
    "dropped",
    "extended",
    "null_hinted",
    "null_labels",
    "null_prompts",
    "vocabulary",
]
