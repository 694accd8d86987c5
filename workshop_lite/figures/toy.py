"""Figures of diffusion in one and two dimensions."""

from collections.abc import Mapping, Sequence
from functools import partial

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Array, ArrayLike, Float
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure

from workshop_lite.figures.style import COLOURS, INK, LEGEND, finished, tidy
from workshop_lite.mixtures import Mixture
from workshop_lite.schedules import Schedule, log_snr

MIST = LinearSegmentedColormap.from_list("mist", ["#ffffff", "#d9e2ec", "#9fb3c8", "#627d98"])

SIZE = (5.4, 3.6)  # inches; small, so that 11 points stay legible on a phone
REACH = 3.2  # every toy distribution lies within this of 0, noisy or not


# One dimension ---------------------------------------------------------------------------------


def flow(data: Mixture, schedule: Schedule, lines: int = 20) -> Figure:
    """The density of x_t from data to noise, and lines that keep a fixed share of it below."""
    figure, (left, middle, right) = plt.subplots(
        1, 3, sharey=True, figsize=SIZE, layout="constrained", width_ratios=[1, 5, 1]
    )
    t, x, density = _density(data, schedule)
    _mist(middle, density)
    below = np.cumsum(density, axis=0) / density.sum(axis=0)
    shares = (np.arange(lines) + 0.5) / lines
    heaps = np.searchsorted(np.cumsum(data.weights[-1]), shares)  # where each line comes from
    for share, heap in zip(shares, heaps, strict=True):
        path = [np.interp(share, column, x) for column in below.T]
        middle.plot(t, path, color=COLOURS[heap], linewidth=1.4)
    for axes, column, title in ((left, 0, "data"), (right, -1, "noise")):
        axes.fill_betweenx(x, density[:, column], color=MIST(0.7), linewidth=0)
        axes.set_title(title, fontsize=12)
        axes.axis("off")
    left.invert_xaxis()
    middle.set_title("sampling   ◂──   ──▸   adding noise", fontsize=12)
    middle.tick_params(left=False)
    return finished(figure)


def denoiser(data: Mixture, schedule: Schedule, times: Sequence[float]) -> Figure:
    """The best guess of x_0 against x_t, one curve for each time."""
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    xt = jnp.linspace(-REACH, REACH, 400)[:, None]
    for mean in np.ravel(data.means):
        axes.axhline(mean, color="#bbbbbb", linewidth=1, linestyle=(0, (4, 3)))
    for t, colour in zip(times, COLOURS, strict=False):
        x0 = data.denoised(xt, schedule(t), jnp.full(len(xt), -1))
        axes.plot(xt, x0, color=colour, linewidth=2.2, label=f"t = {t:g}")
    axes.set(xlabel="$x_t$", ylabel=r"best guess $\hat x_0$", xlim=(-REACH, REACH))
    tidy(axes)
    figure.legend(loc="outside upper center", ncols=len(times), **LEGEND)
    return finished(figure)


def walks(data: Mixture, schedule: Schedule, states: Mapping[str, Float[Array, "n b 1"]]) -> Figure:
    """One panel for each entry: a sampler's states over the density they should follow."""
    figure, panels = plt.subplots(
        1, len(states), sharey=True, figsize=SIZE, layout="constrained", squeeze=False
    )
    _, _, density = _density(data, schedule)
    borders = np.convolve(np.ravel(data.means), [0.5, 0.5], "valid")
    for axes, (title, path) in zip(panels[0], states.items(), strict=True):
        _mist(axes, density)
        path = np.asarray(path)[..., 0]
        t = np.linspace(1, 0, len(path))
        mark = "o" if len(path) < 12 else None
        for line in path.T:
            colour = COLOURS[np.searchsorted(borders, line[-1])]
            axes.plot(t, line, color=colour, marker=mark, markersize=3.5, linewidth=1.2)
        axes.set_title(title, fontsize=11)
    panels[0, 0].set_ylabel("value", labelpad=1)
    return finished(figure)


