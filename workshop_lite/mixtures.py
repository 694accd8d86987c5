"""Gaussian mixtures: data for which the ideal network is known in closed form."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float, Int

from workshop_lite import checks
from workshop_lite.modules import Module
from workshop_lite.predictions import CLEAN, Denoiser, Prediction
from workshop_lite.schedules import Level, Schedule, cosine


class Mixture(NamedTuple):
    """k round Gaussians in d dimensions, shared among c classes.

    Row y of ``weights`` says how class y spreads over the components; one more row, the last,
    does so for no class at all, label -1. Every row sums to 1.
    """

    means: Float[Array, "k d"]
    stds: Float[Array, " k"]
    weights: Float[Array, "c+1 k"]

    def draw(self, labels: Int[Array, " b"], key) -> Float[Array, "b d"]:
        """One point for each label."""
        k_part, k_noise = jax.random.split(key)
        part = jax.random.categorical(k_part, jnp.log(self.weights[labels]))
        noise = jax.random.normal(k_noise, (len(labels), self.means.shape[1]))
        return self.means[part] + self.stds[part, None] * noise

    def log_density(
        self, xt: Float[Array, "b d"], level: Level, labels: Int[Array, " b"]
    ) -> Float[Array, " b"]:
        """Log p(x_t | label): the mixture, shrunk by alpha and blurred by sigma."""
        return jax.nn.logsumexp(self._joint(xt, level, labels), axis=1)

    def denoised(
        self, xt: Float[Array, "b d"], level: Level, labels: Int[Array, " b"]
    ) -> Float[Array, "b d"]:
        """E[x_0 | x_t, label], which no denoiser can beat in squared error."""
        alpha, sigma = (jnp.broadcast_to(a, (len(xt),))[:, None] for a in level)
        share = jax.nn.softmax(self._joint(xt, level, labels), axis=1)
        gain = alpha * self.stds**2 / (alpha**2 * self.stds**2 + sigma**2)
        part = self.means + gain[..., None] * (xt[:, None] - alpha[..., None] * self.means)
        return jnp.einsum("bk,bkd->bd", share, part)

    def _joint(self, xt, level, labels):
        """Log p(x_t, component | label), [b, k]."""
        alpha, sigma = (jnp.broadcast_to(a, (len(xt),))[:, None] for a in level)
        variance = alpha**2 * self.stds**2 + sigma**2
        distance = ((xt[:, None] - alpha[..., None] * self.means) ** 2).sum(-1)
        normal = -distance / (2 * variance) - xt.shape[1] / 2 * jnp.log(2 * jnp.pi * variance)
        return jnp.log(self.weights[labels]) + normal


class IdealNetwork(Module):
    """What a perfectly trained network would output for a mixture, in any prediction."""

    def __init__(self, mixture: Mixture, prediction: Prediction):
        self.mixture = nnx.data(Mixture(*map(jnp.float32, mixture)))
        self.prediction = prediction

    def __call__(
        self, xt: Float[Array, "b d"], t: Float[Array, " b"], labels: Int[Array, " b"] | None
    ) -> Float[Array, "b d"]:
        self.check(xt, labels)
        labels = jnp.full(len(xt), -1) if labels is None else jnp.asarray(labels)
        level = Level(*(a[:, None] for a in cosine(t)))  # t is the angle: see Denoiser
        x0 = self.mixture.denoised(xt, cosine(t), labels)
        return self.prediction.target(x0, (xt - level.alpha * x0) / level.sigma, level)

    def check(self, xt, cond) -> None:
        """Raise ValueError for points of other dimensions, and for labels that are not there."""
        means, weights = self.mixture.means, self.mixture.weights
        if xt.shape[1:] != means.shape[1:]:
            raise ValueError(f"points must have shape [b, {means.shape[1]}], got {xt.shape}")
        if cond is None or checks.traced(cond):
            return
        # numpy sees values inside of jit too
        labels, c = np.asarray(checks.array(cond)), len(weights) - 1
        right = labels.shape == (len(xt),) and labels.dtype.kind in "iu"
        if not right or not ((labels >= -1) & (labels < c)).all():
            raise ValueError(
                f"labels must be {len(xt)} whole numbers from -1, for no class, to {c - 1},"
                f" got {labels.dtype} {labels.shape} {checks.shown(labels.ravel()[:3].tolist())}"
            )


def ideal(mixture: Mixture, schedule: Schedule, prediction: Prediction = CLEAN) -> Denoiser:
    """The best denoiser there is for a mixture."""
    return Denoiser(IdealNetwork(mixture, prediction), schedule, prediction)
