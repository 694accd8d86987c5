"""Measurements: the plans are those of the committed rows, runs go on, comparisons are fair."""

import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))  # the folder is not installed

from measurements import Measurement, holding, rounded  # noqa: E402
from measurements.__main__ import MODULES, main, planned  # noqa: E402
from measurements.comparing import FLOOR, RATIO, K, compared, verdict  # noqa: E402
from workshop_lite.evaluation import results  # noqa: E402

NAMES = list(MODULES)


def score(run: dict) -> dict:
    return {"n": 100, "score": run["size"] + run["seed"] / 100}


TOY = Measurement(
    plan=lambda seeds: [{"size": size, "seed": seed} for seed in seeds for size in (1, 2)],
    measure=score,
    seeds=(0, 1, 2),
    minutes=0,
    quick=({"size": 1, "seed": 0},),
)
ROWS = [part | score(part) for part in TOY.plan(TOY.seeds)]


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder of committed results with a toy's, which is on the list; returned is its file."""
    monkeypatch.setitem(MODULES, "toy", SimpleNamespace(measurement=TOY))
    monkeypatch.setattr(results, "FOLDER", tmp_path / "committed")
    results.save(results.FOLDER / "toy.json", ROWS)
    return results.FOLDER / "toy.json"


def status(argv: list[str]) -> int:
    """How the command line ends."""
    try:
        main(argv)
    except SystemExit as end:
        return end.code
    return 0


def test_each_result_file_has_a_measurement():
    """And each measurement a file; the one on speed is the benchmark's."""
    files = {path.stem for path in results.FOLDER.glob("*.json")}
    assert files == {*NAMES, "speed"}
    modules = {path.stem for path in (ROOT / "measurements").glob("[!_]*.py")}
    assert modules == {*NAMES, "comparing", "published_shapes"}


@pytest.mark.parametrize("name", NAMES)
def test_committed_rows_are_the_planned_ones(name):
    """Each once, none besides but those that are named as past. Missing seeds are named too."""
    of, rows = MODULES[name].measurement, results.load(name)
    for part in of.plan([seed for seed in of.seeds if seed not in of.missing]):
        assert len(holding(rows, part)) == 1, f"measure {name} again: no row {part}"
    for part in of.plan(of.missing) if of.missing else ():
        assert not holding(rows, part), f"{part} is measured, so {name} misses it no more"
    keys = [*of.plan(of.seeds), *of.past]
    for row in rows:
        assert any(part.items() <= row.items() for part in keys), f"nobody plans {row}"
    for part in of.past:
        assert holding(rows, part), f"no row holds {part}"
    names = {number for row in rows for number in row}
    assert {*of.exact, *of.timed} <= names


@pytest.mark.parametrize("name", NAMES)
def test_quick_rows_are_few_and_known(name):
    """Each part that quick names is planned, and committed."""
    of = MODULES[name].measurement
    for some in of.quick:
        assert any(some.items() <= part.items() for part in of.plan(of.seeds)), some
    parts = planned(name, None, quick=True)
    assert 0 < len(parts) < len(of.plan(of.seeds))
    assert all(holding(results.load(name), part) for part in parts)