# Curves ----------------------------------------------------------------------------------------


def log_snr_curves(schedules: Mapping[str, Schedule]) -> Figure:
    """log(alpha^2 / sigma^2) against time, one curve for each schedule."""
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    t = np.linspace(0, 1, 500)[1:-1]
    axes.axhspan(-4, 4, color="#eef2f6", linewidth=0)
    axes.text(0.02, -3.8, "signal and noise both count", color="#52667a", va="bottom")
    styles = ("-", "--", "-.", ":")
    for (name, schedule), colour, style in zip(schedules.items(), COLOURS, styles, strict=False):
        axes.plot(t, log_snr(schedule, t), style, color=colour, linewidth=2.2, label=name)
    axes.set(xlabel="time $t$", ylabel="log-SNR", xlim=(0, 1), ylim=(-11, 11))
    axes.set_yticks([-10, -5, 0, 5, 10])
    tidy(axes)
    figure.legend(loc="outside upper center", ncols=4, **LEGEND)
    return finished(figure)


def predictions(
    xt: Float[ArrayLike, "n 1"],
    outputs: Mapping[str, Float[ArrayLike, "n 1"]],
    gains: Mapping[str, Float[ArrayLike, " t"]],
    t: Float[ArrayLike, " t"],
) -> Figure:
    """Left, what each network outputs; right, what an error of 1 in it does to x_0."""
    figure, (left, right) = plt.subplots(1, 2, figsize=SIZE, layout="constrained")
    for name, colour, style in zip(outputs, COLOURS, ("-", "--", "-."), strict=False):
        left.plot(xt, outputs[name], style, color=colour, linewidth=2.2, label=name)
        right.plot(t, gains[name], style, color=colour, linewidth=2.2)
    left.set(xlabel="$x_t$", title="output at t = 0.5")
    right.set(xlabel="time $t$", title=r"error passed on to $\hat x_0$", yscale="log")
    right.set(ylim=(0.008, 120), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    for axes in (left, right):
        axes.title.set_fontsize(11)
        tidy(axes)
    figure.legend(loc="outside upper center", ncols=3, **LEGEND)
    return finished(figure)


def convergence(evaluations: Sequence[int], errors: Mapping[str, Sequence[float]]) -> Figure:
    """Error against evaluations of the denoiser, both logarithmic, one line for each sampler."""
    figure, axes = plt.subplots(figsize=SIZE, layout="constrained")
    for (name, row), colour, mark in zip(errors.items(), COLOURS, "os^D", strict=False):
        axes.loglog(evaluations, row, mark + "-", color=colour, linewidth=2, label=name)
    axes.set(xlabel="evaluations of the denoiser", ylabel="mean error")
    axes.set_xticks(evaluations, [str(n) for n in evaluations])
    axes.minorticks_off()
    tidy(axes)
    figure.legend(loc="outside upper center", ncols=len(errors), **LEGEND)
    return finished(figure)


# Two dimensions --------------------------------------------------------------------------------


def clouds(points: Mapping[str, Float[ArrayLike, "n 2"]], labels: ArrayLike) -> Figure:
    """One panel of points for each entry, coloured by label."""
    figure, panels = plt.subplots(
        1, len(points), figsize=(5.4, 2.2), layout="constrained", squeeze=False
    )
    for axes, (title, x) in zip(panels[0], points.items(), strict=True):
        _points(axes, x, labels, size=5)
        axes.set_title(title, fontsize=12)
        _bare(axes)
    return finished(figure)


def field(
    data: Mixture,
    schedule: Schedule,
    t: float,
    points: Float[ArrayLike, "n 2"],
    labels: ArrayLike,
    *,
    arrows: bool = True,
    guesses: bool = False,
    size: float = 3.0,
) -> Figure:
    """The density of x_t, points in it, and arrows along which a sampler would move them."""
    figure, axes = plt.subplots(figsize=(size, size), dpi=110)
    figure.subplots_adjust(0, 0, 1, 1)
    fine, coarse = _square(61), _square(14)
    density = np.exp(_log_density_2d(data, schedule, t, fine)).reshape(61, 61)
    density /= density.max()
    x, pale = fine[:61, 0], PowerNorm(0.6, vmin=0, vmax=2.5)  # pale, so that points stand out
    axes.contourf(x, x, density, np.linspace(0.15, 1.01, 8) ** 2, cmap=MIST, norm=pale)
    level = schedule(t)
    if arrows and level.sigma > 0:
        towards = -np.asarray(_velocity(data, schedule, t, coarse))
        length = np.linalg.norm(towards, axis=1, keepdims=True)
        towards *= 0.38 * np.tanh(length) / np.maximum(length, 1e-6)  # long ones would overlap
        axes.quiver(*coarse.T, *towards.T, angles="xy", scale_units="xy", scale=1, width=0.006,
                    color="#44546a", alpha=0.8)  # fmt: skip
    _points(axes, points, labels, size=11)
    if guesses:
        x0 = data.denoised(jnp.asarray(points), level, jnp.full(len(points), -1))
        axes.plot(*np.stack([points, x0]).transpose(2, 0, 1), color=INK, linewidth=0.4, alpha=0.5)
        axes.plot(*np.asarray(x0).T, "x", color=INK, markersize=3.5)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    axes.text(0.03, 0.97, f"t = {t:.2f}", transform=axes.transAxes, va="top", fontsize=13, bbox=box)
    _bare(axes)
    return finished(figure)


def _points(axes: Axes, x: ArrayLike, labels: ArrayLike, size: int) -> None:
    x, labels = np.asarray(x), np.asarray(labels)
    for label, colour, mark in zip(np.unique(labels), COLOURS, "o^sD", strict=False):
        axes.scatter(*x[labels == label].T, s=size, marker=mark, color=colour, linewidths=0)


def _bare(axes: Axes) -> None:
    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_color("#bbbbbb")


def _square(n: int) -> Float[np.ndarray, "tiles 2"]:
    """The centres of n times n tiles, row by row from the bottom."""
    side = (np.arange(n, dtype=np.float32) + 0.5) / n * 2 * REACH - REACH
    return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)


