"""The command line does what it says, and bad arguments end in one sentence."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from workshop_lite import checkpoints, training
from workshop_lite.__main__ import main
from workshop_lite.runs import claimed

ROOT = Path(__file__).parent.parent


def test_list(capsys):
    """Every shipped model, with what it cost."""
    main(["list"])
    out = capsys.readouterr().out
    assert "fashion-cfg: " in out and "images seen" in out and "fashion-classifier: " in out


@pytest.mark.parametrize("sampler", ["dpmpp_2m", "ddpm"])
def test_sample_writes_a_grid(tmp_path, capsys, sampler):
    """Two labels, three columns: a picture of 2 x 3 images, not all black."""
    out = tmp_path / "grid.png"
    line = f"sample fashion-cfg --labels 1 9 --columns 3 --steps 2 --sampler {sampler} --out {out}"
    main(line.split())
    grid = np.asarray(Image.open(out))
    assert grid.shape == (2 * 29 - 1, 3 * 29 - 1) and grid.std() > 20


def test_sample_shows_every_family_of_notes(tmp_path, capsys):
    """Size and number of the pictures are those of the model's own data."""
    out = tmp_path / "grid.png"
    main(f"sample notes-cfg --columns 1 --steps 1 --out {out}".split())
    assert np.asarray(Image.open(out)).shape == (14 * 33 - 1, 32)


