"""The command line: list, train, sample, evaluate and share models, shipped or your own."""

import argparse
import os
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from workshop_lite import checkpoints, checks, drawing, samplers
from workshop_lite.architectures import reader
from workshop_lite.conditioning import TextEncoder
from workshop_lite.figures.images import mosaic
from workshop_lite.guidance import Guided
from workshop_lite.predictions import Denoiser
from workshop_lite.recipes import RECIPES, of_folder
from workshop_lite.recipes.emoji import HERO
from workshop_lite.runs import Run, claimed, plans, scored
from workshop_lite.sharing import cards, exporting
from workshop_lite.training import Look

RUNS = Path("runs")  # where training puts what it makes
SAMPLERS = {f.__name__: f for f in samplers.ALL}
ONE_LOOK = sorted(set(SAMPLERS) - {"heun"})  # network passes a step


def list_models(args) -> None:
    """One line a model: its size, and what its card says of it."""
    folders = [args.folder] if args.folder else [checkpoints.FOLDER, *sorted(RUNS.glob("*/"))]
    there = [(name, folder) for folder in folders for name in checkpoints.names(folder)]
    for name, folder in there:
        notes = checkpoints.card(name, folder)
        line = f"{name}: {notes['parameters'] / 1e6:.2f} M parameters"
        line += " for {} x {} x {}".format(*notes["shape"])
        if {"images", "minutes", "device"} <= set(notes):
            line += f", {notes['images']:,} images seen in {notes['minutes']:.0f} minutes"
            line += f" on {notes['device']}"
        print(line if folder == checkpoints.FOLDER else f"{line}, in {folder}")
    for name in sorted(set(RECIPES) - {name for name, _ in there}):
        print(f"{name}: not trained yet")


def train(args) -> None:
    """Train, then write weights and card into the folder of the run."""
    if args.data is not None:
        args.name, RECIPES[args.name] = of_folder(args.data, args.name, args.like, args.size)
    checks.one_of("name", args.name, sorted(RECIPES))
    folder = args.resume or RUNS / args.name
    with claimed(folder, resume=args.resume is not None):
        _trained(args, folder)


def _trained(args, folder: Path) -> None:
    """What ``train`` does in a folder that is its own."""
    run = Run(args.name, folder, start=args.start, batch=args.batch)
    changed = {name: getattr(args, name) for name in ("steps", "minutes", "batch", "cooldown")}
    changed = {name: value for name, value in changed.items() if value is not None}
    budget = {} if {"steps", "minutes"} & set(changed) else {"steps": run.recipe.steps}
    watch = None
    if args.watch is not None:
        painted = lambda images, columns: Image.fromarray(mosaic(images, columns))  # noqa: E731
        watch = run.watch(args.watch, painted, tuple(args.scales))
    try:
        fitted = run.fit(**budget | changed, watch=watch, changed=tuple(args.changed))
    except KeyboardInterrupt:
        if not (folder / "state.safetensors").exists():
            raise  # too early
        given = {"resume": folder, "start": args.start} | changed
        given |= {name: getattr(args, name) for name in ("data", "like", "size", "watch")}
        given |= {} if watch is None else {"scales": " ".join(f"{s:g}" for s in args.scales)}
        flags = "".join(f" --{flag} {x}" for flag, x in given.items() if x is not None)
        sys.exit(f"\nStopped and saved. Go on with: train {args.name}{flags}")
    notes = run.save(fitted, changed)
    print(f"{folder}/{args.name}.safetensors: {notes['steps']} steps, loss {notes['loss']}")
    if watch is not None:
        steps, loss = len(fitted.losses), float(fitted.losses[-50:].mean())
        watch.now(Look(steps, loss, fitted.last, fitted.model))
        told = ", ".join(f"{name} {value:g}" for name, value in watch.rows[-1].items())
        print(f"{watch.log}: {len(watch.rows)} looks, at the end {told}")


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
    classes = checkpoints.card(args.name, args.folder).get("classes", ())
    cond, null = drawing.asked(denoise, args.name, classes, args.labels, args.prompts)
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


def evaluate(args) -> None:
    """Measure the model and add what comes out to its card."""
    budget = {"n": args.n, "evaluations": args.evaluations, "scales": tuple(args.scales)}
    scored(args.name, args.folder, sampler=SAMPLERS[args.sampler], **budget)


def card(args) -> None:
    """A folder to share: the weights, their card, and a README as hubs of models read it."""
    out = args.out or (Path(args.name) if args.folder == checkpoints.FOLDER else args.folder)
    cards.shared(args.name, args.folder, out, args.license)
    print(f"{out}/README.md: beside {args.name}.safetensors and {args.name}.json")