# What is drawn ---------------------------------------------------------------------------------


def _density(data, schedule):
    """Times [181], values [321] and the density of x_t at each, [321, 181]."""
    t, x = np.linspace(0, 1, 181, dtype=np.float32), np.linspace(-REACH, REACH, 321)
    return t, x, np.exp(_log_density_1d(data, schedule, t, x[:, None].astype(np.float32)))


@partial(jax.jit, static_argnames="schedule")
def _log_density_1d(data, schedule, t, x):
    none = jnp.full(len(x), -1)
    return jax.vmap(lambda t: data.log_density(x, schedule(t), none), out_axes=1)(t)


@partial(jax.jit, static_argnames="schedule")
def _log_density_2d(data, schedule, t, x):
    return data.log_density(x, schedule(t), jnp.full(len(x), -1))


@partial(jax.jit, static_argnames="schedule")
def _velocity(data, schedule, t, x):
    level = schedule(t)
    x0 = data.denoised(x, level, jnp.full(len(x), -1))
    return level.alpha * (x - level.alpha * x0) / level.sigma - level.sigma * x0


# How it looks ----------------------------------------------------------------------------------


def _mist(axes: Axes, density) -> None:
    t, x = np.linspace(0, 1, density.shape[1]), np.linspace(-REACH, REACH, density.shape[0])
    levels = density.max() * np.linspace(0.1, 1.01, 16) ** 2
    axes.contourf(t, x, density, levels, cmap=MIST, norm=PowerNorm(0.6))
    axes.set(xlabel="time $t$", xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
    axes.set(xlim=(-0.01, 1.01), ylim=(-REACH, REACH), yticks=[-2, 0, 2])
    axes.tick_params(length=3)
