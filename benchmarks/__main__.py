"""Time the package and print one table: ``make bench``, or ``python -m benchmarks``.

The network is that of ``fashion-cfg`` with its shipped weights, in float32. Before anything is
timed, the samples of all variants are asserted to be equal. Competitors take turns, so that
whatever else the machine does slows them all.
"""

import os
import platform
import sys
import time
from functools import partial
from importlib.metadata import version

import diffusers
import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from torch.nn import functional as F

from benchmarks import torch_unet
from workshop_lite import checkpoints, optimizers, recipes, results, training
from workshop_lite.conditioning import null_labels
from workshop_lite.guidance import Guided
from workshop_lite.samplers import ddim
from workshop_lite.schedules import cosine

IMAGES, STEPS, SCALE, BATCH, CHUNK = 16, 20, 2.0, 64, 3
REPEATS = max(5, int(os.environ.get("REPEATS", 7)))
PEAK = "float32 matrix product of 2048 x 2048, jitted"
LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


def timed(title: str, variants: dict, repeats: int = REPEATS) -> dict[str, np.ndarray]:
    """Seconds of every repeat of each function, by its name, after one call to warm up."""
    for function in variants.values():
        jax.block_until_ready(function())
    print(f"timing {title} ...", file=sys.stderr, flush=True)
    seconds = {name: np.zeros(repeats) for name in variants}
    for i in range(repeats):
        for name, function in variants.items():
            start = time.perf_counter()
            jax.block_until_ready(function())
            seconds[name][i] = time.perf_counter() - start
    print(f"timed {title}", file=sys.stderr, flush=True)
    return seconds


# Sampling --------------------------------------------------------------------------------------


class TwoPasses(Guided):
    """Guidance as most code has it: the network is called twice, one pass after the other."""

    def __call__(self, xt, t, cond):
        x0, x0_null = self.denoise(xt, t, cond), self.denoise(xt, t, self.null(cond))
        return x0_null + self.scale * (x0 - x0_null)


def unjitted(denoise, noise, labels):
    """DDIM as a Python loop that calls the network eagerly, operation by operation."""
    x, t = noise, np.linspace(1, 0, STEPS + 1, dtype=np.float32)
    for now, then in zip(t[:-1], t[1:], strict=True):
        x0 = denoise(x, jnp.full(len(x), now), labels)
        level, (alpha, sigma) = cosine(now), cosine(then)
        x = alpha * x0 + sigma * (x - level.alpha * x0) / level.sigma
    return x


def in_torch(network, noise, labels, *, pair: bool, device="cpu"):
    """A function that samples with the DDIM of diffusers on exactly the levels of ``cosine``."""
    noise = torch.tensor(np.asarray(noise), device=device).permute(0, 3, 1, 2)
    labels = torch.tensor(np.asarray(labels), device=device)
    null = torch.full_like(labels, -1)
    scheduler = diffusers.DDIMScheduler(
        STEPS, prediction_type="v_prediction", timestep_spacing="trailing", clip_sample=False
    )
    angle = torch.arange(1, STEPS + 1, dtype=torch.float64) / STEPS
    scheduler.alphas_cumprod = torch.cos(torch.pi / 2 * angle) ** 2
    scheduler.set_timesteps(STEPS)

    @torch.inference_mode()
    def sample():
        x = noise
        for step in scheduler.timesteps:
            t = torch.full((len(x),), (int(step) + 1) / STEPS, device=device)
            if pair:
                both = network(torch.cat([x, x]), torch.cat([t, t]), torch.cat([labels, null]))
                v, v_null = both.chunk(2)
            else:
                v, v_null = network(x, t, labels), network(x, t, null)
            x = scheduler.step(v_null + SCALE * (v - v_null), step, x).prev_sample
        return x.permute(0, 2, 3, 1).cpu().numpy()

    return sample


