"""Record what the guiders of ``diffusers`` make of two predictions, so that tests need no PyTorch.

    pip install torch diffusers
    python tools/make_guider_reference.py

Writes tests/reference/guiders.npz and, beside it, a card with the versions used. Nothing of the
package is imported.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from diffusers import guiders

HOME = Path(__file__).parents[1] / "tests" / "reference"
SEED, SHAPE = 0, (4, 3, 3, 2)
#: Class and arguments; a step behind those that CFG-Zero* leaves out, if not said otherwise.
GUIDERS = {
    "cfg": (guiders.ClassifierFreeGuidance, {"guidance_scale": 3.0}),
    "rescale": (guiders.ClassifierFreeGuidance, {"guidance_scale": 3.0, "guidance_rescale": 0.7}),
    "zero_star": (guiders.ClassifierFreeZeroStarGuidance, {"guidance_scale": 3.0}),
    "zero_star_still": (
        guiders.ClassifierFreeZeroStarGuidance,
        {"guidance_scale": 3.0, "zero_init_steps": 6},
    ),
    # In the original formulation a scale of 2 is what the package calls 3.
    "projected": (
        guiders.AdaptiveProjectedGuidance,
        {
            "guidance_scale": 2.0,
            "eta": 0.25,
            "adaptive_projected_guidance_rescale": 5.0,
            "use_original_formulation": True,
        },
    ),
    "projected_unbounded": (
        guiders.AdaptiveProjectedGuidance,
        {
            "guidance_scale": 2.0,
            "eta": 0.0,
            "adaptive_projected_guidance_rescale": 0.0,
            "use_original_formulation": True,
        },
    ),
}
STEP, STEPS = 5, 10


def main() -> None:
    draw = np.random.default_rng(SEED)
    cond, uncond = draw.normal(size=(2, *SHAPE))
    record = {"cond": cond, "uncond": uncond}
    for name, (make, options) in GUIDERS.items():
        guider = make(**options)
        guider.set_state(step=STEP, num_inference_steps=STEPS, timestep=None)
        record[name] = guider.forward(*map(torch.from_numpy, (cond, uncond))).pred.numpy()
    np.savez_compressed(HOME / "guiders.npz", **record)
    card = {
        "what": "predictions of the guiders of diffusers, for one with and one without a condition",
        "made_by": "tools/make_guider_reference.py",
        "seed": SEED,
        "step": [STEP, STEPS],
        "guiders": {name: {"class": c.__name__, **o} for name, (c, o) in GUIDERS.items()},
        "versions": {name: version(name) for name in ("diffusers", "torch", "numpy")},
    }
    (HOME / "guiders.json").write_text(json.dumps(card, indent=2) + "\n")


if __name__ == "__main__":
    main()