def export(args) -> None:
    """One file that runs without this package: the denoiser, for batches of any size."""
    denoise = checkpoints.load(args.name, args.folder)
    if not isinstance(denoise, Denoiser) or reader(denoise) is None:
        raise ValueError(f"name must be that of a model that draws, got {args.name!r}")
    told = reader(denoise)
    cond = np.zeros((1, told.length) if isinstance(told, TextEncoder) else 1, np.int32)
    shape, _ = drawing.canvas(args.name, args.folder)
    exporting.save(args.out, exporting.exported(denoise, shape, cond))
    print(f"{args.out}: call(xt [b, {', '.join(map(str, shape))}], t [b], cond) -> x0")


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
    if isinstance(model, Denoiser) and isinstance(reader(model), TextEncoder):
        shape, shown = drawing.canvas(name, folder)
        images = drawing.drawn(model, HERO, scale=3.0, steps=15, shape=shape, shown=shown)
        Image.fromarray(mosaic(images, 5)).save(folder / f"{name}.png")


def _home(args) -> Path | None:
    """The folder of a model, found by its name unless one is given; None to list all there are."""
    if args.folder is not None and not args.folder.is_dir():
        raise ValueError(f"folder must be one that exists, got {args.folder}")
    if args.folder is not None or args.run is list_models:
        return args.folder
    own = args.name not in checkpoints.names() and args.name in checkpoints.names(RUNS / args.name)
    return RUNS / args.name if own else checkpoints.FOLDER


def main(argv: list[str] | None = None) -> None:
    """Read the command line and run it; a bad argument ends in one sentence."""
    parser = argparse.ArgumentParser(prog="python -m workshop_lite", description=__doc__)
    verbs = parser.add_subparsers(
        required=True, metavar="list | train | sample | evaluate | card | export | retrain"
    )

    def verb(run, name, **options):
        sub = verbs.add_parser(name, help=run.__doc__, **options)
        sub.set_defaults(run=run)
        if run not in (train, retrain):
            help = "folder of weights and cards; default: the shipped ones, then runs/NAME"
            sub.add_argument("--folder", type=Path, help=help)
        if run not in (list_models, retrain):
            optional = {"nargs": "?"} if run is train else {}
            sub.add_argument("name", help="of the model, as list prints it", **optional)
        return sub

    verb(list_models, "list")
    sub = verb(train, "train")
    help = "folder of pictures of your own; the model is called like it unless a name is given"
    sub.add_argument("--data", type=Path, metavar="DIR", help=help)
    help = "the recipe for --data; default: fashion-cfg, or emoji-pixel64 where there are captions"
    sub.add_argument("--like", metavar="NAME", help=help)
    sub.add_argument("--size", help="of the pictures of --data, 32 or 48x40; default: 32")
    sub.add_argument("--steps", type=int, help="in all; default: the recipe's")
    sub.add_argument("--minutes", type=float, help="of this call")
    sub.add_argument("--batch", type=int, help="images a step; default: the recipe's")
    help = "steps at the end over which the rate falls to 0; default: the recipe's"
    sub.add_argument("--cooldown", type=int, help=help)
    sub.add_argument("--resume", type=Path, metavar="DIR", help="folder of a run to go on with")
    help = "folder of weights and card to begin with; default: fresh weights"
    sub.add_argument("--start", type=Path, metavar="DIR", help=help)
    help = "look at held-out loss, scores and pictures every so many seconds, and keep them"
    sub.add_argument("--watch", type=float, metavar="SECONDS", help=help)
    help = "guidance scales to look at; default: 1 2 4"
    sub.add_argument("--scales", type=float, nargs="+", default=[1.0, 2.0, 4.0], help=help)
    help = "what a resumed run may have other than before: data, loss, optimizer, ..."
    sub.add_argument("--changed", nargs="+", default=[], metavar="TERM", help=help)
    sub = verb(sample, "sample")
    sub.add_argument("--labels", nargs="+", help="numbers or names of classes; default: all")
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
    sub = verb(card, "card")
    sub.add_argument("--license", metavar="ID", help="such as mit; default: that of the notes")
    help = "default: the model's own folder; for a shipped one, a new one of its name"
    sub.add_argument("--out", type=Path, metavar="DIR", help=help)
    sub = verb(export, "export")
    sub.add_argument("--out", type=Path, required=True, metavar="FILE")
    sub = verb(retrain, "retrain")
    sub.add_argument("plan", type=Path, help="a TOML file, such as plans/emoji.toml")
    sub.add_argument("--minutes", type=float, required=True, help="for all of it, scores included")
    sub.add_argument("--out", type=Path, required=True, help="folder for weights, cards, pictures")

    args = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):  # a terminal that lacks é says \\xe9, and goes on
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        if args.run not in (train, retrain):
            args.folder = _home(args)
        with warnings.catch_warnings():
            warnings.showwarning = lambda said, *_: print(said, file=sys.stderr)
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
