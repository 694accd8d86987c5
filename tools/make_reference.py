"""Record what the samplers of ``diffusers`` do, so that the tests need no PyTorch.

    pip install torch diffusers jax
    python tools/make_reference.py

Writes tests/reference/diffusers.npz and, beside it, a card with the versions used. The network
is the exact one for a small Gaussian mixture, computed here in float64 and by itself: nothing of
the package is imported, so an error in the package cannot reach its own reference.
"""

import json
from importlib.metadata import version
from pathlib import Path

import diffusers
import jax
import numpy as np
import torch
from diffusers.schedulers import scheduling_ddpm

HOME = Path(__file__).parents[1] / "tests" / "reference"
T, STEPS, SEED, ROWS = 1000, (5, 10, 20), 0, 16
MEANS = np.array([[1.3, 0.2], [-0.7, 1.0], [-0.6, -1.2]])
STDS = np.array([0.2, 0.3, 0.25])
WEIGHTS = np.array([0.5, 0.3, 0.2])

CURVE = np.cos((np.arange(T + 1) / T + 0.008) / 1.008 * np.pi / 2) ** 2
BETAS = {
    "linear": np.linspace(1e-4, 0.02, T),
    "cosine": np.minimum(1 - CURVE[1:] / CURVE[:-1], 0.999),  # "squaredcos_cap_v2"
}
# Where alpha nears 0, a trapezoid over sigma / alpha leaves the data behind by a factor of 100:
# HeunDiscreteScheduler is compared on the cosine table without its last tenth.
SHORT = 900
# The noise prediction divides by alpha, and the cosine table ends at alpha = 1.6e-5.
OUTPUT = {"linear": "epsilon", "cosine": "v_prediction"}

COMMON = {"timestep_spacing": "trailing"}  # t = 1, 1 - 1/n, ..., 1/n
METHODS = {
    "ddim": (diffusers.DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": True}),
    "ddim_eta1": (diffusers.DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": True}),
    "ddpm": (diffusers.DDPMScheduler, {"clip_sample": False, "variance_type": "fixed_small"}),
    "dpmpp_2m": (
        diffusers.DPMSolverMultistepScheduler,
        {
            "algorithm_type": "dpmsolver++",
            "solver_order": 2,
            "solver_type": "midpoint",
            "final_sigmas_type": "zero",
            "lower_order_final": True,
        },
    ),
    "heun": (diffusers.HeunDiscreteScheduler, {"clip_sample": False}),
}


def ideal_output(x: np.ndarray, alpha_bar: float, kind: str) -> np.ndarray:
    """What the perfect network says about x_t, in float64."""
    alpha, sigma = np.sqrt(alpha_bar), np.sqrt(1 - alpha_bar)
    variance = (alpha * STDS) ** 2 + sigma**2
    gap = x[:, None] - alpha * MEANS
    log_share = np.log(WEIGHTS) - np.log(variance) - (gap**2).sum(-1) / (2 * variance)
    share = np.exp(log_share - log_share.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    part = MEANS + (alpha * STDS**2 / variance)[:, None] * gap
    x0 = np.einsum("bk,bkd->bd", share, part)
    eps = (x - alpha * x0) / sigma
    return eps if kind == "epsilon" else alpha * eps - sigma * x0


def trajectory(method: str, table: str, steps: int, start: np.ndarray, draws: np.ndarray):
    """Every estimate of x_0, and the sample."""
    make, options = METHODS[method]
    kind = OUTPUT[table]
    betas = BETAS[table][:SHORT] if (method, table) == ("heun", "cosine") else BETAS[table]
    options = COMMON | options | {"num_train_timesteps": len(betas), "trained_betas": betas}
    scheduler = make(**options, prediction_type=kind)
    # diffusers keeps its tables in float32, where 1 - 0.999 is wrong by 1e-5; these are exact.
    alpha_bar = np.cumprod(1 - betas)
    scheduler.alphas_cumprod = torch.from_numpy(alpha_bar)
    scheduler.set_timesteps(steps)
    x, path = torch.from_numpy(start), []
    # HeunDiscreteScheduler works on x / alpha.
    length = np.sqrt(alpha_bar) if method == "heun" else np.ones(len(betas))
    x = x / length[-1]
    for i, t in enumerate(scheduler.timesteps):
        t = int(t)
        first_look = method != "heun" or scheduler.state_in_first_order
        network = ideal_output(x.numpy() * length[t], alpha_bar[t], kind)
        options = {}
        if method == "ddim_eta1":
            options = {"eta": 1.0, "variance_noise": torch.from_numpy(draws[i])}
        scheduling_ddpm.randn_tensor = lambda *_, i=i, **__: torch.from_numpy(draws[i])
        step = scheduler.step(torch.from_numpy(network), t, x, **options)
        x0 = scheduler.model_outputs[-1] if method == "dpmpp_2m" else step.pred_original_sample
        if first_look:
            path.append(x0.numpy())
        x = step.prev_sample
    return np.stack(path), x.numpy()


def main() -> None:
    key = jax.random.key(SEED)
    start = np.asarray(jax.random.normal(jax.random.fold_in(key, 1), (ROWS, 2)), np.float64)
    record = {"means": MEANS, "stds": STDS, "weights": WEIGHTS, "start": start}
    for steps in STEPS:
        # The draws that ddim and ddpm of the package make from this key.
        draws = [jax.random.normal(k, (ROWS, 2)) for k in jax.random.split(key, steps)]
        draws = np.asarray(draws, np.float64)
        for table in BETAS:
            for method in METHODS:
                path, x0 = trajectory(method, table, steps, start, draws)
                name = f"{method}/{table}/{steps}"
                record[f"{name}/path"], record[f"{name}/x0"] = path, x0
    record |= {f"betas/{table}": betas for table, betas in BETAS.items()}
    np.savez_compressed(HOME / "diffusers.npz", **{k: np.float64(v) for k, v in record.items()})
    packages = ("diffusers", "torch", "jax", "numpy")
    card = {
        "what": "estimates of x_0 at every step, and samples, of the samplers of diffusers",
        "made_by": "tools/make_reference.py",
        "seed": SEED,
        "table_length": T,
        "heun_on_cosine": f"the first {SHORT} betas",
        "steps": STEPS,
        "network_output": OUTPUT,
        "methods": {name: {"class": c.__name__, **COMMON, **o} for name, (c, o) in METHODS.items()},
        "versions": {name: version(name) for name in packages},
    }
    (HOME / "diffusers.json").write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    main()
