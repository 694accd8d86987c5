"""A model's card as the page that hubs of models read: a README with its facts at the top."""

import json
import shutil
from pathlib import Path

from workshop_lite import architectures, checkpoints

TAGS = ["diffusion", "jax", "flax", "workshop-lite"]
TASKS = {"TextEncoder": "text-to-image", "Labels": "unconditional-image-generation"}
TASKS |= {"Classifier": "image-classification", "DualEncoder": "zero-shot-image-classification"}
ASKED = {
    "Labels": "cond = np.arange({rows})  # labels of the classes above",
    "TextEncoder": "cond = reader(model).vocabulary(['{words}'])",
}
CODE = """\
import numpy as np

from workshop_lite import checkpoints, drawing
from workshop_lite.architectures import reader
from workshop_lite.conditioning import null_labels, null_prompts
from workshop_lite.guidance import Guided

model = checkpoints.load("{name}", ".")  # this folder
shape, shown = drawing.canvas("{name}", ".")
{cond}
guided = Guided(model, {null}, 2.0)
images = shown(drawing.samples(guided, model.schedule, cond, shape=shape, steps=25))"""


def readme(name: str, folder: str | Path = checkpoints.FOLDER, licence: str | None = None) -> str:
    """The text of a ``README.md``: licence, data and tags for the hub; sizes, scores, how to load.

    ``licence`` is an identifier such as ``mit``; without one it is that of the notes, that of this
    package for a shipped model, else ``unknown``. Raises ValueError as ``checkpoints.card`` does.
    """
    card = checkpoints.card(name, folder)
    shipped = Path(folder) == checkpoints.FOLDER
    licence = licence or card.get("licence") or ("mit" if shipped else "unknown")
    kind, data = _kind(card["model"]), card.get("data", "")
    data = Path(data).name  # a path is nobody's business
    front = {"license": licence, "library_name": "workshop-lite", "tags": TAGS}
    front |= {"pipeline_tag": TASKS[kind]} if kind in TASKS else {}
    front |= {"datasets": [data]} if data else {}
    head = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items()]
    return "\n".join(
        ["---", *head, "---", "", f"# {name}", "", *_facts(card, data), *_use(card, kind)]
    )


def shared(name: str, folder: Path, out: Path, licence: str | None = None) -> None:
    """Put the model, what it stands on, and its ``readme`` into a folder, made if need be."""
    text = readme(name, folder, licence)
    out.mkdir(parents=True, exist_ok=True)
    below = checkpoints.card(name, folder).get("base")
    for each in (name, *([below["name"]] if below else ())):
        for suffix in (".json", ".safetensors"):
            file = folder / f"{each}{suffix}"
            if file.is_file() and not (out / file.name).exists():
                shutil.copy(file, out)
    (out / "README.md").write_text(text, encoding="utf8")


def _kind(what: dict) -> str:
    """What the model is told, or else what it is."""
    network = what.get("network", {})
    while "base" in network:
        network = network["base"]
    return network.get("condition", what)["class"]


def _facts(card: dict, data: str) -> list[str]:
    h, w, c = card["shape"]
    rows = {
        "model": f"{card['model']['class']}, {card['parameters']:,} parameters, float16",
        "grid": f"{h} x {w} x {c}",
        "classes": ", ".join(card.get("classes", ())),
        "data": data,
        "images seen": f"{card['images']:,}" if "images" in card else "",
        "training": f"{card['minutes']:g} minutes on {card['device']}" if "minutes" in card else "",
        "date": card.get("date", ""),
        "built on": card["base"]["name"] if "base" in card else "",
        "SHA-256 of the weights": card["sha256"],
    }
    table = [f"| {name} | {_cell(value)} |" for name, value in rows.items() if value]
    return ["| | |", "|---|---|", *table, "", *_scores(card.get("metrics", {}), "## Scores")]


def _scores(metrics: dict, title: str) -> list[str]:
    """Numbers as a list, rows of numbers as a table, and the groups below each as the same."""
    if not metrics:
        return []
    groups = {k: v for k, v in metrics.items() if _nested(v)}
    rows = {k: v for k, v in metrics.items() if isinstance(v, dict) and k not in groups}
    lines = [f"- {k}: {_cell(v)}" for k, v in metrics.items() if not isinstance(v, dict)]
    lines += [""] if lines else []
    if rows:
        heads = list(dict.fromkeys(head for row in rows.values() for head in row))
        lines += [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
        for name, row in rows.items():
            lines.append(f"| {name} | {' | '.join(_cell(row.get(head, '')) for head in heads)} |")
        lines.append("")
    for name, group in groups.items():
        lines += _scores(group, f"#{title.split()[0]} {name}")
    return [title, "", *lines]


def _nested(value) -> bool:
    return isinstance(value, dict) and any(isinstance(one, dict) for one in value.values())


def _cell(value) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())


def _use(card: dict, kind: str) -> list[str]:
    """How to load it, with the package and without."""
    code = (
        f'from workshop_lite import checkpoints\n\nmodel = checkpoints.load("{card["name"]}", ".")'
    )
    if kind in ASKED and card["model"]["class"] == "Denoiser":
        words = architectures.vocabulary_in(card["model"])
        cond = ASKED[kind].format(
            rows=len(card.get("classes", ())), words=" ".join(words.words[:3]) if words else ""
        )
        null = "null_prompts" if words else "null_labels"
        code = CODE.format(name=card["name"], cond=cond, null=null)
    return [
        "## How to load it",
        "",
        "With the package [workshop-lite](https://github.com/workshop-lite/workshop-lite):",
        "",
        f"```python\n{code}\n```",
        "",
        f"The weights are plain [safetensors](https://huggingface.co/docs/safetensors); the card,"
        f" `{card['name']}.json`, says what they are weights of.",
        "",
    ]
