"""Time and memory of one guided draw, by method, on an otherwise idle machine.

    PYTHONPATH=. python tools/measure_cost.py workshop_lite/data/results/cost.json

A row is one of nine rounds; in each round all methods take their turn.
"""

import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx
from measure_guidance import methods, passes

from workshop_lite import checkpoints, samplers
from workshop_lite.conditioning import null_labels
from workshop_lite.evaluation import results
from workshop_lite.schedules import cosine

IMAGES, STEPS, SCALE, ROUNDS = 16, 20, 2.0, 9


class OneByOne(nnx.Module):
    """Guidance as two calls, one after the other."""

    def __init__(self, denoise):
        self.denoise = denoise

    def __call__(self, xt, t, cond):
        x0_null = self.denoise(xt, t, null_labels(cond))
        return x0_null + SCALE * (self.denoise(xt, t, cond) - x0_null)


def draw(denoise, noise, labels):
    return samplers.dpmpp_2m(denoise, cosine, noise, labels, steps=STEPS)[0]


def main(path: Path) -> None:
    denoise, weak = checkpoints.load("fashion-cfg"), checkpoints.load("fashion-cfg-weak")
    guided = {name: make(SCALE) for name, make in methods(denoise, weak).items()}
    guided = {"unguided": denoise, "cfg, one by one": OneByOne(denoise), **guided}
    noise = jax.random.normal(jax.random.key(0), (IMAGES, 28, 28, 1))
    labels = jnp.arange(IMAGES) % 10
    programs = {n: jax.jit(draw).lower(d, noise, labels).compile() for n, d in guided.items()}
    rows = []
    for seed in range(ROUNDS + 1):  # the first round warms up
        for name, program in programs.items():
            begin = time.perf_counter()
            jax.block_until_ready(program(guided[name], noise, labels))
            seconds = time.perf_counter() - begin
            memory = program.memory_analysis().temp_size_in_bytes / 2**20
            scale = 1 if name == "unguided" else SCALE
            row = {"method": name, "seed": seed, "images": IMAGES, "steps": STEPS, "scale": scale}
            cost = {"passes": passes(row), "seconds": round(seconds, 4), "MiB": round(memory, 1)}
            rows += [{**row, **cost}] if seed else []
    results.save(path, rows)
    numbers = ["passes", "seconds", "MiB"]
    print(results.table({n: results.chosen(rows, method=n) for n in programs}, numbers))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
