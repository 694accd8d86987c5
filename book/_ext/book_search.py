"""Search that knows numbers: 0.18215 is a word, not a nought and something else."""

import re
from typing import Any

from sphinx.search.en import SearchEnglish


class SearchBook(SearchEnglish):
    """Sphinx's English, whose words may hold a decimal point."""

    lang = "en"
    _word_re = re.compile(r"\d+\.\d+|\w+")
    js_splitter_code = """
function splitQuery(query) {
  return query.match(/\\d+\\.\\d+|[\\p{Letter}\\p{Number}_]+/gu) || [];
}
"""


def add_setup(app, pagename, templatename, context, doctree) -> None:
    """What the page of search has beside Sphinx's own scripts."""
    if pagename == "search":
        app.add_js_file("search-setup.js", priority=900)


def setup(app) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_search_language(SearchBook)
    app.connect("html-page-context", add_setup)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
