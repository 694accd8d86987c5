"""Time the package and print one table: ``make bench``, or ``python -m benchmarks``.

The network is that of ``fashion-cfg`` with its shipped weights, in float32. Before anything is
timed, the samples of all variants are asserted to be equal. Competitors take turns, so that
whatever else the machine does slows them all. Where there is a GPU all of them run on it, with
products of full float32 precision; a last section lets each use bfloat16.

    python -m benchmarks [workshop_lite/data/results/speed.json]

keeps the times of sampling in that file as well, device by device.
"""

import math
import os
import platform
import sys
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from torch.nn import functional as F

from benchmarks import torch_unet
from benchmarks.sampling import DEVICE, LAYOUTS, SCALE, STEPS, in_bfloat16, variants
from workshop_lite import checkpoints, recipes, training
from workshop_lite.conditioning import null_labels
from workshop_lite.evaluation import results
from workshop_lite.evaluation.metrics import flops
from workshop_lite.guidance import Guided
from workshop_lite.samplers import dpmpp_2m
from workshop_lite.schedules import cosine
from workshop_lite.training import optimizers

IMAGES, BATCH, CHUNK = 16, 64, 3
REPEATS = max(5, int(os.environ.get("REPEATS", 7)))
PEAK = "float32 matrix product of 2048 x 2048, jitted"


def timed(title: str, ways: dict, repeats: int = REPEATS) -> dict[str, np.ndarray]:
    """Seconds of every repeat of each function, by its name, after one call to warm up."""
    for function in ways.values():
        jax.block_until_ready(function())
    print(f"timing {title} ...", file=sys.stderr, flush=True)
    seconds = {name: np.zeros(repeats) for name in ways}
    for i in range(repeats):
        for name, function in ways.items():
            start = time.perf_counter()
            jax.block_until_ready(function())
            seconds[name][i] = time.perf_counter() - start
    print(f"timed {title}", file=sys.stderr, flush=True)
    return seconds


# Training --------------------------------------------------------------------------------------


def ours_trained(denoise):
    """A function that takes CHUNK steps as ``training.fit`` does: one scan, clipping, averaging."""
    draw = np.random.default_rng(0).integers
    data = draw(0, 256, (640, 28, 28, 1), np.uint8), draw(0, 10, 640)
    descent = optax.chain(optax.clip_by_global_norm(1.0), optimizers.adam(lambda step: 1e-4))
    state = training._State(jnp.int32(0), denoise, denoise, descent.init(denoise))
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    arguments = jax.device_put((state, data, draw(0, 640, (CHUNK, BATCH)), jax.random.key(0)))
    loss = jax.tree_util.Partial(recipes.denoising_loss)
    return partial(training._run, descent, device, loss, *arguments)


def torch_trained(memory):
    """A function that takes the same steps in PyTorch."""
    network = torch_unet.trained().to(DEVICE, memory_format=memory)
    weights = list(network.parameters())
    average = [weight.detach().clone() for weight in weights]
    adam = torch.optim.Adam(weights, 1e-4, betas=(0.9, 0.99), fused=True)
    x0 = torch.rand(BATCH, 1, 28, 28, device=DEVICE) * 2 - 1
    labels = torch.randint(0, 10, (BATCH,), device=DEVICE)

    def steps():
        for _ in range(CHUNK):
            t, eps = torch.rand(BATCH, device=DEVICE), torch.randn_like(x0)
            angle = torch.pi / 2 * t[:, None, None, None]
            v = network(angle.cos() * x0 + angle.sin() * eps, t, labels)
            loss = F.mse_loss(v, angle.cos() * eps - angle.sin() * x0)
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()
            torch._foreach_lerp_(average, [weight.detach() for weight in weights], 1e-3)
        return loss.item()

    return steps


def training_steps(denoise) -> dict:
    """How to take CHUNK steps: functions by name, ours first."""
    ours = {"ours: steps inside one scan": ours_trained(denoise)}
    return ours | {f"PyTorch, {name}": torch_trained(memory) for name, memory in LAYOUTS.items()}


# The table -------------------------------------------------------------------------------------


def row(name: str, seconds: np.ndarray, note: str = "") -> None:
    print(
        f"{name:<62} {seconds.min():8.4f} {np.median(seconds):8.4f}   {note}".rstrip(), flush=True
    )


def heading(text: str, note: str = "") -> None:
    print(f"\n{text:<62} {'best s':>8} {'median s':>8}   {note}".rstrip())


