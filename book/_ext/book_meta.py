"""A description in the head of each page, for search engines and for those who share a link.

It is the page's first paragraph, unless its front matter names another: ``html_meta``.
"""

import re
from html import escape
from typing import Any

from docutils import nodes

LEAST, MOST = 60, 200  # characters: a badge is shorter, a snippet not longer
DESCRIPTION = re.compile(r'<meta [^>]*name="description"')


def described(doctree: nodes.document) -> str:
    """The first paragraph of some length and of no list, cut at the end of a sentence or word."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.list_item):
            continue
        words = [t for t in paragraph.findall(nodes.Text) if not isinstance(t.parent, nodes.raw)]
        text = " ".join("".join(words).split())
        if len(text) >= LEAST:
            break
    else:
        return ""
    if len(text) <= MOST:
        return text
    text = text[:MOST]
    end = text.rfind(". ") + 1
    return text[:end] if end >= LEAST else text.rpartition(" ")[0] + " …"


def add(app, pagename, templatename, context, doctree) -> None:
    """Put the description among the page's tags, and what Open Graph calls the same."""
    if doctree is None:
        return
    tags = context.get("metatags", "")
    given = re.search(r'<meta [^>]*content="([^"]*)"[^>]*name="description"', tags)
    text = given[1] if given else escape(described(doctree))
    title = escape(re.sub(r"<[^>]*>", "", context.get("title", "")), quote=True)
    told = {"og:title": title, "og:type": "article", "og:description": text}
    told["og:site_name"] = escape(app.config.html_title)
    if text and not DESCRIPTION.search(tags):
        tags += f'\n<meta name="description" content="{text}" />'
    tags += "".join(f'\n<meta property="{k}" content="{v}" />' for k, v in told.items() if v)
    context["metatags"] = tags


def setup(app) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("html-page-context", add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
