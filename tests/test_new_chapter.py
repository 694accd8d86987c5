"""A chapter begins from a skeleton that is already right."""

import importlib.util
from pathlib import Path

import nbformat

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("new_chapter", ROOT / "tools" / "new_chapter.py")
new_chapter = importlib.util.module_from_spec(spec)
spec.loader.exec_module(new_chapter)


def test_the_skeleton_runs_and_has_the_shape_of_a_chapter():
    """A valid notebook, its address its own, its cells short, its figure described."""
    chapter = new_chapter.skeleton("06_mine", "6 · Mine")
    nbformat.validate(chapter)
    other = nbformat.read(ROOT / "notebooks" / "own_data.ipynb", as_version=4)
    assert chapter.cells[1].source == other.cells[1].source
    assert "/notebooks/06_mine.ipynb)" in chapter.cells[0].source
    scope, code = {}, [cell for cell in chapter.cells if cell.cell_type == "code"]
    for cell in code:
        assert len(cell.source.splitlines()) <= 25
        exec(cell.source, scope)
    (figure,) = [c.metadata.mystnb for c in code if "figure" in c.metadata.get("mystnb", {})]
    assert figure["figure"]["name"].startswith("fig-") and figure["image"]["alt"]
    assert sum("hide-input" in cell.metadata.get("tags", ()) for cell in code) == 3