def test_train_then_resume_then_list(tmp_path, monkeypatch, capsys):
    """A run of four steps, gone on with to six, leaves weights that load, and one log.

    Resuming a run that is over keeps the weights, and so what was measured of them.
    """
    monkeypatch.chdir(tmp_path)
    name, folder = "notes-classifier", Path("runs/notes-classifier")
    scores = {"test_accuracy": 0.5}
    main(f"train {name} --steps 4 --watch 0".split())
    checkpoints.write_card(name, {**checkpoints.card(name, folder), "metrics": scores}, folder)
    main(f"train {name} --steps 4 --resume {folder}".split())
    assert checkpoints.card(name, folder)["metrics"] == scores
    main(f"train {name} --steps 6 --resume {folder} --watch 0".split())
    assert "metrics" not in checkpoints.card(name, folder)
    rows = [json.loads(line) for line in (folder / "watched.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [4, 6] and rows[0]["held-out loss"] > 0
    main(f"list --folder {folder}".split())
    assert "384 images" in capsys.readouterr().out


def test_what_ctrl_c_says_can_be_typed(tmp_path, monkeypatch, capsys):
    """The line that tells how to go on names all that was given, and goes on."""
    monkeypatch.chdir(tmp_path)
    fit = training.fit

    def stopped(*args, **options):
        fit(*args, **options | {"steps": 2})
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "fit", stopped)
    with pytest.raises(SystemExit) as stop:
        main("train notes-classifier --steps 3 --batch 4".split())
    monkeypatch.setattr(training, "fit", fit)
    main(str(stop.value.code).partition("Go on with: ")[2].split())
    card = checkpoints.card("notes-classifier", Path("runs/notes-classifier"))
    assert (card["steps"], card["images"]) == (3, 12)


def test_a_run_needs_a_place(tmp_path, monkeypatch, capsys):
    """A file where the folder of runs should be is noticed before training, not after."""
    monkeypatch.chdir(tmp_path)
    Path("runs").write_text("not a folder")
    with pytest.raises(SystemExit):
        main("train notes-classifier --steps 1 --batch 2".split())
    assert (
        "folder must be one that can be written to, got 'runs/notes-classifier'"
        in capsys.readouterr().err
    )


def test_a_reader_who_leaves_is_no_error():
    """As in ``list | head -1``."""
    call = f"{sys.executable} -m workshop_lite list | head -1"
    done = subprocess.run(call, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("\n") == 1


def test_the_card_says_what_was_changed(tmp_path, monkeypatch):
    """A batch and a cooldown of one's own are taken and stand on the card; the batch stays."""
    monkeypatch.chdir(tmp_path)
    main("train notes-classifier --steps 3 --batch 32 --cooldown 2".split())
    card = checkpoints.card("notes-classifier", Path("runs/notes-classifier"))
    assert card["changed"] == {"steps": 3, "batch": 32, "cooldown": 2} and card["images"] == 96
    with pytest.raises(SystemExit):
        main("train notes-classifier --steps 4 --resume runs/notes-classifier".split())


def test_train_further(tmp_path, monkeypatch, capsys):
    """A run that starts from trained weights counts theirs too, and resumes only with them."""
    monkeypatch.chdir(tmp_path)
    main("train notes-classifier --steps 4".split())
    Path("runs/notes-classifier").rename("first")
    main("train notes-classifier --steps 2 --start first".split())
    before = checkpoints.card("notes-classifier", Path("first"))
    after = checkpoints.card("notes-classifier", Path("runs/notes-classifier"))
    assert (after["steps"], after["images"]) == (6, 384)
    assert after["start"]["sha256"] == before["sha256"] != after["sha256"]
    with pytest.raises(SystemExit):
        main("train notes-classifier --steps 3 --resume runs/notes-classifier".split())
    assert "directory holds the state of recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sample nope", "name must be one of"),
        ("train nope", "name must be one of"),
        ("evaluate nope", "name must be one of"),
        ("train fashion-classifier --steps 0", "steps must be"),
        ("train fashion-classifier --batch 0", "batch must be"),
        ("train fashion-classifier --cooldown -1", "cooldown must be"),
        ("train fashion-cfg --resume nowhere", "resume must name the folder of a run"),
        ("train fashion-cfg --start nowhere", "start must name a folder that holds fashion-cfg"),
        ("sample fashion-cfg --labels 10", "labels must lie between 0 and 9"),
        ("sample fashion-cfg --steps 0", "steps must be"),
        ("sample fashion-cfg --scale nan", "scale must be finite"),
        ("sample fashion-cfg --columns 0", "columns must be a whole number of at least 1, got 0"),
        ("sample fashion-cfg --columns -1", "columns must be a whole number of at least 1, got -1"),
        ("sample fashion-cfg --labels 4294967297", "labels must lie between 0 and 9"),
        ("sample fashion-cfg --out grid.jpg", "out must be a .png file in a folder that can be"),
        ("sample fashion-cfg --out nowhere/grid.png", "out must be a .png file in a folder that"),
        ("list --folder nowhere", "folder must be one that exists, got nowhere"),
        ("sample fashion-cfg --prompts apple", "labels must be given for fashion-cfg"),
        ("sample fashion-classifier", "name must be that of a model that draws"),
        ("evaluate fashion-cfg --n 0", "n must be a whole number of at least 4"),
    ],
)
def test_bad_arguments(line, message, tmp_path, monkeypatch, capsys):
    """One sentence on stderr, exit code 2."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_a_run_is_never_overwritten(tmp_path, monkeypatch, capsys):
    """Training into a folder that exists is refused without --resume."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "fashion-cfg").mkdir(parents=True)
    (tmp_path / "runs" / "fashion-cfg" / "notes.txt").write_text("mine")
    with pytest.raises(SystemExit):
        main("train fashion-cfg --steps 1".split())
    assert "exists; give --resume" in capsys.readouterr().err


def test_the_second_of_two_runs_is_refused(tmp_path, monkeypatch, capsys):
    """Started at once, one has the folder, from before its first step to its last file."""
    monkeypatch.chdir(tmp_path)
    with claimed(Path("runs/notes-classifier")), pytest.raises(SystemExit):
        main("train notes-classifier --steps 1".split())
    assert "in use by another run" in capsys.readouterr().err


def test_a_terminal_without_accents(monkeypatch):
    """What it cannot show it shows in another way."""
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
    main(["list"])
    print("Fréchet")
    sys.stdout.flush()
    assert b"Fr\\xe9chet" in sys.stdout.buffer.getvalue()
