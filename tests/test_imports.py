"""The package is layered: imports run one way."""

import ast
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent / "workshop_lite"
FILES = sorted(HOME.rglob("*.py"))
EVERYWHERE = {"checks", "files"}  # these two import nothing, and all others may import them
# What else each module may import. A folder of this name is one module. No entry: nothing.
MAY_IMPORT = {
    "predictions": {"schedules"},
    "samplers": {"schedules"},
    "mixtures": {"predictions", "schedules"},
    "layers": {"convolution"},
    "conditioning": {"layers"},
    "unet": {"layers", "conditioning"},
    "classifier": {"layers"},
    "text": {"layers", "conditioning"},
    "minilm": {"layers", "conditioning", "text"},
    "dual": {"classifier", "text"},
    "control": {"unet", "layers", "conditioning"},
    "autoencoder": {"layers"},
    "training": {"predictions", "schedules", "conditioning", "optimizers", "states"},
    "recipes": {
        "training",
        "optimizers",
        "datasets",
        "predictions",
        "schedules",
        "conditioning",
        "unet",
        "classifier",
        "text",
        "control",
        "dual",
        "hints",
        "autoencoder",
    },
    "checkpoints": {"recipes"},
    "evaluation": {
        "autoencoder",
        "checkpoints",
        "datasets",
        "metrics",
        "classifier",
        "conditioning",
        "guidance",
        "predictions",
        "recipes",
        "samplers",
    },
    "prompting": {
        "checkpoints",
        "datasets",
        "evaluation",
        "metrics",
        "dual",
        "guidance",
        "recipes",
        "samplers",
        "text",
    },
}
SHOWN = {"figures", "widgets"}  # may import anything; only the command line imports them
LIBRARIES = {
    "matplotlib": {"figures", "widgets"},
    "ipywidgets": {"widgets"},
    "IPython": {"widgets"},
}


def module(path: Path) -> str:
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The dotted names of all that a file imports, at the top or inside of a function."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_imports_run_one_way(path):
    """A module imports only what stands below it; nothing but the command line draws."""
    used = {n.split(".")[1] for n in imported(path) if n.startswith("workshop_lite.")}
    me = module(path)
    used.discard(me)
    if me == "__main__":
        return
    if me in SHOWN:
        assert "__main__" not in used and not (me == "figures" and "widgets" in used)
        return
    assert used <= MAY_IMPORT.get(me, set()) | (EVERYWHERE if me not in EVERYWHERE else set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_drawing_stays_in_its_modules(path):
    """Pictures are drawn in ``figures`` and ``widgets`` alone, and nothing needs PyTorch."""
    used = {name.split(".")[0] for name in imported(path)}
    for library, homes in LIBRARIES.items():
        assert library not in used or module(path) in homes
    assert not used & {"torch", "diffusers", "pickle"}


def test_table_has_no_cycle():
    """The table itself runs one way."""
    left = dict(MAY_IMPORT)
    while left:
        free = {name for name, below in left.items() if not below & set(left)}
        assert free, f"cycle among {sorted(left)}"
        left = {name: below for name, below in left.items() if name not in free}
