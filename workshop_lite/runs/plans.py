"""Plans: many models, one after the other, within given minutes on whatever device there is."""

import time
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from workshop_lite import checkpoints, checks, files
from workshop_lite.recipes import RECIPES
from workshop_lite.runs.run import Run
from workshop_lite.runs.scoring import scored

SCORING = 0.15  # of a model's minutes


class Entry(NamedTuple):
    """A model of a plan.

    It gets ``share`` of the minutes that are left to it and to those behind it, and its learning
    rate falls over the last ``cooldown`` of them. ``scales`` and ``n`` are for ``runs.scored``.
    """

    name: str
    share: float = 1.0
    batch: int | None = None
    cooldown: float = 0.35
    scales: tuple[float, ...] = (2.0,)
    n: int = 400


def read(path: Path) -> list[Entry]:
    """The models of a TOML file, each a ``[[model]]`` with the fields of ``Entry``; bases first.

    Raises ValueError for a file that is none, and for a field or a value that cannot be.
    """
    try:
        models = tomllib.loads(path.read_text(encoding="utf8"))["model"]
        entries = [_entry(model) for model in models]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, TypeError) as why:
        raise ValueError(
            f"plan must be a TOML file with a [[model]] for each model, got {path}: {why}"
        ) from None
    names = [entry.name for entry in entries]
    if len(set(names)) < len(names) or not names:
        raise ValueError(f"plan must name each of its models once, and at least one, got {names}")
    return _bases_first(entries)


def carried_out(
    entries: Sequence[Entry],
    minutes: float,
    out: Path,
    after: Callable[[str, Path], None] = lambda name, out: None,
) -> list[str]:
    """Train each model, save it in ``out``, score it, and call ``after(name, out)``.

    A model whose card is in ``out`` is finished, and is not touched again; one that was stopped
    goes on from its state in ``out/runs``. A base that the plan names is awaited; any other is the
    one in ``out``, else the shipped one. What goes wrong with one model is printed, and the next
    one begins. Returns the finished ones. Raises ValueError where ``out`` is in use already.
    """
    checks.number("minutes", minutes, 0)
    with files.claimed(out, "plan"):
        return _carried_out(entries, minutes, out, after)


def _carried_out(entries, minutes, out, after) -> list[str]:
    planned = {entry.name for entry in entries}
    deadline, trouble = time.monotonic() + 60 * minutes, []
    waiting = [e for e in entries if e.name not in checkpoints.names(out)]
    for done in sorted(planned - {e.name for e in waiting}):
        print(f"{done}: is there", flush=True)
    while waiting and (left := deadline - time.monotonic()) > 0:
        shares = sum(entry.share for entry in waiting)
        entry = waiting.pop(0)
        try:
            base = RECIPES[entry.name].base
            if base in planned and base not in checkpoints.names(out):
                raise ValueError(f"its base, {base}, is not there")  # another would not fit later
            _made(entry, left * entry.share / shares, out)
            after(entry.name, out)
        except Exception as why:  # whatever it is, the minutes of the others are not to be lost
            trouble.append(entry.name)
            print(f"{entry.name}: {type(why).__name__}: {checks.shown(str(why))}", flush=True)
    for name in (*(entry.name for entry in waiting), *trouble):
        print(f"{name}: {'went wrong' if name in trouble else 'no time was left'}", flush=True)
    return [name for name in checkpoints.names(out) if name in planned]


def _made(entry: Entry, seconds: float, out: Path) -> None:
    """One model: the rate stays, then falls to zero as the time runs out; saved, then scored."""
    begin = time.monotonic()
    run = Run(entry.name, out / "runs" / entry.name, home=out, bases=out, batch=entry.batch)
    training = (1 - SCORING) * seconds
    first = run.fit(minutes=0.0, bar=False, cooldown=0)  # compiles
    start = time.monotonic()
    until = begin + (1 - entry.cooldown) * training
    level = run.fit(minutes=max(until - start, 0.0) / 60, bar=False, cooldown=0)
    now = time.monotonic()
    speed = (len(level.losses) - len(first.losses)) / (now - start)
    fall = max(int(speed * (begin + training - now)), 1)
    steps = len(level.losses) + fall
    fitted = run.fit(steps=steps, bar=False, cooldown=fall)
    changed = {"steps": steps, "cooldown": fall} | run.batch
    notes = run.save(fitted, changed)
    print(
        f"{entry.name}: {notes['steps']} steps, {notes['images']:,} images, loss {notes['loss']},"
        f" {(time.monotonic() - begin) / 60:.1f} minutes",
        flush=True,
    )
    scored(entry.name, out, n=entry.n, evaluations=30, scales=entry.scales)


def _entry(model: dict) -> Entry:
    unknown = set(model) - set(Entry._fields)
    if unknown:
        raise ValueError(f"plan must give {Entry._fields} of a model, got {sorted(unknown)}")
    if "name" not in model:
        raise ValueError("plan must give each model a name")
    entry = Entry(**model | {"scales": tuple(model.get("scales", Entry._field_defaults["scales"]))})
    checks.one_of("name in plan", entry.name, sorted(RECIPES))
    checks.number(f"share of {entry.name}", entry.share, 1e-6)
    checks.number(f"cooldown of {entry.name}", entry.cooldown, 0, 0.9)
    checks.whole(f"n of {entry.name}", entry.n)
    if entry.batch is not None:
        checks.whole(f"batch of {entry.name}", entry.batch)
    for scale in entry.scales:
        checks.number(f"each of scales of {entry.name}", scale)
    return entry


def _bases_first(entries: list[Entry]) -> list[Entry]:
    """The same entries in the same order, but for a base that stood behind what needs it."""
    named, ordered = {entry.name: entry for entry in entries}, {}

    def add(name: str) -> None:
        base = RECIPES[name].base
        if base in named:
            add(base)
        ordered.setdefault(name, named[name])

    for name in named:
        add(name)
    return list(ordered.values())
