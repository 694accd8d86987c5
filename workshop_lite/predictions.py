"""How to read the network: what it predicts, and how that becomes an estimate of x_0."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PyTree

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.schedules import Level, Schedule, agree, angle, check, hashable, over, unit
from workshop_lite.schedules.levels import along


@dataclass(frozen=True)
class Prediction:
    """A parameterization is two functions: what to train on, and how to get back to x_0.

    ``target(x0, eps, level)`` is what the network should output;
    ``to_x0(output, xt, level)`` turns that output into x_0.
    """

    target: Callable[[Array, Array, Level], Array]
    to_x0: Callable[[Array, Array, Level], Array]


#: The noise that was added; Ho et al. (2020), Eq. 14.
NOISE = Prediction(
    target=lambda x0, eps, level: eps,
    to_x0=lambda eps, xt, level: (xt - level.sigma * eps) / level.alpha,
)

#: The clean data itself.
CLEAN = Prediction(
    target=lambda x0, eps, level: x0,
    to_x0=lambda x0, xt, level: x0,
)

#: The velocity alpha * eps - sigma * x_0; Salimans & Ho (2022), Eq. 11 and Appendix D. A
#: ``Denoiser`` hands it levels with alpha^2 + sigma^2 = 1, which its inverse assumes.
VELOCITY = Prediction(
    target=lambda x0, eps, level: level.alpha * eps - level.sigma * x0,
    to_x0=lambda v, xt, level: level.alpha * xt - level.sigma * v,
)

#: The direction of the straight path, eps - x_0; Lipman et al. (2023, flow matching), Eq. 23, with
#: time running from data to noise.
FLOW = Prediction(
    target=lambda x0, eps, level: eps - x0,
    to_x0=lambda v, xt, level: (xt - level.sigma * v) / (level.alpha + level.sigma),
)


class Denoiser(Module):
    """A network, a schedule and a prediction, read as one function ``(xt, t, cond) -> x0``.

    The network is told the noise level, not the clock: it receives the angle
    2/pi * atan(sigma / alpha) in [0, 1], and it sees x_t at the length that this level has on
    ``cosine``, where the angle is t itself. So a network trained on one schedule can be sampled on
    any other: build a second ``Denoiser`` around it.

    Raises ValueError if the prediction cannot give x_0 where the schedule is noisiest.
    """

    def __init__(self, network: Callable, schedule: Schedule, prediction: Prediction):
        checks.function("network", network, "(xt, t, cond) -> what it predicts")
        if not isinstance(prediction, Prediction):
            raise ValueError(f"prediction must be a Prediction, got {checks.shown(prediction)}")
        check(schedule, sigma=1, alpha=1)  # any stretch of a schedule has a denoiser
        with jax.ensure_compile_time_eval():  # also where a model is only being traced
            end = schedule(1.0)
            alpha, gain = float(end.alpha), float(jnp.abs(prediction.to_x0(1.0, 0.0, end)))
        if not gain < 1000:
            raise ValueError(
                "prediction divides by alpha, and schedule ends in pure noise: at t = 1 alpha is"
                f" {alpha:.2g} and an error of the network would grow {gain:.3g}"
                " times; use VELOCITY or CLEAN, or a schedule that ends above 0"
            )
        self.network = network
        self.schedule = hashable(schedule)
        self.prediction = prediction

    def __call__(
        self, xt: Float[Array, "b ..."], t: Float[Array, " b"], cond: PyTree
    ) -> Float[Array, "b ..."]:
        checks.state(xt, t)
        level, length = unit(self.schedule(t))
        xt = xt / along(length, xt)
        output = self.predicted(xt, level, cond)
        return self.prediction.to_x0(output, xt, over(level, xt))

    def predicted(
        self, xt: Float[Array, "b ..."], level: Level, cond: PyTree
    ) -> Float[Array, "b ..."]:
        """What the network says of rows at their noise levels, each a ``unit`` one for its row.

        Raises ValueError for an output of another shape: it would be broadcast, and learned.
        """
        output = self.network(xt, angle(level), cond)
        if jnp.shape(output) != xt.shape:
            raise ValueError(
                f"network must give the shape that it is given, {xt.shape}, got {jnp.shape(output)}"
            )
        return output

    def check(
        self, xt: Float[ArrayLike, "b ..."], cond: PyTree, schedule: Schedule | None = None
    ) -> None:
        """Raise ValueError if the network cannot take these; called outside jit.

        Or if ``schedule``, a sampler's, is not the one on which this denoiser reads its times.
        """
        if schedule is not None:
            agree(schedule, self.schedule)
        if hasattr(self.network, "check"):
            self.network.check(xt, cond)