def sampling(denoise, noise, labels) -> dict:
    """How to sample: functions by name, all of which return the same images; ours first."""
    guided, naive = (kind(denoise, null_labels, SCALE) for kind in (Guided, TwoPasses))
    variants = {
        "ours: one jitted scan, one batch of 2b": lambda: ddim(
            guided, cosine, noise, labels, steps=STEPS
        )[0],
        "ours without jit: Python loop, two passes": lambda: unjitted(naive, noise, labels),
    }
    for layout, memory in LAYOUTS.items():
        for passes in ("two passes", "one batch of 2b"):
            network = torch_unet.trained().to(memory_format=memory)
            sample = in_torch(network, noise, labels, pair=passes != "two passes")
            variants[f"PyTorch and diffusers, {passes}, {layout}"] = sample
    if torch.cuda.is_available():
        for name, made in {"eager": lambda network: network, "compiled": torch.compile}.items():
            network = made(torch_unet.trained().to("cuda"))
            sample = in_torch(network, noise, labels, pair=True, device="cuda")
            variants[f"PyTorch and diffusers on the GPU, one batch of 2b, {name}"] = sample
    x0, *others = (np.asarray(sample()) for sample in variants.values())
    for name, other in zip(list(variants)[1:], others, strict=True):
        np.testing.assert_allclose(other, x0, atol=1e-4, err_msg=name)
    return variants


# Training --------------------------------------------------------------------------------------


def ours_trained(denoise):
    """A function that takes CHUNK steps as ``training.fit`` does: one scan, clipping, averaging."""
    draw = np.random.default_rng(0).integers
    data = draw(0, 256, (640, 28, 28, 1), np.uint8), draw(0, 10, 640)
    descent = optax.chain(optax.clip_by_global_norm(1.0), optimizers.adam(lambda step: 1e-4))
    state = training._State(jnp.int32(0), denoise, denoise, descent.init(denoise))
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    arguments = jax.device_put((state, data, draw(0, 640, (CHUNK, BATCH)), jax.random.key(0)))
    return partial(training._run, recipes.denoising_loss, descent, device, *arguments)


def torch_trained(memory):
    """A function that takes the same steps in PyTorch."""
    network = torch_unet.trained().to(memory_format=memory)
    weights = list(network.parameters())
    average = [weight.detach().clone() for weight in weights]
    adam = torch.optim.Adam(weights, 1e-4, betas=(0.9, 0.99), fused=True)
    x0, labels = torch.rand(BATCH, 1, 28, 28) * 2 - 1, torch.randint(0, 10, (BATCH,))

    def steps():
        for _ in range(CHUNK):
            t, eps = torch.rand(BATCH), torch.randn_like(x0)
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


def main() -> None:
    denoise = checkpoints.load("fashion-cfg")
    noise = jax.random.normal(jax.random.key(0), (IMAGES, 28, 28, 1))
    labels = jnp.arange(IMAGES) % 10
    inputs = noise, jnp.full(IMAGES, 0.5), labels
    network = jax.jit(lambda model, *inputs: model(*inputs)).lower(denoise, *inputs).compile()
    image = network.cost_analysis()["flops"] / IMAGES

    square = jnp.ones((2048, 2048))
    seconds = timed("peak", {PEAK: partial(jax.jit(jnp.matmul), square, square)}, 30)[PEAK]
    peak = 2 * 2048**3 / seconds.min()
    heading("Peak")
    row(PEAK, seconds, f"{peak / 1e9:.0f} GFLOP/s")

    heading(f"Sampling {IMAGES} images, {STEPS} DDIM steps, guidance {SCALE:g}", "against ours")
    rows = timed("sampling", sampling(denoise, noise, labels))
    ours = min(next(iter(rows.values())))
    for name, seconds in rows.items():
        row(name, seconds, f"{seconds.min() / ours:.2f} x")
    rate = 2 * STEPS * IMAGES * image / ours
    print(
        f"ours computes {rate / 1e9:.0f} GFLOP/s, {rate / peak:.0%} of the peak"
        f" ({image / 1e9:.3f} GFLOP an evaluation of an image, counted by the compiler)"
    )

    heading(f"Training step, batch {BATCH}, with clipping, Adam and averaging", "images / s")
    for name, seconds in timed("training", training_steps(denoise)).items():
        row(name, seconds / CHUNK, f"{BATCH * CHUNK / seconds.min():.0f}")

    sampler_costs(results.load("samplers"))

    packages = ("jax", "jaxlib", "flax", "torch", "diffusers", "numpy")
    print(
        f"\nBest and median of {REPEATS} repeats after one to warm up; {os.cpu_count()} CPUs"
        f" ({platform.machine()}), XLA on {jax.devices()[0].device_kind} with all of them,"
        f" PyTorch with {torch.get_num_threads()} threads.\n"
        + ", ".join(f"{name} {version(name)}" for name in packages)
        + f", Python {platform.python_version()}."
    )


if __name__ == "__main__":
    main()
