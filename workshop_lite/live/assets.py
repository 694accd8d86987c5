"""The files that the demos are made of, and where they are."""

import json
from pathlib import Path

from workshop_lite import checkpoints

STATIC, GRAPHS, ENGINE = (Path(__file__).parent / name for name in ("static", "graphs", "engine"))


def files() -> dict[str, Path]:
    """All that a demo may ask for, by name; the weights of a graph are the package's own."""
    found = [path for folder in (STATIC, GRAPHS, ENGINE) for path in folder.iterdir()]
    cards = [json.loads(path.read_text(encoding="utf8")) for path in GRAPHS.glob("*.graph.json")]
    models = {name for card in cards for name in card["weights"]}
    weights = [checkpoints.FOLDER / f"{name}.safetensors" for name in sorted(models)]
    return {path.name: path for path in [*found, *weights]}
