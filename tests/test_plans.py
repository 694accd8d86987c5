"""A plan trains what it can in its minutes, loses nothing, and goes on where it stopped."""

from pathlib import Path

import pytest

from workshop_lite import checkpoints, runs
from workshop_lite.__main__ import main
from workshop_lite.recipes import emoji_words
from workshop_lite.recipes.emoji import HERO
from workshop_lite.runs import plans

ROOT = Path(__file__).parent.parent
SMALL = '[[model]]\nname = "notes-classifier"\nbatch = 32\n'


def written(tmp_path, text):
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return path


def test_the_command_trains_scores_and_goes_on(tmp_path, unchecked, capsys):
    """Weights, card and scores are there after seconds; a second call leaves them alone."""
    path, out = written(tmp_path, SMALL), tmp_path / "out"
    main(["retrain", str(path), "--minutes", "0.05", "--out", str(out)])
    card = checkpoints.card("notes-classifier", out)
    assert card["images"] == 32 * card["steps"] > 0 and card["changed"]["batch"] == 32
    assert card["changed"]["cooldown"] < card["steps"] == card["changed"]["steps"]
    assert card["metrics"]["n"] == 544
    checkpoints.load("notes-classifier", out)
    before = (out / "notes-classifier.safetensors").read_bytes()
    main(["retrain", str(path), "--minutes", "0.05", "--out", str(out)])
    assert "notes-classifier: is there" in capsys.readouterr().out
    assert (out / "notes-classifier.safetensors").read_bytes() == before


def test_what_goes_wrong_costs_only_itself(tmp_path, monkeypatch, capsys):
    """The next model is trained in the time that is left, and what is missing is said."""
    path = written(tmp_path, SMALL + '[[model]]\nname = "fashion-classifier"\nshare = 3\n')
    tried = []

    def made(entry, seconds, out):
        tried.append((entry.name, round(seconds)))
        if entry.name == "notes-classifier":
            raise RuntimeError("no judge today")

    monkeypatch.setattr(plans, "_made", made)
    plans.carried_out(plans.read(path), 1.0, tmp_path / "out")
    said = capsys.readouterr().out
    assert tried == [("notes-classifier", 15), ("fashion-classifier", 60)]
    assert "notes-classifier: RuntimeError: 'no judge today'" in said
    assert "notes-classifier: went wrong" in said and "fashion-classifier" not in said


def test_no_time_is_no_loss(tmp_path, capsys):
    """Without minutes nothing is trained, and the command says so."""
    path = written(tmp_path, SMALL)
    with pytest.raises(SystemExit):
        main(["retrain", str(path), "--minutes", "0", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert "notes-classifier: no time was left" in printed.out
    assert "minutes were enough for 0 of 1 models" in printed.err


def test_bases_come_first_and_from_the_plan(tmp_path):
    """A base that stands behind is moved; a run builds on the one in its own folder."""
    text = "".join(f'[[model]]\nname = "{n}"\n' for n in ("emoji-text", "emoji-vae-f8"))
    names = [entry.name for entry in plans.read(written(tmp_path, text))]
    assert names == ["emoji-vae-f8", "emoji-text"]


def test_a_model_waits_for_the_base_of_its_plan(tmp_path, monkeypatch, capsys):
    """Trained on the shipped base instead, it would not fit the one that comes later."""
    text = "".join(f'[[model]]\nname = "{n}"\n' for n in ("emoji-vae-f8", "emoji-text"))
    tried = []

    def made(entry, seconds, out):
        tried.append(entry.name)
        raise RuntimeError("struck")

    monkeypatch.setattr(plans, "_made", made)
    assert plans.carried_out(plans.read(written(tmp_path, text)), 1.0, tmp_path / "out") == []
    assert tried == ["emoji-vae-f8"]
    assert "its base, emoji-vae-f8, is not there" in capsys.readouterr().out


def test_the_shipped_plan_can_be_read():
    """Its models are recipes, and the hero prompts are made of words that the models know."""
    for path in (ROOT / "plans").glob("*.toml"):
        assert plans.read(path)
    assert len(HERO) == len(set(HERO)) == 20 and emoji_words()(HERO).shape[0] == 20


def test_no_git_is_no_trouble(monkeypatch):
    """Where there is no git to ask, the commit is unknown, and that is known before training."""
    monkeypatch.setenv("PATH", "")
    assert runs.run._commit() == "unknown"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "plan must be a TOML file with a .*model.* for each model"),
        ("model = 3", "plan must be a TOML file with"),
        ("[[model]]\nname = 'nope'", "name in plan must be one of"),
        ("[[model]]\nshare = 2", "plan must give each model a name"),
        ("[[model]]\nname = 'fashion-cfg'\nspeed = 2", r"plan must give .*, got \['speed'\]"),
        ("[[model]]\nname = 'fashion-cfg'\nshare = 0", "share of fashion-cfg must be"),
        ("[[model]]\nname = 'fashion-cfg'\nbatch = 0", "batch of fashion-cfg must be"),
        ("[[model]]\nname = 'fashion-cfg'\n" * 2, "plan must name each of its models once"),
    ],
)
def test_plans_that_are_none(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        plans.read(written(tmp_path, text))


def test_the_end_of_a_run_may_move_without_compiling(tmp_path):
    """Three calls on one folder, at a level rate and then to an end: one program."""
    import resumable

    from workshop_lite.training import fitting

    resumable.run(tmp_path, steps=6)
    size = fitting.run._cache_size()
    resumable.run(tmp_path, steps=12)
    resumable.run(tmp_path, steps=24, cooldown=12)
    assert fitting.run._cache_size() == size
