"""How much noise: functions from time to the amplitudes of signal and noise.

Time runs from 0 (data) to 1 (noise). A schedule is a plain function ``schedule(t) -> Level``.
Those of this module raise ValueError for a time outside of [0, 1].
"""

from workshop_lite.schedules.curves import from_points, karras, uniform_log_snr
from workshop_lite.schedules.levels import (
    Level,
    Schedule,
    agree,
    angle,
    check,
    hashable,
    log_snr,
    over,
    unit,
)
from workshop_lite.schedules.named import (
    cosine,
    linear,
    quadratic,
    shifted,
    sigmoid,
    straight,
    zero_terminal,
)
from workshop_lite.schedules.tables import (
    cosine_betas,
    from_betas,
    linear_betas,
    quadratic_betas,
    sigmoid_betas,
)

__all__ = ["Level", "Schedule", "agree", "angle", "check", "cosine", "cosine_betas"]
__all__ += ["from_betas", "from_points", "hashable", "karras", "linear", "linear_betas"]
__all__ += ["log_snr", "over", "quadratic", "quadratic_betas", "shifted", "sigmoid"]
__all__ += ["sigmoid_betas", "straight", "uniform_log_snr", "unit", "zero_terminal"]
