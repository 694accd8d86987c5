"""How a network is trained: losses, optimizers, and one loop that can stop and go on."""

from workshop_lite.training.fitting import Fitted, Look, fit, steps
from workshop_lite.training.losses import logit_normal, loss, min_snr
from workshop_lite.training.optimizers import adam, muon

__all__ = ["Fitted", "Look", "adam", "fit", "logit_normal", "loss", "min_snr", "muon", "steps"]
