"""How good the samples are: metrics, the judges that look at them, and reports for the cards."""

from workshop_lite.evaluation import metrics, results
from workshop_lite.evaluation.judges import (
    HUNDRED,
    Judge,
    PromptJudge,
    PromptScores,
    Scores,
    emoji_judge,
    hundreds,
    judge_of,
    trained_judge,
)
from workshop_lite.evaluation.reports import (
    classifier_report,
    control_report,
    denoiser_report,
    encoder_report,
    prompt_report,
    reconstruction_report,
    scored,
    some_real,
)
from workshop_lite.evaluation.sweeps import Sweep, sweep
from workshop_lite.evaluation.tables import Table

__all__ = [
    "HUNDRED",
    "Judge",
    "PromptJudge",
    "PromptScores",
    "Scores",
    "Sweep",
    "Table",
    "classifier_report",
    "control_report",
    "denoiser_report",
    "emoji_judge",
    "encoder_report",
    "hundreds",
    "judge_of",
    "metrics",
    "prompt_report",
    "reconstruction_report",
    "results",
    "scored",
    "some_real",
    "sweep",
    "trained_judge",
]
