"""The files that the demos are made of, and where they are."""

from pathlib import Path

from workshop_lite import checkpoints

STATIC, GRAPHS, ENGINE = (Path(__file__).parent / name for name in ("static", "graphs", "engine"))


def files() -> dict[str, Path]:
    """All that a demo may ask for, by name; the weights of a graph are the package's own."""
    found = [path for folder in (STATIC, GRAPHS, ENGINE) for path in folder.iterdir()]
    weights = [checkpoints.FOLDER / f"{path.stem}.safetensors" for path in GRAPHS.glob("*.onnx")]
    return {path.name: path for path in [*found, *weights]}
