"""Draw the picture on the landing page: three garments on their way out of the noise.

python tools/make_hero.py
"""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from workshop_lite import checkpoints
from workshop_lite.conditioning import null_labels
from workshop_lite.figures.images import mosaic
from workshop_lite.guidance import Guided
from workshop_lite.samplers import ddim
from workshop_lite.schedules import cosine

OUT = Path(__file__).parents[1] / "book" / "_static" / "hero.png"
LABELS = jnp.array([9, 3, 2])  # boot, dress, pullover
STEPS, SHOWN = 40, [0, 14, 20, 24, 28, 32, 36, 38, 40]
ZOOM = 4


def main() -> None:
    noise = jax.random.normal(jax.random.key(1), (len(LABELS), 28, 28, 1))
    guided = Guided(checkpoints.load("fashion-cfg"), null_labels, 2.0)
    _, path = ddim(guided, cosine, noise, LABELS, steps=STEPS)
    level = cosine(np.linspace(1, 0, STEPS + 1))
    states = [noise]  # the sampler returns estimates of x_0; its states follow from them
    for i, x0 in enumerate(path):
        eps = (states[-1] - level.alpha[i] * x0) / level.sigma[i]
        states.append(level.alpha[i + 1] * x0 + level.sigma[i + 1] * eps)
    shown = jnp.stack([states[i] for i in SHOWN], axis=1).reshape(-1, 28, 28, 1)
    sheet = Image.fromarray(mosaic(-shown, len(SHOWN)))  # dark on white
    sheet = sheet.resize((ZOOM * sheet.width, ZOOM * sheet.height), Image.Resampling.NEAREST)
    sheet.save(OUT, optimize=True)


if __name__ == "__main__":
    main()
