"""Write the skeleton of a chapter, in the shape that the others have and that the tests ask for.

    python tools/new_chapter.py 06_your_chapter "6 · Your chapter"

The cell that installs the package on Colab is the one of the other notebooks.
"""

import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
BADGE = "[![Open in Colab](../book/_static/colab-badge.svg)]({}/{}.ipynb)"
FIGURE = {"caption": "What is seen, in one sentence.", "name": "fig-your-figure"}


def folded(label: str, source: str, *tags: str):
    """A code cell that the page shows closed, under this label."""
    folds = {"code_prompt_show": label, "code_prompt_hide": label}
    return new_code_cell(source, metadata={"mystnb": folds, "tags": ["hide-input", *tags]})


def skeleton(name: str, title: str):
    like = nbformat.read(NOTEBOOKS / "which_one.ipynb", as_version=4)
    address = like.cells[0].source.split("](")[2].rpartition("/")[0]
    shown = {"figure": FIGURE, "image": {"alt": "The same in words, for who cannot see it."}}
    opening = f"# {title}\n\n{BADGE.format(address, name)}\n\nYou will be able to\n\n- do this;\n"
    cells = [
        new_markdown_cell(opening + "- and that.\n\n**Cost:** a minute on two CPU cores."),
        like.cells[1],
        folded("imports", "import jax.numpy as jnp\n\nfrom workshop_lite.schedules import cosine"),
        new_markdown_cell("## The result first\n\nOne figure, and what to see in it."),
        new_code_cell("level = cosine(jnp.linspace(0, 1, 5))", metadata={"mystnb": shown}),
        new_markdown_cell("## The idea\n\nA hundred and fifty words, one equation, its source."),
        new_code_cell("alpha = jnp.sin(jnp.pi / 2 * (1 - jnp.linspace(0, 1, 5)))"),
        folded("check", "assert jnp.allclose(alpha, level.alpha)"),
        new_markdown_cell("## When it breaks\n\nA failure on purpose: how it looks, why, the fix."),
        new_markdown_cell("## Exercises\n\n**1. Change a line.** Which?"),
        new_code_cell('answer = None\nprint("solved:", answer == 1)'),
        new_markdown_cell("## Next\n\n{doc}`which_one`."),
    ]
    return new_notebook(cells=cells, metadata=like.metadata)


if __name__ == "__main__":
    name, title = sys.argv[1:]
    path = NOTEBOOKS / f"{name}.ipynb"
    if path.exists():
        sys.exit(f"{path} is there already")
    nbformat.write(skeleton(name, title), path)
    print(path)
