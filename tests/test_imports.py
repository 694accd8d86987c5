"""The package is layered: imports run one way."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent / "workshop_lite"
FILES = sorted(HOME.rglob("*.py"))
# These import nothing, and all others may import them.
EVERYWHERE = {"checks", "files", "modules"}
# What else each room, a file or a folder, may import. No entry: nothing.
MAY_IMPORT = {
    "predictions": {"schedules"},
    "samplers": {"schedules"},
    "guidance": {"schedules"},
    "mixtures": {"predictions", "schedules"},
    "conditioning": {"networks"},
    "training": {"conditioning", "predictions", "schedules"},
    "architectures": {"conditioning", "networks", "predictions", "schedules"},
    "recipes": {
        "architectures",
        "conditioning",
        "datasets",
        "networks",
        "predictions",
        "schedules",
        "training",
    },
    "checkpoints": {"architectures", "conditioning", "networks", "recipes"},
    "live": {"checkpoints"},
    "exercises": {"mixtures", "schedules"},
    "sharing": {"architectures", "checkpoints", "predictions", "schedules"},
    "drawing": {
        "architectures",
        "checkpoints",
        "conditioning",
        "guidance",
        "networks",
        "samplers",
    },
    "runs": {
        "architectures",
        "checkpoints",
        "conditioning",
        "datasets",
        "drawing",
        "evaluation",
        "guidance",
        "networks",
        "predictions",
        "recipes",
        "samplers",
        "training",
    },
    "evaluation": {
        "checkpoints",
        "conditioning",
        "datasets",
        "drawing",
        "guidance",
        "networks",
        "recipes",
        "samplers",
        "training",
    },
}
SHOWN = {"figures", "widgets"}  # may import anything; only the command line imports them
LIBRARIES = {
    "matplotlib": {"figures", "widgets"},
    "ipywidgets": {"live", "widgets"},
    "anywidget": {"live"},
    "IPython": {"figures", "widgets"},
}


def module(path: Path) -> str:
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def source(name: str) -> Path:
    """The file that an imported name comes from: a module of its own, or else the one that has it.

    A name of a folder comes from the ``__init__`` that hands it on.
    """
    place = HOME.joinpath(*name.split(".")[1:])
    if place.with_suffix(".py").is_file():
        return place.with_suffix(".py")
    return place / "__init__.py" if place.is_dir() else source(name.rpartition(".")[0])


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


def assert_one_way(graph: dict) -> None:
    left = dict(graph)
    while left:
        free = {name for name, below in left.items() if not below & set(left)}
        assert free, f"circle among {sorted(map(str, left))}"
        left = {name: below for name, below in left.items() if name not in free}


def test_rooms_make_no_circle():
    """The table itself runs one way, and names only rooms that are there."""
    assert_one_way(MAY_IMPORT)
    rooms = {module(path) for path in FILES}
    assert set(MAY_IMPORT) | set().union(*MAY_IMPORT.values()) <= rooms


def test_files_make_no_circle():
    """Nor do files import each other in a circle, not even through the ``__init__`` of a folder."""
    names = {path: imported(path) for path in FILES}
    assert_one_way(
        {
            path: {source(n) for n in used if n.startswith("workshop_lite.")} - {path}
            for path, used in names.items()
        }
    )


def test_folders_hand_on_what_they_name():
    """An ``__init__`` begins with what the room is for, and its names can be imported."""
    for path in FILES:
        if path.name == "__init__.py":
            said = ast.get_docstring(ast.parse(path.read_text(encoding="utf8")))
            assert said and said.splitlines()[0].endswith("."), path
            room = import_module(".".join(("workshop_lite", *path.parent.relative_to(HOME).parts)))
            assert all(hasattr(room, name) for name in getattr(room, "__all__", ()))
