"""Guidance maps a denoiser to a denoiser: the same call, a stronger condition."""

from workshop_lite.guidance.guided import Guided
from workshop_lite.guidance.plus import PlusPlus
from workshop_lite.guidance.projected import Projected
from workshop_lite.guidance.rising import Rising
from workshop_lite.guidance.thresholded import Thresholded
from workshop_lite.guidance.zero_star import ZeroStar

__all__ = ["Guided", "PlusPlus", "Projected", "Rising", "Thresholded", "ZeroStar"]
