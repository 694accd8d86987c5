"""The command line: list, train, sample and evaluate the shipped models."""

import argparse
import datetime
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
from flax import nnx
from PIL import Image

from workshop_lite import checkpoints, checks, datasets, drawing, evaluation, samplers, training
from workshop_lite.conditioning import DualEncoder, TextEncoder, null_labels, null_prompts
from workshop_lite.figures.images import mosaic
from workshop_lite.guidance import Guided
from workshop_lite.networks import Autoencoder, Classifier, TinyDecoder
from workshop_lite.networks.autoencoder import latent_scale
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import RECIPES, emoji_words

SAMPLERS = {f.__name__: f for f in samplers.ALL}
ONE_LOOK = sorted(set(SAMPLERS) - {"heun"})  # network passes a step


def list_models(args) -> None:
    """One line a model: its size, and what its card says of it."""
    for name in checkpoints.names(args.folder):
        notes = checkpoints.card(name, args.folder)
        print(
            f"{name}: {notes['parameters'] / 1e6:.2f} M parameters, {notes['images']:,} images"
            f" seen in {notes['minutes']:.0f} minutes on {notes['device']}"
        )
    for name in sorted(set(RECIPES) - set(checkpoints.names(args.folder))):
        print(f"{name}: not trained yet")


def train(args) -> None:
    """Train, then write weights and card into the folder of the run."""
    if args.name not in RECIPES:
        raise ValueError(f"name must be one of {sorted(RECIPES)}, got {args.name!r}")
    recipe = RECIPES[args.name]
    folder = args.resume or Path("runs") / args.name
    if args.resume is None and folder.exists():
        raise ValueError(f"folder {folder} exists; give --resume {folder} to go on, or move it")
    if args.resume is not None and not (folder / "state.safetensors").exists():
        raise ValueError(f"resume must name the folder of a run, got {folder}")
    place = next(path for path in (folder, *folder.parents) if path.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)):
        raise ValueError(f"folder {folder} cannot be written to, for {place} cannot")
    over = args.name in checkpoints.names(folder)  # a run that came to its end before
    old = checkpoints.card(args.name, folder) if over else {}
    base = () if recipe.base is None else (checkpoints.load(recipe.base),)
    model, before = recipe.build(nnx.Rngs(0), *base), None
    if args.start is not None:
        if args.name not in checkpoints.names(args.start):
            raise ValueError(f"start must name a folder that holds {args.name}, got {args.start}")
        model, before = (f(args.name, args.start) for f in (checkpoints.load, checkpoints.card))
    rows = recipe.rows("train", *base)
    changed = {name: getattr(args, name) for name in ("steps", "minutes", "batch", "cooldown")}
    changed = {name: value for name, value in changed.items() if value is not None}
    budget = {} if {"steps", "minutes"} & set(changed) else {"steps": recipe.steps}
    run = args.name if args.batch is None else f"{args.name}, batch {args.batch}"
    try:
        fitted = training.fit(
            model,
            jax.tree_util.Partial(recipe.loss, *base),
            rows,
            directory=folder,
            recipe=run if before is None else f"{run} after {before['sha256'][:8]}",
            **recipe.options | budget | changed,
        )
    except KeyboardInterrupt:
        if not (folder / "state.safetensors").exists():
            raise  # too early
        given = {"resume": folder, "start": args.start} | changed
        flags = "".join(f" --{flag} {x}" for flag, x in given.items() if x is not None)
        sys.exit(f"\nStopped and saved. Go on with: train {args.name}{flags}")
    notes = {
        "recipe": args.name,
        "data": recipe.data,
        "data_sha256": datasets.digest(recipe.data),
        "steps": len(fitted.losses),
        "images": fitted.images,
        "minutes": round(fitted.seconds / 60, 1),
        "device": _device(),
        "date": datetime.date.today().isoformat(),
        "commit": _commit(),
        "loss": round(float(fitted.losses[-500:].mean()), 4),
    }
    if changed:
        notes["changed"] = changed  # of the recipe
    if isinstance(fitted.model, Autoencoder):
        notes["scale"] = latent_scale(fitted.model, rows[0])
        fitted.model.scale[...] = np.float32(notes["scale"])
    if base:
        notes["base"] = {"name": recipe.base, "sha256": checkpoints.card(recipe.base)["sha256"]}
    if before is not None:  # the card counts the whole way, and says where the last run began
        sums = ("steps", "images", "minutes")
        notes |= {name: round(notes[name] + before[name], 1) for name in sums}
        notes["start"] = {name: before[name] for name in (*sums, "commit", "sha256")}
    if old.get("steps") == notes["steps"] and "metrics" in old:
        notes["metrics"] = old["metrics"]  # the same weights
    checkpoints.save(args.name, fitted.model, notes, folder)
    print(f"{folder}/{args.name}.safetensors: {notes['steps']} steps, loss {notes['loss']}")


def sample(args) -> None:
    """A grid of samples, a row for each label or prompt, as a PNG."""
    denoise = checkpoints.load(args.name, args.folder)
    checks.whole("columns", args.columns)
    folder = args.out.parent
    if args.out.suffix != ".png" or args.out.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(
            f"out must be a .png file in a folder that can be written to, got {args.out}"
        )
    if not isinstance(denoise, Denoiser):
        raise ValueError(f"name must be that of a model that draws, got {args.name!r}")
    shape, shown = drawing.canvas(args.name, args.folder)
    cond, null = _wanted(denoise, args)
    images = drawing.samples(
        Guided(denoise, null, args.scale),
        denoise.schedule,
        np.repeat(cond, args.columns, axis=0),
        shape=shape,
        steps=args.steps,
        seed=args.seed,
        sampler=SAMPLERS[args.sampler],
    )
    Image.fromarray(mosaic(shown(images), args.columns)).save(args.out)
    print(f"{args.out}: {len(images)} images")