def test_list_has_them_all(capsys):
    """A name, minutes, a page at least that reads the rows, and the module's sentence."""
    main([])
    lines = capsys.readouterr().out.splitlines()
    pages = "|".join(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
    for name, module in MODULES.items():
        [at] = [i for i, line in enumerate(lines) if line.startswith(f"{name}: ")]
        minutes = f"{module.measurement.minutes} minutes on two cores"
        assert re.fullmatch(rf"{name}: {minutes}.*; read by ({pages}).*", lines[at])
        assert lines[at + 1].strip() == module.__doc__.splitlines()[0]
    assert lines[-1].endswith("python -m benchmarks")


def test_import_is_cheap():
    """It loads no data and no weights."""
    lines = [
        "from workshop_lite import checkpoints, datasets",
        "checkpoints.load = datasets.load = None",
        "import measurements.__main__",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


def test_interrupted_goes_on(shelf, monkeypatch, tmp_path):
    """Each row is kept before the next begins; what the file has is not measured again."""
    asked, stop = [], 4

    def measure(run):
        asked.append(run)
        if len(asked) == stop:
            raise KeyboardInterrupt
        return score(run)

    monkeypatch.setattr(MODULES["toy"], "measurement", replace(TOY, measure=measure))
    assert "Stopped" in status(["toy", "--out", str(tmp_path / "mine")])
    assert results.load("toy", tmp_path / "mine") == ROWS[:3]
    asked.clear()
    stop = 100
    assert status(["toy", "--out", str(tmp_path / "mine")]) == 0
    assert asked == [{"size": row["size"], "seed": row["seed"]} for row in ROWS[3:]]
    assert results.load("toy", tmp_path / "mine") == ROWS


def test_seeds_that_are_named(shelf, tmp_path):
    """Only their rows are measured, and compared with those of the committed seeds."""
    assert status(["toy", "--seeds", "1", "--out", str(tmp_path)]) == 0
    assert results.load("toy", tmp_path) == [row for row in ROWS if row["seed"] == 1]
    assert status(["toy", "--seeds", "9", "--out", str(tmp_path / "far")]) == 1


def test_all_rows_go_to_the_committed_file(shelf):
    """Without a folder, the run goes on with the committed file, and has nothing to compare."""
    results.save(shelf, ROWS[:2])
    assert status(["toy"]) == 0
    assert results.load("toy", shelf.parent) == ROWS


def test_quick_writes_nothing_unless_told(shelf, capsys, monkeypatch, tmp_path):
    """A line says what it found; numbers that moved are named, and the status tells."""
    before = shelf.read_text()
    assert status(["toy", "--quick"]) == 0
    assert capsys.readouterr().out.startswith("toy          within      2 numbers of 1 points")
    moved = replace(TOY, measure=lambda run: score(run) | {"score": 1.05}, unchecked="size 2")
    monkeypatch.setattr(MODULES["toy"], "measurement", moved)
    assert status(["toy", "--quick"]) == 1
    line, outside = capsys.readouterr().out.splitlines()
    assert "1 OUTSIDE" in line and line.endswith("not checked: size 2")
    assert outside.split() == "score 1.05, committed 1.01 ± 0.01 of 3 (size 1)".split()
    assert shelf.read_text() == before and list(tmp_path.rglob("*.json")) == [shelf]
    status(["toy", "--quick", "--out", str(tmp_path / "mine")])
    assert len(results.load("toy", tmp_path / "mine")) == 1


def off(found: dict, committed: list[dict], **options) -> dict:
    """How far each number of one row is from the committed ones."""
    part = {"size": 1, "seed": 0}
    rows = [{"size": 1, "seed": seed, **row} for seed, row in enumerate(committed)]
    checks = compared(replace(TOY, **options), [part], [part | found], rows)
    return {check.number: check.off for check in checks}


def test_room_is_the_spread_or_the_floor():
    """K deviations of the seeds; where they hardly differ, the floor; two images of n."""
    spread = [{"a": value} for value in (9.0, 10.0, 11.0)]
    assert off({"a": 10 + K}, spread) == {"a": pytest.approx(1)}
    assert off({"a": 10 - 2 * K}, spread) == {"a": pytest.approx(2)}
    assert off({"a": 10 + 20 * FLOOR}, [{"a": 10.0}]) == {"a": pytest.approx(2)}
    assert off({"a": 0.0, "n": 50}, [{"a": 0.02, "n": 50}])["a"] == pytest.approx(0.5)
    assert off({"a": -0.0}, [{"a": 0.0}]) == {"a": 0.0}


def test_nan_is_outside():
    """It compares with nothing, so it must not pass."""
    part = {"size": 1, "seed": 0}
    [check] = compared(TOY, [part], [part | {"score": math.nan}], ROWS)
    assert not check.within and "1 OUTSIDE" in verdict("toy", [check], 0.0)


def test_counts_and_words_are_the_same_or_not():
    """To the rounding of the file, whatever the floor; None is equal to None alone."""
    assert off({"a": 100.00004}, [{"a": 100.0}], exact=("a",)) == {"a": 0.0}
    assert off({"a": 100.01}, [{"a": 100.0}], exact=("a",)) == {"a": math.inf}
    assert off({"a": "no"}, [{"a": "no"}]) == {"a": 0.0}
    assert off({"a": "no"}, [{"a": "yes"}]) == off({"a": None}, [{"a": 1.0}]) == {"a": math.inf}
    assert off({"a": None}, [{"a": None}]) == {"a": 0.0}
    assert off({"a": 1.0}, [{"b": 1.0}]) == {"a": math.inf}


def test_times_are_compared_by_their_ratios():
    """A machine ten times as slow is as good; one that makes one way dearer is not."""
    parts = [{"way": way, "seed": seed} for way in "ab" for seed in (0, 1)]
    old = [{**part, "seconds": 1.0 if part["way"] == "a" else 2.0} for part in parts]
    timed = replace(TOY, timed=("seconds",))
    for dearer, verdicts in ((1, [0, 0]), (RATIO**2, [1, 1]), (RATIO**3, [1.5, 1.5])):
        new = [row | {"seconds": row["seconds"] * 10} for row in old]
        new = [r | {"seconds": r["seconds"] * dearer} if r["way"] == "b" else r for r in new]
        found = compared(timed, parts, new, old)
        assert [check.off for check in found] == pytest.approx(verdicts)
    assert compared(timed, parts[:2], old[:2], old) == []


def test_seeds_that_agree_count_once():
    """A number that no seed moves is one number."""
    parts = TOY.plan((0, 1))
    checks = compared(TOY, parts, ROWS, ROWS)
    assert [check.number for check in checks] == ["n", "score", "n", "score", "score", "score"]


def test_row_that_nobody_committed_is_outside():
    """Weights of other steps, say: their rows are to be measured."""
    part = {"size": 3, "seed": 0}
    checks = compared(TOY, [part], [part | {"score": 1.0}], ROWS)
    assert "1 OUTSIDE" in verdict("toy", checks, 0.0) and "committed none" in str(checks[0])


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["nope"], r"name must be one of \['guidance'.*got 'nope'"),
        (["toy", "--seeds", "-1"], "each seed must be a whole number of at least 0, got -1"),
        (["toy", "--seeds", "one"], "invalid int value: 'one'"),
        (["toy", "--seeds"], "expected at least one argument"),
        (["latent_cost", "--seeds", "1"], "latent_cost has no seeds"),
        (["control", "--seeds", "7"], r"seeds \[7\] have no row in control"),
        (["toy", "--quick", "--seeds", "1"], r"seeds \[1\] have no row in toy"),
        (["guidance", "--seeds", "6"], "each seed must be one of"),
        (["--seeds", "1"], "seeds want a name"),
        (["toy", "--out", __file__], "out must be a folder, got"),
    ],
)
def test_bad_arguments(argv, sentence, shelf, capsys):
    """Refused in one sentence, before anything is measured."""
    assert status(argv) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(sentence, said), said


def test_quick_leaves_the_committed_file(shelf, capsys):
    """Not even where it is named."""
    assert status(["toy", "--quick", "--out", str(shelf.parent)]) == 2
    assert "out must be another folder" in capsys.readouterr().err


def test_rounded():
    """Four decimals, of anything that is a number with a fraction."""
    numbers = {"a": np.float32(1 / 3), "b": 2, "c": None, "d": "no", "e": np.int64(3)}
    assert rounded(numbers) == {"a": 0.3333, "b": 2, "c": None, "d": "no", "e": 3.0}
    json.dumps(rounded(numbers))
