"""Time and memory of one guided draw, by method, on an otherwise idle machine.

A seed is a round; in each round all methods take their turn.
"""

import time
from collections.abc import Sequence
from functools import cache
from itertools import product

import jax
import jax.numpy as jnp
from flax import nnx

from measurements import Measurement, rounded
from measurements.guidance import methods, passes
from workshop_lite import checkpoints, samplers
from workshop_lite.conditioning import null_labels
from workshop_lite.schedules import cosine

IMAGES, STEPS, SCALE = 16, 20, 2.0


class OneByOne(nnx.Module):
    """Guidance as two calls, one after the other."""

    def __init__(self, denoise):
        self.denoise = denoise

    def __call__(self, xt, t, cond):
        x0_null = self.denoise(xt, t, null_labels(cond))
        return x0_null + SCALE * (self.denoise(xt, t, cond) - x0_null)


def draw(denoise, noise, labels):
    return samplers.dpmpp_2m(denoise, cosine, noise, labels, steps=STEPS)[0]


def ways(denoise, weak) -> dict:
    """What makes the denoiser of each way to draw."""
    plain = {"unguided": lambda scale: denoise, "cfg, one by one": lambda scale: OneByOne(denoise)}
    return plain | methods(denoise, weak)


def plan(seeds: Sequence[int]) -> list[dict]:
    """Round by round."""
    return [{"method": name, "seed": seed} for seed, name in product(seeds, ways(None, None))]


@cache
def programs() -> dict:
    """A compiled draw of each way with what it draws from; all have run once."""
    noise = jax.random.normal(jax.random.key(0), (IMAGES, 28, 28, 1))
    labels = jnp.arange(IMAGES) % 10
    shipped = ways(checkpoints.load("fashion-cfg"), checkpoints.load("fashion-cfg-weak"))
    inputs = {name: (make(SCALE), noise, labels) for name, make in shipped.items()}
    made = {name: (jax.jit(draw).lower(*of).compile(), of) for name, of in inputs.items()}
    for program, of in made.values():
        jax.block_until_ready(program(*of))
    return made


def measure(run: dict) -> dict:
    program, inputs = programs()[run["method"]]
    begin = time.perf_counter()
    jax.block_until_ready(program(*inputs))
    seconds = time.perf_counter() - begin
    size = {"images": IMAGES, "steps": STEPS, "scale": 1 if run["method"] == "unguided" else SCALE}
    memory = program.memory_analysis().temp_size_in_bytes / 2**20
    cost = {"passes": passes(run | size), "seconds": seconds, "MiB": round(memory, 1)}
    return rounded(size | cost)


measurement = Measurement(
    plan,
    measure,
    seeds=tuple(range(1, 10)),
    minutes=2,
    quick=({"seed": 1}, {"seed": 2}, {"seed": 3}),
    exact=("images", "steps", "scale", "passes"),
    timed=("seconds",),
)