def _wanted(denoise: Denoiser, args) -> tuple:
    """What to ask a denoiser for, and the unconditional twin of such questions."""
    if isinstance(denoise.network.condition, TextEncoder):
        if not args.prompts or args.labels:
            raise ValueError(f"prompts must be given for {args.name}, and no labels")
        return emoji_words()(args.prompts), null_prompts
    if args.prompts:
        raise ValueError(f"labels must be given for {args.name}, and no prompts")
    labels = range(denoise.network.condition.n) if args.labels is None else args.labels
    return np.array(labels), null_labels


def evaluate(args) -> None:
    """Measure the model and add what comes out to its card."""
    model = checkpoints.load(args.name, args.folder)
    notes, recipe = (f(args.name, args.folder) for f in (checkpoints.card, checkpoints.recipe))
    metrics = notes.setdefault("metrics", {})
    if isinstance(model, Classifier):
        metrics.update(evaluation.classifier_report(model, recipe))
    elif isinstance(model, DualEncoder):
        metrics.update(evaluation.encoder_report(model))
    elif isinstance(model, Autoencoder | TinyDecoder):
        ae = checkpoints.base(args.name, args.folder) or model
        metrics.update(evaluation.reconstruction_report(ae, model, recipe))
    elif not isinstance(model, Denoiser):
        raise ValueError(
            f"name must be that of a denoiser, a decoder or a judge, got {args.name!r}"
        )
    elif isinstance(model.network.condition, TextEncoder):
        n, steps = min(args.n, 400), args.evaluations // 2  # of two passes
        canvas = drawing.canvas(args.name, args.folder)
        report = evaluation.prompt_report(model, args.scales, n, steps, *canvas)
        metrics.setdefault(f"N={n}, {args.evaluations} evaluations", {}).update(report)
    else:
        sampler, budget = SAMPLERS[args.sampler], (args.n, args.evaluations)
        report = evaluation.denoiser_report(model, recipe, args.scales, *budget, sampler)
        budget = f"N={args.n}, {args.evaluations} evaluations"
        budget += "" if args.sampler == "dpmpp_2m" else f" of {args.sampler}"
        metrics.setdefault(budget, {}).update(report)
    checkpoints.write_card(args.name, notes, args.folder)


def _device() -> str:
    """What the training ran on, in words."""
    if jax.default_backend() == "cpu":
        return f"{os.cpu_count()} CPU cores"
    return f"{jax.device_count()} x {jax.devices()[0].device_kind}"


def _commit() -> str:
    """The revision of the source tree, if there is one."""
    call = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(call, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def main(argv: list[str] | None = None) -> None:
    """Read the command line and run it; a bad argument ends in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m workshop_lite", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="list | train | sample | evaluate")

    def verb(run, name, **options):
        sub = verbs.add_parser(name, help=run.__doc__, **options)
        sub.set_defaults(run=run)
        if run is not train:
            help = "folder of weights and cards; default: the shipped ones"
            sub.add_argument("--folder", type=Path, default=checkpoints.FOLDER, help=help)
        if run is not list_models:
            sub.add_argument("name", help="of the model, as list prints it")
        return sub

    verb(list_models, "list")
    sub = verb(train, "train")
    sub.add_argument("--steps", type=int, help="in all; default: the recipe's")
    sub.add_argument("--minutes", type=float, help="of this call")
    sub.add_argument("--batch", type=int, help="images a step; default: the recipe's")
    help = "steps at the end over which the rate falls to 0; default: the recipe's"
    sub.add_argument("--cooldown", type=int, help=help)
    sub.add_argument("--resume", type=Path, metavar="DIR", help="folder of a run to go on with")
    help = "folder of weights and card to begin with; default: fresh weights"
    sub.add_argument("--start", type=Path, metavar="DIR", help=help)
    sub = verb(sample, "sample")
    sub.add_argument("--labels", type=int, nargs="+", help="default: all")
    sub.add_argument("--prompts", nargs="+", help="for a model that reads, such as emoji-text")
    sub.add_argument("--columns", type=int, default=8, help="images a label or prompt")
    sub.add_argument("--scale", type=float, default=2.0)
    sub.add_argument("--steps", type=int, default=25)
    sub.add_argument("--seed", type=int, default=0)
    sub.add_argument("--sampler", choices=SAMPLERS, default="dpmpp_2m")
    sub.add_argument("--out", type=Path, default=Path("samples.png"))
    sub = verb(evaluate, "evaluate")
    sub.add_argument("--n", type=int, default=5000, help="images a scale; 400 at most of prompts")
    sub.add_argument("--evaluations", type=int, default=50, help="network passes an image")
    sub.add_argument("--sampler", choices=ONE_LOOK, default="dpmpp_2m")
    sub.add_argument("--scales", type=float, nargs="+", default=[1.0, 1.5, 2.0, 4.0])

    args = parser.parse_args(argv)
    try:
        if args.run is not train and not args.folder.is_dir():
            raise ValueError(f"folder must be one that exists, got {args.folder}")
        args.run(args)
        sys.stdout.flush()
    except ValueError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        sys.exit("\nStopped.")
    except BrokenPipeError:  # nobody reads on, as in list | head; and Python must not try again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
