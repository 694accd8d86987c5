"""Score the models that draw 64 pixels at several stops of their training, and time them.

    PYTHONPATH=. python tools/measure_latent.py workshop_lite/data/results/latent.json STATES
    PYTHONPATH=. python tools/measure_latent.py workshop_lite/data/results/latent.json --time

STATES is a folder with copies of the states that ``training.fit`` saved on the way, each named
MODEL-STEPS.safetensors; the last of a model is the trained one. Rows that the file holds already
are kept. About 20 minutes on one CPU core. ``--time`` adds what a step and a picture cost; it wants
one idle core to itself. Rows of kind "cost" are from before CPUs filtered tiles, as the models were
trained.
"""

import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from safetensors import safe_open

from workshop_lite import checkpoints, datasets, drawing, evaluation
from workshop_lite.conditioning import null_prompts
from workshop_lite.evaluation import PromptJudge, metrics, results
from workshop_lite.guidance import Guided
from workshop_lite.networks import autoencoder
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import RECIPES, emoji_words
from workshop_lite.samplers import dpmpp_2m

MODELS = ("emoji-pixel64", "emoji-latent", "emoji-latent-f8")
N, STEPS, SCALE, SEEDS, ROUNDS = 400, 12, 4.0, (0, 1, 2), 7


def averaged(path: Path, name: str) -> Denoiser:
    """The averaged model in a saved state, which holds a step, the model and the average."""
    model = RECIPES[name].build(nnx.Rngs(0))
    leaves, tree = jax.tree.flatten(model)
    with safe_open(path, "np") as file:
        saved = [file.get_tensor(f"{1 + len(leaves) + i:04d}") for i in range(len(leaves))]
    return jax.tree.unflatten(tree, [jnp.asarray(leaf) for leaf in saved])


def canvas(name: str) -> tuple:
    """The shape that a model draws in, and what makes pictures of that."""
    base = RECIPES[name].base
    if base is None:
        return (64, 64, 3), lambda x: x
    ae = checkpoints.load(base)
    shape = (64 // ae.factor, 64 // ae.factor, ae.latent)
    return shape, lambda z: autoencoder.decoded(ae, z / float(ae.scale[...]))


def score(rows: list[dict], path: Path, folder: Path) -> None:
    """A row for each saved state, three for the last of a model, and the yardsticks."""
    emoji = datasets.load("emoji", "test", 64)
    small = evaluation.emoji_judge()
    train = datasets.load("emoji", "train", 64).images
    large = PromptJudge(small.encoder, datasets.signed(train))

    def found(images, captions) -> dict:
        images = np.clip(images, -1, 1)
        row = small(images, emoji_words()(captions))._asdict()
        row["frechet32"] = row.pop("frechet")
        row["frechet64"] = metrics.frechet(large.real, large.seen(images)[0])
        return {name: round(float(value), 4) for name, value in row.items()}

    def asked(seed: int) -> tuple[np.ndarray, list[str]]:
        which = evaluation.hundreds(emoji, N, seed)
        return datasets.signed(emoji.images[which]), [datasets.captions(emoji)[i] for i in which]

    if not results.chosen(rows, kind="yardstick"):
        real, captions = asked(0)
        named = metrics.yardsticks(real)
        for name in ("emoji-vae", "emoji-vae-f8"):
            ae = checkpoints.load(name)
            z = autoencoder.encoded(ae, emoji.images[evaluation.hundreds(emoji, N, 0)]).mean
            named[name] = autoencoder.decoded(ae, z)
        for name, images in named.items():
            rows.append({"kind": "yardstick", "name": name, **found(images, captions)})
            print(rows[-1], flush=True)
    for name in MODELS:
        paths = sorted(folder.glob(f"{name}-0*.safetensors"))
        for place in paths:
            model, (shape, shown) = averaged(place, name), canvas(name)
            for seed in SEEDS if place == paths[-1] else SEEDS[:1]:
                run = {"kind": "stop", "model": name, "steps": int(place.stem[-5:]), "seed": seed}
                if any(run.items() <= row.items() for row in rows):
                    continue
                captions = asked(seed)[1]
                how = {"scale": SCALE, "steps": STEPS, "seed": seed, "shape": shape}
                images = drawing.drawn(model, captions, shown=shown, **how)
                rows.append({**run, **found(images, captions)})
                print(rows[-1], flush=True)
                results.save(path, rows)


def seconds(run, *inputs) -> float:
    """The median time of a compiled call."""
    taken = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        jax.block_until_ready(run(*inputs))
        taken.append(time.perf_counter() - begin)
    return float(np.median(taken[1:]))


def price(rows: list[dict], images: int = 64, drawn: int = 16) -> None:
    """A row for each model: a training step, a guided draw of 20 steps, the decoder."""
    tokens = jnp.asarray(emoji_words()(["a noto emoji of a cat face"] * images))
    key = jax.random.key(0)
    for name in MODELS:
        recipe, model = RECIPES[name], RECIPES[name].build(nnx.Rngs(0))
        base = [] if recipe.base is None else [checkpoints.load(recipe.base)]
        few = [part[:images] for part in jax.tree.leaves(recipe.rows("test", *base))]
        batch = jax.tree.unflatten(jax.tree.structure(recipe.rows("test", *base)), few)
        loss = jax.tree_util.Partial(recipe.loss, *base)
        descent = recipe.options["optimizer"](lambda step: 1e-3)

        def step(model, state, batch, key, loss=loss, descent=descent):
            gradient = jax.grad(loss)(model, batch, key)
            update, state = descent.update(gradient, state, model)
            return optax.apply_updates(model, update), state

        shape = (64, 64, 3) if not base else (64 // base[0].factor,) * 2 + (base[0].latent,)

        def draw(model, base, noise, tokens):
            guided = Guided(model, null_prompts, SCALE)
            x0 = dpmpp_2m(guided, model.schedule, noise, tokens, steps=20)[0]
            return base[0].decode(x0 / base[0].scale[...]) if base else x0

        noise = jax.random.normal(key, (drawn, *shape))
        calls = {"train": (jax.jit(step), (model, descent.init(model), batch, key))}
        calls["draw"] = jax.jit(draw), (model, base, noise, tokens[:drawn])
        if base:
            calls["decode"] = jax.jit(lambda ae, z: ae.decode(z)), (base[0], noise)
        row = {"kind": "cost, tiles", "model": name, "images": images, "drawn": drawn, "steps": 20}
        for part, (function, inputs) in calls.items():
            program = function.lower(*inputs).compile()
            row[f"seconds_{part}"] = round(seconds(program, *inputs), 4)
            row[f"MiB_{part}"] = round(program.memory_analysis().temp_size_in_bytes / 2**20, 1)
        rows.append(row)
        print(row, flush=True)


def main(path: Path, *rest: str) -> None:
    rows = results.load(path.stem, path.parent) if path.exists() else []
    if "--time" in rest:
        rows = [row for row in rows if row["kind"] != "cost, tiles"]
        price(rows)
        results.save(path, rows)
    else:
        score(rows, path, Path(rest[0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
