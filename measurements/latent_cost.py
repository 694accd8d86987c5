"""Count what latents save, for sizes that nobody here trains: nothing is run.

    PYTHONPATH=. python tools/measure_latent_cost.py workshop_lite/data/results/latent_cost.json

Our networks are counted by the compiler, before it optimises. Memory is what its program for a CPU
allocates beside parameters and inputs: a fourth of what a batch of four takes in training, and what
one picture takes in drawing. Attention holds all its likenesses at once. The published networks are
counted by formula, training as three passes forward, their memory not at all. A draw is 20 guided
steps, two passes each, and the decoder once. The encoder is not in the training: it sees each
picture once. Rows that the file holds already are kept. About 6 minutes on one CPU core.
"""

import sys
from itertools import product
from pathlib import Path

import jax
import jax.numpy as jnp
from flax import nnx
from published_shapes import Cost, adm, sd_decoder, sd_unet

from workshop_lite.conditioning import null_prompts
from workshop_lite.conditioning.text import LENGTH
from workshop_lite.evaluation import results
from workshop_lite.evaluation.metrics import flops
from workshop_lite.guidance import Guided
from workshop_lite.networks import Posterior
from workshop_lite.recipes import RECIPES
from workshop_lite.recipes.emoji import emoji_denoiser, prompt_loss
from workshop_lite.recipes.latent import SIZE, latent_loss
from workshop_lite.samplers import dpmpp_2m

SIZES, STEPS, PASSES, BATCH = (64, 128, 256, 512), 20, 2, 4
#: Channels, patch and autoencoder of networks that are otherwise the same.
OURS = {
    "pixels, patch 2": (3, 2, None),
    "pixels, patch 4": (3, 4, None),
    "latents, f = 4": (4, 1, "emoji-vae"),
    "latents, f = 8": (16, 1, "emoji-vae-f8"),
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
    network = {"channels": channels, "patch": patch, **SIZE}
    denoise = nnx.eval_shape(lambda: emoji_denoiser(nnx.Rngs(0), **network))
    base = [nnx.eval_shape(lambda: RECIPES[name].build(nnx.Rngs(0)))] if name else []
    side = size // base[0].factor if base else size

    def several(n: int):
        x = jax.ShapeDtypeStruct((n, side, side, channels), jnp.float32)
        return x, jax.ShapeDtypeStruct((n, LENGTH), jnp.int32)

    x, tokens = several(1)
    many, prompts = several(BATCH)
    batch = Posterior(many, many) if base else many, prompts, prompts
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


def published(size: int, network: Cost, decoder: Cost) -> dict:
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


def main(path: Path) -> None:
    rows = results.load(path.stem, path.parent) if path.exists() else []
    plan = {("ours", name): lambda size, how=how: counted(size, *how) for name, how in OURS.items()}
    theirs = {
        "latents, f = 8": lambda size: published(size, sd_unet(size // 8), sd_decoder(size)),
        "pixels": lambda size: published(size, sd_unet(size, 3, most=32), Cost()),
        "pixels, ADM": lambda size: published(size, adm(size), Cost()),
    }
    plan |= {("Stable Diffusion's shapes", name): count for name, count in theirs.items()}
    for size, (family, model) in product(SIZES, plan):
        run = {"family": family, "model": model, "size": size}
        if results.chosen(rows, **run):
            continue
        row = plan[family, model](size)
        rows.append(run | {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()})
        print(rows[-1], flush=True)
        results.save(path, rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
