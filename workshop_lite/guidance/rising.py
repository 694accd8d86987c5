"""Guidance whose strength rises from noise to data."""

from workshop_lite.guidance.contrast import Contrast
from workshop_lite.schedules.levels import along


class Rising(Contrast):
    """The scale grows linearly, from 1 in pure noise to 2 * scale - 1 at the data.

    Its mean over the times is ``scale``. The linear weights of Wang et al. (2024, arXiv
    2404.13040), which are ours minus 1. Arguments as ``Guided``.
    """

    def mixed(self, xt, t, x0, x0_null):
        scale = along(1 + 2 * (1 - t) * (self.scale - 1), xt)
        return x0_null + scale * (x0 - x0_null)
