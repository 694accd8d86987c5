"""Where denoisers of the plane push points of one class, and where their samples end."""

from collections.abc import Callable, Mapping

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from workshop_lite import checks
from workshop_lite.figures.style import BLUE, INK, ORANGE, finished
from workshop_lite.figures.toy import MIST
from workshop_lite.mixtures import Mixture
from workshop_lite.schedules import Level, Schedule

REACH = 2.9  # the half of a panel's side


def fields(
    data: Mixture,
    denoisers: Mapping[str, Callable],
    samples: Mapping[str, Float[ArrayLike, "n 2"]],
    schedule: Schedule,
    *,
    t: float = 0.3,
    label: int = 0,
) -> Figure:
    """A panel for each denoiser: arrows from a noisy point to its estimate, and its samples.

    All is in the coordinates of the data, so an arrow starts at x_t / alpha. Class ``label`` is
    shaded, the other classes are outlined. Arrows longer than their grid are cut.
    """
    checks.number("t", t, 0, 1)
    if not denoisers or set(denoisers) != set(samples):
        raise ValueError(
            f"samples must have the names of denoisers, {list(denoisers)}, got {list(samples)}"
        )
    rows = -(-len(denoisers) // 2)
    figure, panels = plt.subplots(
        rows, 2, figsize=(6.4, 3.3 * rows), dpi=110, layout="constrained", squeeze=False
    )
    for axes in panels.flat[len(denoisers) :]:
        axes.set_visible(False)
    for axes, (name, denoise) in zip(panels.flat, denoisers.items(), strict=False):
        shade(axes, data, label)
        axes.scatter(*np.asarray(samples[name]).T, s=5, color=BLUE, alpha=0.5, linewidths=0)
        start = square(11)
        move = arrows(denoise, schedule, start, t, label)
        axes.quiver(*start.T, *move.T, angles="xy", scale_units="xy", scale=1, width=0.007,
                    color=INK, alpha=0.8)  # fmt: skip
        axes.set_title(name, fontsize=12)
        axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set_color("#bbbbbb")
    return finished(figure)


def arrows(
    denoise: Callable, schedule: Schedule, start: Float[ArrayLike, "n 2"], t: float, label: int
) -> Float[Array, "n 2"]:
    """From each start x_t / alpha towards the estimate of x_0, as long as the grid allows."""
    n = len(start)
    xt = schedule(t).alpha * jnp.asarray(start)
    move = denoise(xt, jnp.full(n, t), jnp.full(n, label)) - jnp.asarray(start)
    length = jnp.linalg.norm(move, axis=1, keepdims=True)
    most = 2 * REACH / 11
    return move * (most * jnp.tanh(length / most) / jnp.maximum(length, 1e-6))


def shade(axes: Axes, data: Mixture, label: int) -> None:
    """The asked class as a mist, the others as lines."""
    fine, none = jnp.asarray(square(81)), Level(jnp.float32(1), jnp.float32(0))
    x = fine[:81, 0]
    for other in range(len(data.weights) - 1):
        density = np.exp(data.log_density(fine, none, jnp.full(len(fine), other)))
        density = (density / density.max()).reshape(81, 81)
        if other == label:
            pale = PowerNorm(0.6, vmin=0, vmax=2.5)
            axes.contourf(x, x, density, np.linspace(0.15, 1.01, 8) ** 2, cmap=MIST, norm=pale)
        else:
            axes.contour(x, x, density, [0.1], colors=ORANGE, linewidths=1.5)


def square(n: int) -> Float[np.ndarray, "tiles 2"]:
    """The centres of n times n tiles, row by row from the bottom."""
    side = (np.arange(n, dtype=np.float32) + 0.5) / n * 2 * REACH - REACH
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
