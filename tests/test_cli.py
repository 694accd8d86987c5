"""The command line does what it says, and bad arguments end in one sentence."""

import numpy as np
import pytest
from PIL import Image

from workshop_lite.__main__ import main


def test_list(capsys):
    """Every shipped model, with what it cost."""
    main(["list"])
    out = capsys.readouterr().out
    assert "fashion-cfg: " in out and "images seen" in out and "fashion-classifier: " in out


def test_sample_writes_a_grid(tmp_path, capsys):
    """Two labels, three columns: a picture of 2 x 3 images, not all black."""
    out = tmp_path / "grid.png"
    main(f"sample fashion-cfg --labels 1 9 --columns 3 --steps 2 --out {out}".split())
    grid = np.asarray(Image.open(out))
    assert grid.shape == (2 * 29 - 1, 3 * 29 - 1) and grid.std() > 20


def test_train_then_resume_then_sample(tmp_path, monkeypatch, capsys):
    """A run of four steps, gone on with to six, leaves weights that load."""
    monkeypatch.chdir(tmp_path)
    main("train fashion-classifier --steps 4".split())
    main("train fashion-classifier --steps 6 --resume runs/fashion-classifier".split())
    main("list --folder runs/fashion-classifier".split())
    assert "384 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sample nope", "name must be one of"),
        ("train nope", "name must be one of"),
        ("evaluate nope", "name must be one of"),
        ("train fashion-cfg --steps 0", "steps must be"),
        ("train fashion-cfg --resume nowhere", "resume must name the folder of a run"),
        ("sample fashion-cfg --labels 10", "labels must lie between 0 and 9"),
        ("sample fashion-cfg --steps 0", "steps must be"),
        ("sample fashion-cfg --scale nan", "scale must be finite"),
        ("sample fashion-cfg --columns 0", "labels must hold at least one"),
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
    with pytest.raises(SystemExit):
        main("train fashion-cfg --steps 1".split())
    assert "exists; give --resume" in capsys.readouterr().err
