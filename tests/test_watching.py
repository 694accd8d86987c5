"""A run that is watched: rows, pictures and log, which go on; nothing is compiled twice."""

import errno
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import resumable
from PIL import Image

from workshop_lite import evaluation, training
from workshop_lite.conditioning import null_labels
from workshop_lite.figures.watching import watched
from workshop_lite.predictions import CLEAN, Denoiser
from workshop_lite.runs import watching
from workshop_lite.schedules import cosine
from workshop_lite.widgets.watching import board


def weight(model):
    return model.kernel[0, 0]


def painted(model):
    return Image.new("L", (3, 2))


def watch_of(folder=None, every=0.0, **options):
    return watching.Watch(
        {"weight": weight}, picture=painted, every=every, folder=folder, **options
    )


def trained(folder, watch, steps):
    return resumable.run(folder, steps, watch=watch)


def test_a_row_for_every_look(tmp_path):
    """Step, mean loss and measures of each look, in memory, in the log, and a picture of each."""
    seen = []
    watch = watch_of(tmp_path, then=lambda w: seen.append(len(w.rows)))
    fitted = trained(None, watch, 18)
    assert [row["step"] for row in watch.rows] == [6, 12, 18] and seen == [1, 2, 3]
    assert abs(watch.rows[-1]["loss"] - fitted.losses[-6:].mean()) < 1e-4
    assert abs(watch.rows[-1]["weight"] - float(weight(fitted.model))) < 1e-4
    lines = (tmp_path / "watched.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == watch.rows
    names = ["watched-000006.png", "watched-000012.png", "watched-000018.png"]
    assert sorted(p.name for p in tmp_path.glob("*.png")) == names
    with Image.open(tmp_path / names[0]) as image:
        assert image.size == (3, 2)


def test_every_so_many_seconds():
    """Not yet is no row; at the end there is one if it is asked for, of all losses since."""
    watch = watch_of(every=1000.0)
    looks = list(
        training.steps(
            resumable.model(), resumable.loss, resumable.DATA, **resumable.options(steps=18)
        )
    )
    for look in looks:
        watch(look)
    assert not watch.rows
    watch.now(looks[-1])
    watch.now(looks[-1])
    assert len(watch.rows) == 1
    assert abs(watch.rows[0]["loss"] - np.mean([look.loss for look in looks])) < 1e-4


def test_a_resumed_run_goes_on_in_the_same_log(tmp_path):
    """Rows behind the state that a run goes on from are dropped, a torn line is no row."""
    trained(tmp_path, watch_of(tmp_path), 12)
    with (tmp_path / "watched.jsonl").open("a") as log:
        log.write('{"step": 18, "loss": 0.5}\n{"step": 24, "lo')
    watch = watch_of(tmp_path)
    assert [row["step"] for row in watch.rows] == [6, 12, 18]
    trained(tmp_path, watch, 24)
    assert [row["step"] for row in watch.rows] == [6, 12, 18, 24] and "weight" in watch.rows[2]
    assert len((tmp_path / "watched.jsonl").read_text().splitlines()) == 4


def test_a_full_disk_stops_no_training(tmp_path, monkeypatch):
    """What cannot be kept is warned of, and the run comes to its end."""

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    watch = watch_of(tmp_path)
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(UserWarning, match="^watched rows could not be kept, No space left"):
        fitted = trained(None, watch, 12)
    assert len(fitted.losses) == 12 and len(watch.rows) == 2


def test_held_out_loss_is_the_same_rows_and_noise():
    """Equal for an equal model, of one compilation, and the mean over the rows."""
    loss = lambda model, rows, key: jnp.mean(rows[0]) + model.bias[0]
    measured = watching.held_out(loss, resumable.DATA, n=32, batch=8)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: (
            compiled.append(name) if name.endswith("backend_compile_duration") else None
        )
    )
    try:
        first = measured(resumable.model())
        n = len(compiled)
        assert measured(resumable.model()) == first and len(compiled) == n
    finally:
        jax.monitoring.clear_event_listeners()
    assert abs(first - resumable.DATA[0].mean()) < 1e-6


class Mean:
    """A classifier that costs nothing."""

    def features(self, x):
        return jnp.stack([x.mean((1, 2, 3)), x.std((1, 2, 3))], axis=1)

    __call__ = features


def test_scores_and_pictures_of_a_denoiser():
    """Numbers at each scale by name; a row of pictures for each scale, of the same noise."""
    still = Denoiser(lambda xt, t, cond: xt / 2 + cond[:, None, None, None], cosine, CLEAN)
    judge = evaluation.Judge(Mean(), np.zeros((9, 2, 2, 1), np.float32))
    scores = watching.class_scores(judge, scales=(1.0, 3.0), n=8, evaluations=2)(still)
    assert list(scores) == ["frechet at 1", "accuracy at 1", "frechet at 3", "accuracy at 3"]
    draw = watching.at_scales(
        np.arange(2), null_labels, shape=(2, 2, 1), scales=(1.0, 3.0), steps=1
    )
    images = draw(still)
    assert images.shape == (4, 2, 2, 1) and (draw(still) == images).all()
    np.testing.assert_allclose(
        images[2:] - images[:2], [[[[2]] * 2] * 2, [[[4]] * 2] * 2], atol=1e-5
    )


def test_the_figure_and_the_board(unchecked):
    """A panel for the losses and one for each score, a line for each scale; drawn as it goes."""
    watch = watch_of()
    widget = board(watch)
    line, row = widget.children
    assert "Nothing" in line.value
    trained(None, watch, 12)
    assert "step 12" in line.value and all("<img" in part.value for part in row.children)
    rows = [
        {
            "step": s,
            "seed": k,
            "loss": 1 / s,
            "held-out loss": 2 / s,
            "accuracy at 1": 0.5,
            "accuracy at 4": 0.1 * k,
            "frechet at 1": s + k,
        }
        for s in (10, 100)
        for k in (0, 1)
    ]
    figure = watched(rows)
    assert [a.get_title() for a in figure.axes] == ["loss", "accuracy", "Fréchet distance"]
    assert [t.get_text() for t in figure.axes[1].get_legend().get_texts()] == ["scale 1", "scale 4"]
    for bad in ([], [{"loss": 1}], "rows"):
        with pytest.raises(ValueError, match="^rows must be those of a Watch"):
            watched(bad)