def for_less(denoise, noise, labels, rival: str, sample) -> None:
    """The rival's guided DDIM against half as many steps of dpmpp_2m, guided only at middle times.

    What the pictures are worth is read from results: Fréchet distance and class accuracy.
    """
    inside, measured = (0.25, 0.75), results.chosen(results.load("guidance"), scale=SCALE)
    guided = Guided(denoise, null_labels, SCALE, interval=inside)
    ways = {
        rival: ({"method": "cfg", "sampler": "ddim", "steps": STEPS}, sample),
        f"ours: {STEPS // 2} steps of dpmpp_2m, guided on {inside}": (
            {"method": "interval", "sampler": "dpmpp_2m", "steps": STEPS // 2},
            lambda: dpmpp_2m(guided, cosine, noise, labels, steps=STEPS // 2)[0],
        ),
    }
    note = f"Fréchet distance, accuracy; N = {measured[0]['n']:,}"
    heading(f"Sampling {IMAGES} other images for less", note)
    seconds = timed("for less", {name: way for name, (_, way) in ways.items()})
    for name, (run, _) in ways.items():
        mine = results.chosen(measured, **run)
        scores = (str(results.over_seeds(mine, field)) for field in ("frechet", "accuracy"))
        row(name, seconds[name], ", ".join(scores))
    first, second = (each.min() for each in seconds.values())
    print(f"ours takes {second / first:.2f} of the time")


def sampler_costs(rows: list[dict], share: float = 1.25) -> None:
    """What each sampler pays to come within ``share`` of the least distance that any reaches."""
    for data, runs in results.groups(results.chosen(rows, grid="t"), "data").items():
        goal = share * min(row["frechet"] for row in runs)
        title = f"Fréchet distance {goal:.0f} to {data}, N = {runs[0]['n']}"
        print(f"\n{title:<62} {'passes':>8} {'s/image':>8}")
        for name, mine in results.groups(runs, "sampler").items():
            passes = results.reached(mine, "evaluations", "frechet", goal)
            if passes is None:
                print(f"{name:<62} not with {max(row['evaluations'] for row in mine)} passes")
                continue
            paid = results.over_seeds(results.chosen(mine, evaluations=passes), "seconds").mean
            print(f"{name:<62} {passes:8} {paid / runs[0]['n']:8.4f}")


def in_float32():
    """The shipped model, computing in float32 whatever the device would rather compute in."""
    with mock.patch("workshop_lite.architectures.fast_dtype", lambda device: None):
        return checkpoints.load("fashion-cfg")


def record(path: Path, seconds: dict[str, np.ndarray]) -> None:
    """Put these sampling times into a results file, in place of what it held of this device."""
    device = jax.devices()[0].device_kind if DEVICE == "cuda" else f"{os.cpu_count()} CPU cores"
    rows = results.load(path.stem, path.parent) if path.exists() else []
    rows = [row for row in rows if row["device"] != device]
    for way, each in seconds.items():
        best, median = (round(float(f(each)), 4) for f in (np.min, np.median))
        rows.append({"device": device, "way": way, "seconds": best, "median": median})
    results.save(path, rows)


def main(path: Path | None) -> None:
    jax.config.update("jax_num_cpu_devices", math.gcd(IMAGES, os.cpu_count()))
    jax.config.update("jax_default_matmul_precision", "float32")
    torch.backends.cudnn.allow_tf32 = False
    denoise = in_float32()
    noise = jax.random.normal(jax.random.key(0), (IMAGES, 28, 28, 1))
    labels = jnp.arange(IMAGES) % 10
    inputs = noise, jnp.full(IMAGES, 0.5), labels
    image = flops(lambda model, *inputs: model(*inputs), denoise, *inputs) / IMAGES

    square = jnp.ones((2048, 2048))
    seconds = timed("peak", {PEAK: partial(jax.jit(jnp.matmul), square, square)}, 30)[PEAK]
    peak = 2 * 2048**3 / seconds.min()
    heading("Peak")
    row(PEAK, seconds, f"{peak / 1e9:.0f} GFLOP/s")

    heading(f"Sampling {IMAGES} images, {STEPS} DDIM steps, guidance {SCALE:g}", "against ours")
    ways = variants(denoise, noise, labels)
    rows = timed("sampling", ways)
    ours = min(seconds.min() for name, seconds in rows.items() if "jitted" in name)
    for name, seconds in rows.items():
        row(name, seconds, f"{seconds.min() / ours:.2f} x")
    rate = 2 * STEPS * IMAGES * image / ours
    print(
        f"ours does the work of {rate / 1e9:.0f} GFLOP/s, {rate / peak:.0%} of the peak"
        f" ({image / 1e9:.3f} GFLOP an evaluation of an image with kernels that slide;"
        " tiles filtered on a CPU take less)"
    )

    if path is not None:
        record(path, rows)
    rival = min((name for name in rows if "PyTorch" in name), key=lambda name: rows[name].min())
    for_less(denoise, noise, labels, rival, ways[rival])

    heading(f"Training step, batch {BATCH}, with clipping, Adam and averaging", "images / s")
    for name, seconds in timed("training", training_steps(denoise)).items():
        row(name, seconds / CHUNK, f"{BATCH * CHUNK / seconds.min():.0f}")

    sampler_costs(results.load("samplers"))

    if DEVICE == "cuda":
        heading(f"The same {IMAGES} images in bfloat16", "against ours")
        rows = timed("bfloat16", in_bfloat16(noise, labels))
        ours = min(next(iter(rows.values())))
        for name, seconds in rows.items():
            row(name, seconds, f"{seconds.min() / ours:.2f} x")

    packages = ("jax", "jaxlib", "flax", "torch", "diffusers", "numpy")
    print(
        f"\nBest and median of {REPEATS} repeats after one to warm up; {os.cpu_count()} CPUs"
        f" ({platform.machine()}), XLA on {jax.devices()[0].device_kind} with all of them,"
        f" PyTorch on {DEVICE} with {torch.get_num_threads()} threads.\n"
        + ", ".join(f"{name} {version(name)}" for name in packages)
        + f", Python {platform.python_version()}."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else None)
