"""Makes the built pages light: nothing in a page's head holds up its first line.

The theme and Sphinx write their scripts and pictures as they like, and have no hook after that. So
this goes over the written pages, once, when the book is built.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from PIL import Image

# What the theme's icons have as a font already; and what only the page of search needs.
UNUSED = {"fontawesome.js"}
FOR_SEARCH = {"searchtools.js", "language_data.js", "searchindex.js"}
ASIDE = {"documentation_options.js"}  # 0.3 kB that inline scripts read at once: part of the page

SCRIPT = re.compile(r'[ \t]*<script(?P<more>[^>]*? src="(?P<src>[^"]+)"[^>]*)></script>\n?')
PRELOAD = re.compile(r'\s*<link rel="preload" as="script"[^>]*>')
VIEWPORT = re.compile(r'\s*<meta name="viewport"[^>]*>')
PICTURE = re.compile(r'<img (?P<rest>[^>]*?src="(?P<src>[^"]+)"[^>]*?)\s*/?>')
INLINE = re.compile(r'src="data:(?:image|audio)/(?P<kind>\w+);base64,(?P<data>[^"]+)"')
CONTENTS = re.compile(
    r'<div id="jb-print-toc">.*?</nav>\s*</div>', re.DOTALL
)  # once more, for print
SIGNATURE = re.compile(r'<dt class="sig .*?</dt>', re.DOTALL)
WORD = re.compile(r'<span class="pre">([^<]*)</span>')
# Marks that have no colour of their own here, and each link's title, which repeats its address.
NEEDLESS = re.compile(r'<span class="[nopsw]">([^<]*)</span>| title="workshop_lite[^"]*"')

# What an earlier ARIA called an entry of a bibliography is an item of a list. What can be read
# needs no other name for those who cannot see it. And a sound is fetched when it is played.
BETTER = {
    '<audio controls preload="metadata"': '<audio controls preload="none"',
    'role="doc-biblioentry"': 'role="listitem"',
    '<summary aria-label="Toggle hidden content">': "<summary>",
    'search-button-field search-button__button pst-js-only" title="Search" aria-label="Search"': (
        'search-button-field search-button__button pst-js-only"'
    ),
}
# Before anything is painted: what the theme's own script finds out only when the page is read.
DARK = """<script>{ const page = document.documentElement.dataset;
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
if (page.mode === 'auto') page.theme = dark ? 'dark' : 'light'; }</script>
"""
SIZE = '<meta name="viewport" content="width=device-width, initial-scale=1">'
DOTS = 100  # a picture's pixels for an inch that are one of the page: matplotlib's own resolution
WIDE = 480  # a picture of more pixels has words that a phone would make too small


def light(page: str, path: Path, root: Path) -> str:
    """A page without what it can do without, and with the rest in a better order."""
    head, body = page.split("</head>", 1)
    head = PRELOAD.sub("", VIEWPORT.sub("", head)).replace("<title>", f"{SIZE}\n<title>", 1)
    needless = UNUSED if path.stem == "search" else UNUSED | FOR_SEARCH
    head = SCRIPT.sub(lambda script: _late(script, path, needless), head)
    head = head.replace('<link href="', f'{DARK}<link href="', 1)
    body = SCRIPT.sub(lambda script: _late(script, path, needless), body)
    body = CONTENTS.sub("", body)
    if SIGNATURE.search(body):  # the reference: half of it would be marks
        body = SIGNATURE.sub(lambda signature: _plain(signature[0]), WORD.sub(r"\1", body))
    for wrong, right in BETTER.items():
        body = body.replace(wrong, right)
    body = INLINE.sub(lambda data: _apart(data, path, root), body)
    start = body.find("<article")
    first, rest = body[:start], body[start:]
    count = iter(range(len(rest)))
    rest = PICTURE.sub(lambda picture: _sized(picture, path, next(count) > 0), rest)
    return f"{head}</head>{first}{rest}"


def _late(script: re.Match, path: Path, needless: set[str]) -> str:
    """A script that runs when the page has been read, in its turn."""
    file = script["src"].split("?")[0]
    name = file.rpartition("/")[2]
    if name in needless:
        return ""
    if name in ASIDE:
        return f"<script>{(path.parent / file).read_text(encoding='utf8').strip()}</script>\n"
    more = re.sub(r' defer(="defer")?', "", script["more"])
    return f"    <script defer{more}></script>\n"


def _plain(signature: str) -> str:
    """A signature without half of its marks; a list of arguments has no terms to define."""
    for wrong, right in (("<dl>", '<div class="arguments">'), ("</dl>", "</div>")):
        signature = signature.replace(wrong, right)
    signature = signature.replace("<dd>", "<div>").replace("</dd>", "</div>")
    return NEEDLESS.sub(lambda mark: mark[1] or "", signature)


def _apart(data: re.Match, path: Path, root: Path) -> str:
    """Pictures and sounds that stand in the page, in files that are loaded when they are near."""
    content = base64.b64decode(data["data"])
    file = root / "_images" / f"{hashlib.sha256(content).hexdigest()[:24]}.{data['kind']}"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    up = "../" * (len(path.relative_to(root).parts) - 1)
    return f'src="{up}_images/{file.name}"'


def _sized(picture: re.Match, path: Path, later: bool) -> str:
    """A picture with its place kept, and not fetched before the reader comes near."""
    tag = picture["rest"]
    file = (path.parent / picture["src"].split("?")[0]).resolve()
    if later:
        tag += ' loading="lazy"'
    tag += ' decoding="async"'
    wide = False
    if file.suffix in {".png", ".webp"} and file.is_file() and " width=" not in tag:
        with Image.open(file) as image:
            fine = round(image.info.get("dpi", (DOTS, DOTS))[0]) / DOTS
            width, height = (round(length / max(fine, 1)) for length in image.size)
        tag += f' width="{width}" height="{height}"'
        wide = width > WIDE and "_images/" in tag and 'class="hero"' not in tag
        wide = wide and "max-width" not in tag  # a widget's picture has its width from the widget
    if wide:
        return f'<span class="wide" style="--full: {width}px"><img {tag}></span>'
    return f"<img {tag}>"


def finish(app, exception) -> None:
    """Write every page anew."""
    if exception or app.builder.format != "html":
        return
    root = Path(app.outdir)
    for path in root.rglob("*.html"):
        if "_static" not in path.relative_to(root).parts:
            page = path.read_text(encoding="utf8")
            if "</head>" in page:
                path.write_text(light(page, path, root), encoding="utf8")


def setup(app) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("build-finished", finish, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
