"""The settings of the book for plain Sphinx: ``_config.yml``, translated as jupyter-book 1 does.

jupyter-book 1 is a translation of that file and a set of defaults; its extension adds two settings
for LaTeX, which these pages do without. `make stack-sphinx` builds with this file.
"""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
BOOK = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))

# What jupyter-book sets unasked.
html_theme = "sphinx_book_theme"
html_sourcelink_suffix = ""
pygments_style = "sphinx"
suppress_warnings = ["myst.domains"]
myst_url_schemes = ["mailto", "http", "https"]
nb_output_stderr = "show"

# What it calls by other names.
html_title = project = BOOK["title"]
author, copyright = BOOK["author"], BOOK["copyright"]
exclude_patterns = BOOK["exclude_patterns"]
external_toc_exclude_missing = BOOK["only_build_toc_files"]
nb_execution_mode = BOOK["execute"]["execute_notebooks"]
bibtex_bibfiles = [str(ROOT / file) for file in BOOK["bibtex_bibfiles"]]
myst_enable_extensions = BOOK["parse"]["myst_enable_extensions"]
html_favicon = str(ROOT / BOOK["html"]["favicon"])
html_theme_options = {
    "search_bar_text": "Search this book...",
    "launch_buttons": BOOK["launch_buttons"],
    "path_to_docs": BOOK["repository"]["path_to_book"],
    "repository_url": BOOK["repository"]["url"],
    "repository_branch": BOOK["repository"]["branch"],
    "use_repository_button": BOOK["html"]["use_repository_button"],
    "use_issues_button": BOOK["html"]["use_issues_button"],
    "home_page_in_toc": BOOK["html"]["home_page_in_navbar"],
}

# And what is Sphinx's own already.
OWN = dict(BOOK["sphinx"]["config"])
html_theme_options |= OWN.pop("html_theme_options")
globals().update(OWN)
extensions = [name for name in OWN["extensions"] if name != "jupyter_book"]
html_static_path = [str(ROOT / folder) for folder in OWN["html_static_path"]]
sys.path += [str(ROOT / folder) for folder in BOOK["sphinx"]["local_extensions"].values()]
