"""Measure what is too long for a page, or check quickly that it still holds.

    python -m measurements                               what there is
    python -m measurements NAME [--seeds 0 1 2]          measure all rows; what the file has is kept
    python -m measurements [NAME ...] --quick            measure a few again, compare them all

A run that was interrupted goes on where it stopped. ``--quick`` writes nothing, so that each time
measures afresh, unless ``--out`` names a folder.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from measurements import (
    Measurement,
    autoencoder,
    control,
    convergence,
    cost,
    encoders,
    guidance,
    holding,
    joint,
    latent,
    latent_cost,
    noise,
    routes,
    samplers,
    schedules,
    text,
    training,
    watched,
)
from measurements.comparing import compared, verdict
from workshop_lite import checks
from workshop_lite.evaluation import results

MODULES = {
    module.__name__.removeprefix("measurements."): module
    for module in (
        *(guidance, cost, training, watched),  # chapter 1
        *(text, encoders, control, convergence, routes),  # 2
        *(schedules, samplers),  # 3
        *(autoencoder, latent, latent_cost, joint),  # 4
        noise,  # the appendix
    )
}

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def listed() -> str:
    """Two lines for each: its name, what it needs and which notebooks read it; what it is."""
    lines = []
    texts = {path.stem: path.read_text(encoding="utf8") for path in NOTEBOOKS.glob("*.ipynb")}
    for name, module in MODULES.items():
        of, read = module.measurement, f'results.load(\\"{name}\\")'
        needs = f"{of.minutes} minutes on two cores" + (", better on a GPU" if of.gpu else "")
        pages = ", ".join(sorted(stem for stem, text in texts.items() if read in text))
        lines += [f"{name}: {needs}; read by {pages}", f"    {module.__doc__.splitlines()[0]}"]
    return "\n".join([*lines, "speed: measured by python -m benchmarks"])


def planned(name: str, seeds: list[int] | None, quick: bool) -> list[dict]:
    """The rows to measure. Raises ValueError for seeds that have none."""
    of: Measurement = MODULES[name].measurement
    for seed in seeds or ():
        checks.seed("each seed", seed)
    if seeds and not of.seeds:
        raise ValueError(f"{name} has no seeds, for nothing in it is random")
    parts = of.plan(of.seeds if seeds is None else tuple(seeds))
    if quick:
        parts = [part for part in parts if any(some.items() <= part.items() for some in of.quick)]
    if not parts:
        raise ValueError(f"seeds {seeds} have no row in {name}, whose seeds are {of.seeds}")
    return parts


def filled(of: Measurement, parts: list[dict], rows: list[dict], keep: Callable) -> list[dict]:
    """The rows, and behind them those of ``parts`` that were not there; each is kept at once."""
    rows = list(rows)
    for part in parts:
        if not holding(rows, part):
            rows.append(part | of.measure(part))
            keep(rows)
    return rows


def carried_out(name: str, parts: list[dict], folder: Path | None) -> bool:
    """Measure, say how it compares with the committed rows, and whether all lies within."""
    of, begin = MODULES[name].measurement, time.perf_counter()
    path = None if folder is None else folder / f"{name}.json"

    def keep(rows):
        if path is not None:
            print(rows[-1], flush=True)
            results.save(path, rows)

    there = [] if path is None or not path.exists() else results.load(name, folder)
    rows = filled(of, parts, there, keep)
    if folder == results.FOLDER.resolve():
        return True
    found = compared(of, parts, rows, results.load(name, results.FOLDER))
    print(verdict(name, found, time.perf_counter() - begin, of.unchecked), flush=True)
    return all(check.within for check in found)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m measurements", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="default with --quick: all")
    parser.add_argument("--seeds", type=int, nargs="+", help="default: those of the page")
    parser.add_argument(
        "--quick", action="store_true", help="few rows, compared with the committed"
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="default: the committed results")
    args = parser.parse_args(argv)
    listing = not (args.names or args.quick or args.seeds or args.out)
    try:
        if not (args.names or args.quick or listing):
            raise ValueError("seeds want a name to run, and so does out")
        for name in args.names:
            checks.one_of("name", name, list(MODULES))
        folder = None if args.out is None else args.out.resolve()
        if folder is not None and folder.exists() and not folder.is_dir():
            raise ValueError(f"out must be a folder, got {args.out}")
        if args.quick and folder == results.FOLDER.resolve():
            raise ValueError("out must be another folder than that of the committed results")
        folder = folder if args.quick else folder or results.FOLDER.resolve()
        names = [] if listing else args.names or MODULES
        parts = {name: planned(name, args.seeds, args.quick) for name in names}
    except ValueError as error:
        parser.error(str(error))
    try:
        if listing:
            print(listed(), flush=True)
        within = [carried_out(name, of, folder) for name, of in parts.items()]
    except KeyboardInterrupt:
        sys.exit("\nStopped. What was measured is kept where a folder is; run it again to go on.")
    except BrokenPipeError:  # nobody reads on, as in | head; and Python must not try again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if not all(within):
        sys.exit(1)


if __name__ == "__main__":
    main()
