"""The same guided samples in several ways: jitted, eager, and in PyTorch with diffusers."""

import diffusers
import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from benchmarks import torch_unet
from workshop_lite import checkpoints
from workshop_lite.conditioning import null_labels
from workshop_lite.guidance import Guided
from workshop_lite.samplers import ddim
from workshop_lite.schedules import cosine

STEPS, SCALE = 20, 2.0
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


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


def in_torch(network, noise, labels, *, pair: bool):
    """A function that samples with the DDIM of diffusers on exactly the levels of ``cosine``."""
    noise = torch.tensor(np.asarray(noise), device=DEVICE).permute(0, 3, 1, 2)
    labels = torch.tensor(np.asarray(labels), device=DEVICE)
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
            t = torch.full((len(x),), (int(step) + 1) / STEPS, device=DEVICE)
            if pair:
                both = network(torch.cat([x, x]), torch.cat([t, t]), torch.cat([labels, null]))
                v, v_null = both.chunk(2)
            else:
                v, v_null = network(x, t, labels), network(x, t, null)
            x = scheduler.step(v_null + SCALE * (v - v_null), step, x).prev_sample
        return x.permute(0, 2, 3, 1).cpu().numpy()

    return sample


def variants(denoise, noise, labels) -> dict:
    """How to sample: functions by name, all of which return the same images; ours first."""
    guided, naive = (kind(denoise, null_labels, SCALE) for kind in (Guided, TwoPasses))
    mesh = Mesh(np.array(jax.devices()), ("data",))
    split, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (["data"], []))
    shared = jax.device_put((guided, noise, labels), (whole, split, split))
    ways = {
        "ours: one jitted scan, one batch of 2b": lambda: ddim(
            guided, cosine, noise, labels, steps=STEPS
        )[0],
        "ours: the same jitted scan, a device a core": lambda: ddim(
            shared[0], cosine, *shared[1:], steps=STEPS
        )[0],
        "ours without jit: Python loop, two passes": lambda: unjitted(naive, noise, labels),
    }
    for layout, memory in LAYOUTS.items():
        for passes in ("two passes", "one batch of 2b"):
            network = torch_unet.trained().to(DEVICE, memory_format=memory)
            sample = in_torch(network, noise, labels, pair=passes != "two passes")
            ways[f"PyTorch and diffusers, {passes}, {layout}"] = sample
    if DEVICE == "cuda":
        network = torch.compile(torch_unet.trained().to(DEVICE, memory_format=memory))
        sample = in_torch(network, noise, labels, pair=True)
        ways[f"PyTorch and diffusers, one batch of 2b, {layout}, compiled"] = sample
    x0, *others = (np.asarray(sample()) for sample in ways.values())
    for name, other in zip(list(ways)[1:], others, strict=True):
        np.testing.assert_allclose(other, x0, atol=1e-4, err_msg=name)
    return ways


def in_bfloat16(noise, labels) -> dict:
    """Ours as it comes on a GPU, and PyTorch with automatic mixed precision; not asserted equal."""
    guided = Guided(checkpoints.load("fashion-cfg"), null_labels, SCALE)
    network = torch_unet.trained().to(DEVICE, memory_format=torch.channels_last)
    eager, compiled = (
        torch.autocast(DEVICE, torch.bfloat16)(in_torch(each, noise, labels, pair=True))
        for each in (network, torch.compile(network))
    )
    return {
        "ours: one jitted scan": lambda: ddim(guided, cosine, noise, labels, steps=STEPS)[0],
        "PyTorch and diffusers, one batch of 2b, channels last": eager,
        "PyTorch and diffusers, one batch of 2b, channels last, compiled": compiled,
    }
