"""Checks of the exercises about autoencoders and diffusion in their latents."""

import jax.numpy as jnp
import numpy as np
from flax import nnx

from workshop_lite.exercises.oracles import Asked, best, landed, noise
from workshop_lite.exercises.verdicts import moved, same, shape


def doubles(build) -> str:
    """Whether a layer doubles height and width."""
    out = build(2, rngs=nnx.Rngs(0))(jnp.ones((1, 8, 8, 2)))
    if shape(out) == (1, 16, 16, 2):
        return ""
    return f"8 × 8 must become 16 × 16, and shape (1, 8, 8, 2) became {shape(out)}"


def passes_labels_on(build) -> str:
    """Whether a network that has a table of its own is given labels."""

    def denoise(z, t, labels):
        if not jnp.issubdtype(labels.dtype, jnp.integer):
            raise ValueError(f"labels must be whole numbers, got {labels.dtype} {labels.shape}")
        return z + t[:, None] * labels[:, None]

    z, t, labels = jnp.ones((2, 3)), jnp.full(2, 0.5), jnp.array([1, 2])
    out = build(denoise, 10, 4, rngs=nnx.Rngs(0))(z, t, labels)
    return "" if same(out, denoise(z, t, labels)) else "the network did not get the labels"


def keeps_its_variety(sample) -> str:
    """Whether samples reach both modes."""
    z = sample(lambda z, t: best(z, jnp.broadcast_to(t, len(z))), noise(), jnp.linspace(1, 0, 21))
    spread = float(jnp.std(jnp.asarray(z)))
    if not spread > 0.5:
        return f"the samples have a spread of {spread:.2f}, and the data one of 1.00"
    share = landed(z)
    return "" if share > 0.9 else f"with a perfect network only {share:.0%} of samples land on data"


def is_a_divergence(kl) -> str:
    """Whether a KL divergence is that of two Gaussians."""
    mean, log_var = jnp.zeros((2, 3)), jnp.array([[0.0] * 3, [-2.0] * 3])
    ours = kl(mean, log_var)
    if shape(ours) != (2,):
        return f"two rows must give two numbers, and gave shape {shape(ours)}"
    if float(ours.min()) < -1e-6:
        return (
            f"a divergence is never below 0, and for a variance of {np.exp(-2):.2f} yours is"
            f" {ours.min():.2f}"
        )
    right = 0.5 * (mean**2 + jnp.exp(log_var) - 1 - log_var).sum(axis=1)
    if not same(ours, right):
        return f"for a variance of {np.exp(-2):.2f} it is {right[1]:.2f}, not {ours[1]:.2f}"
    return "" if same(kl(mean + 2, log_var), right + 6) else "the mean must count half its square"


def has_the_weights(loaded) -> str:
    """Whether a model that was loaded is the one that was saved."""
    fresh, saved = (nnx.Linear(2, 2, rngs=nnx.Rngs(seed)) for seed in (0, 1))
    start = nnx.clone(fresh)
    model = loaded(fresh, nnx.state(saved))
    if not isinstance(model, nnx.Linear):
        return "a model must come back"
    if not moved(start, model):
        return "the model still has the weights of its constructor; none of the file has reached it"
    return "the weights are not those of the file" if moved(saved, model) else ""


def is_of_unit_size(prepared) -> str:
    """Whether latents of any scale end with standard deviation 1."""
    row = jnp.sqrt(3.0) * jnp.linspace(-1, 1, 2001)[None]  # with a spread of 1
    for std in (3.0, 0.5):
        ours = prepared(std * row)
        if shape(ours) != row.shape:
            return f"the shape must stay {row.shape}, and became {shape(ours)}"
        if not abs(float(jnp.std(ours)) - 1) < 0.02:
            return f"latents with a spread of {std:g} leave with one of {jnp.std(ours):.2f}"
    return ""


def moves_both(step) -> str:
    """Whether training moves the network and what reads its condition."""
    denoise, table = nnx.Linear(3, 3, rngs=nnx.Rngs(0)), nnx.Embed(4, 3, rngs=nnx.Rngs(1))
    start = nnx.clone(denoise), nnx.clone(table)
    z = jnp.sin(jnp.arange(12.0)).reshape(4, 3)
    after = step(denoise, table, z, jnp.arange(4), 2 * z)
    if not isinstance(after, tuple) or len(after) != 2:
        return "the step must return the denoiser and the table"
    if not moved(start[1], after[1]):
        return "one step has not moved the table: it would stay as random as it began"
    return "" if moved(start[0], after[0]) else "one step has not moved the denoiser"


def fits_the_memory(encoded) -> str:
    """Whether images are encoded a batch at a time, and none is lost."""
    asked = Asked(lambda images: 2 * images)
    images = np.arange(50, dtype=np.float32)[:, None]
    latents = encoded(asked, images, 16)
    most = max(len(call[0]) for call in asked.calls)
    if most > 16:
        return f"the encoder was given {most} images at once, and 16 are what the memory holds"
    if shape(latents) != (50, 1):
        return f"50 images must give 50 latents, and gave shape {shape(latents)}"
    return "" if same(latents, 2 * images) else "the latents must come in the order of the images"


CHECKS = {
    "latent-1": doubles,
    "latent-2": passes_labels_on,
    "latent-3": keeps_its_variety,
    "latent-4": is_a_divergence,
    "latent-5": has_the_weights,
    "latent-6": is_of_unit_size,
    "latent-7": moves_both,
    "latent-8": fits_the_memory,
}
