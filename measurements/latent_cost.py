"""Count what latents save, for sizes that nobody here trains: nothing is run.

Our networks are counted by the compiler, before it optimises. Memory is what its program for a CPU
allocates beside parameters and inputs: a fourth of what a batch of four takes in training, and what
one picture takes in drawing. Attention holds all its likenesses at once. The published networks are
counted by formula, training as three passes forward, their memory not at all. A draw is 20 guided
steps, two passes each, and the decoder once. The encoder is not in the training: it sees each
picture once.
"""

from collections.abc import Sequence
from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
from flax import nnx

from measurements import Measurement, rounded
from measurements.published_shapes import Cost, adm, sd_decoder, sd_unet
from workshop_lite.conditioning import null_prompts
from workshop_lite.conditioning.text import LENGTH
from workshop_lite.evaluation.metrics import flops
from workshop_lite.guidance import Guided
from workshop_lite.networks import Posterior
from workshop_lite.recipes import RECIPES
from workshop_lite.recipes.emoji import emoji_denoiser, prompt_loss
from workshop_lite.recipes.latent import LEVELS, latent_loss
from workshop_lite.samplers import dpmpp_2m

SIZES, STEPS, PASSES, BATCH = (64, 128, 256, 512), 20, 2, 4
#: Channels, patch and autoencoder of networks that are otherwise the same.
OURS = {
    "pixels, patch 2": {"channels": 3, "patch": 2, "name": None},
    "pixels, patch 4": {"channels": 3, "patch": 4, "name": None},
    "latents, f = 4": {"channels": 4, "patch": 1, "name": "emoji-vae"},
    "latents, f = 8": {"channels": 16, "patch": 1, "name": "emoji-vae-f8"},
}


def draw(base, denoise, noise, tokens):
    """A guided draw, decoded where there is an autoencoder."""
    guided = Guided(denoise, null_prompts, 4.0)
    x0 = dpmpp_2m(guided, denoise.schedule, noise, tokens, steps=STEPS)[0]
    return base[0].decode(x0 / base[0].scale[...]) if base else x0


def learn(base, denoise, batch, key):
    """A loss and its gradient."""
    loss = latent_loss if base else prompt_loss
    return jax.value_and_grad(loss, len(base))(*base, denoise, batch, key)


def mib(program) -> float:
    """What a compiled program allocates beside its inputs."""
    found = program.memory_analysis()
    return (found.temp_size_in_bytes + found.output_size_in_bytes) / 2**20


def counted(size: int, channels: int, patch: int, name: str | None) -> dict:
    """What one of our networks costs a picture, from shapes alone."""
    network = {"channels": channels, "patch": patch, **LEVELS}
    denoise = nnx.eval_shape(lambda: emoji_denoiser(nnx.Rngs(0), **network))
    base = [nnx.eval_shape(lambda: RECIPES[name].build(nnx.Rngs(0)))] if name else []
    side = size // base[0].factor if base else size

    def several(n: int):
        x = jax.ShapeDtypeStruct((n, side, side, channels), jnp.float32)
        return x, jax.ShapeDtypeStruct((n, LENGTH), jnp.int32)

    x, tokens = several(1)
    many, prompts = several(BATCH)
    seen = Posterior(many, many) if base else many.update(dtype=jnp.uint8)
    batch = seen, prompts, prompts
    training = base, denoise, batch, jax.eval_shape(lambda: jax.random.key(0))
    question = x, jax.ShapeDtypeStruct((1,), jnp.float32), tokens
    one = flops(lambda net, *seen: net(*seen), denoise, *question) / 1e9
    decode = flops(lambda ae, z: ae.decode(z), base[0], x) / 1e9 if base else 0.0
    return {
        "gflop_train": flops(learn, *training) / 1e9 / BATCH,
        "gflop_draw": STEPS * PASSES * one + decode,
        "mib_train": mib(jax.jit(learn).lower(*training).compile()) / BATCH,
        "mib_draw": mib(jax.jit(draw).lower(base, denoise, x, tokens).compile()),
        "gflop_pass": one,
        "gflop_decode": decode,
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(denoise)),
        "how": "the compiler's count",
    }


def published(network: Cost, decoder: Cost) -> dict:
    """What a published network costs a picture, by formula."""
    one, decode = network.flops / 1e9, decoder.flops / 1e9
    return {
        "gflop_train": 3 * one,
        "gflop_draw": STEPS * PASSES * one + decode,
        "mib_train": None,
        "mib_draw": None,
        "gflop_pass": one,
        "gflop_decode": decode,
        "parameters": network.parameters,
        "how": "formula",
    }


THEIRS = {
    "latents, f = 8": lambda size: published(sd_unet(size // 8), sd_decoder(size)),
    "pixels": lambda size: published(sd_unet(size, 3, most=32), Cost()),
    "pixels, ADM": lambda size: published(adm(size), Cost()),
}
#: Each network, and what counts it at a size.
COUNTED = {("ours", name): partial(counted, **how) for name, how in OURS.items()} | {
    ("Stable Diffusion's shapes", name): count for name, count in THEIRS.items()
}


def plan(seeds: Sequence[int]) -> list[dict]:
    """All networks of a size, the smallest size first. Nothing is random."""
    return [
        {"family": family, "model": model, "size": size}
        for size, (family, model) in product(SIZES, COUNTED)
    ]


def measure(run: dict) -> dict:
    return rounded(COUNTED[run["family"], run["model"]](run["size"]))


measurement = Measurement(
    plan,
    measure,
    seeds=(),
    minutes=4,
    quick=({"size": 64}, {"family": "Stable Diffusion's shapes"}),
    unchecked="our networks of more than 64 pixels",
    exact=("gflop_train", "gflop_draw", "gflop_pass", "gflop_decode", "parameters"),
)
