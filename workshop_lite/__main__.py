"""The command line: list, train, sample and evaluate the shipped models, or retrain many."""

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from workshop_lite import checkpoints, checks, drawing, plans, samplers
from workshop_lite.conditioning import TextEncoder, null_labels, null_prompts
from workshop_lite.figures.images import mosaic
from workshop_lite.guidance import Guided
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import RECIPES, emoji_words
from workshop_lite.runs import Run, scored

SAMPLERS = {f.__name__: f for f in samplers.ALL}
#: Fixed before any of the models was trained that they are shown of.
HERO = [
    f"a {style} emoji of {thing}"
    for style, thing in zip(
        ["noto", "twemoji", "fluent", "3d fluent"] * 5,
        """a red apple,a cat face,an open book,a tropical fish,a glowing star,a sun with face,
        a blue heart,a dog face,a rocket,a palm tree,a green heart,a house,a pizza,a guitar,
        a bicycle,a rose,a hot dog,an elephant,a crown,a key""".replace("\n", "").split(","),
        strict=True,
    )
]
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
    checks.one_of("name", args.name, sorted(RECIPES))
    folder = args.resume or Path("runs") / args.name
    if args.resume is None and folder.exists():
        raise ValueError(f"folder {folder} exists; give --resume {folder} to go on, or move it")
    if args.resume is not None and not (folder / "state.safetensors").exists():
        raise ValueError(f"resume must name the folder of a run, got {folder}")
    run = Run(args.name, folder, start=args.start, batch=args.batch)
    changed = {name: getattr(args, name) for name in ("steps", "minutes", "batch", "cooldown")}
    changed = {name: value for name, value in changed.items() if value is not None}
    budget = {} if {"steps", "minutes"} & set(changed) else {"steps": run.recipe.steps}
    try:
        fitted = run.fit(**budget | changed)
    except KeyboardInterrupt:
        if not (folder / "state.safetensors").exists():
            raise  # too early
        given = {"resume": folder, "start": args.start} | changed
        flags = "".join(f" --{flag} {x}" for flag, x in given.items() if x is not None)
        sys.exit(f"\nStopped and saved. Go on with: train {args.name}{flags}")
    notes = run.save(fitted, changed)
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
    budget = {"n": args.n, "evaluations": args.evaluations, "scales": tuple(args.scales)}
    scored(args.name, args.folder, sampler=SAMPLERS[args.sampler], **budget)


def retrain(args) -> None:
    """Train a list of models within given minutes, score each, and draw what it can."""
    entries = plans.read(args.plan)
    done = plans.carried_out(entries, args.minutes, args.out, after=hero)
    if len(done) < len(entries):
        raise ValueError(
            f"minutes were enough for {len(done)} of {len(entries)} models; go on with"
            " the same command"
        )


def hero(name: str, folder: Path) -> None:
    """The same twenty prompts of every model that reads, as a PNG beside its weights."""
    model = checkpoints.load(name, folder)
    if isinstance(model, Denoiser) and isinstance(model.network.condition, TextEncoder):
        shape, shown = drawing.canvas(name, folder)
        images = drawing.drawn(model, HERO, scale=3.0, steps=15, shape=shape, shown=shown)
        Image.fromarray(mosaic(images, 5)).save(folder / f"{name}.png")


def main(argv: list[str] | None = None) -> None:
    """Read the command line and run it; a bad argument ends in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m workshop_lite", description=__doc__)
    verbs = parser.add_subparsers(
        required=True, metavar="list | train | sample | evaluate | retrain"
    )

    def verb(run, name, **options):
        sub = verbs.add_parser(name, help=run.__doc__, **options)
        sub.set_defaults(run=run)
        if run not in (train, retrain):
            help = "folder of weights and cards; default: the shipped ones"
            sub.add_argument("--folder", type=Path, default=checkpoints.FOLDER, help=help)
        if run not in (list_models, retrain):
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
    sub = verb(retrain, "retrain")
    sub.add_argument("plan", type=Path, help="a TOML file, such as plans/emoji.toml")
    sub.add_argument("--minutes", type=float, required=True, help="for all of it, scores included")
    sub.add_argument("--out", type=Path, required=True, help="folder for weights, cards, pictures")

    args = parser.parse_args(argv)
    try:
        if args.run not in (train, retrain) and not args.folder.is_dir():
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
