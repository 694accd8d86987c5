"""The built book is whole: links, captions, alt text, citations, and nothing from another host.

Reads the pages that ``make book`` left in ``_build/html``, or those in the folder ``BOOK_HTML``;
and the notebooks as committed.
"""

import hashlib
import importlib
import inspect
import json
import os
import pkgutil
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup
from PIL import Image

ROOT = Path(__file__).parent.parent
HTML = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
DOCS = [TOC["root"], *(c["file"] for part in TOC["parts"] for c in part["chapters"])]

LOCAL_PATH = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|mnt|private|Users)/\w|[A-Z]:\\+Users")
CITE = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")

needs_build = pytest.mark.skipif(not HTML.exists(), reason="no built book: run `make book` first")
each_page = pytest.mark.parametrize("doc", DOCS)
each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


@cache
def page(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf8"), "html.parser")


def content(doc: str):
    return page(HTML / f"{doc}.html").find("article", class_="bd-article")


def html_pages():
    return [p for p in HTML.rglob("*.html") if "_static" not in p.relative_to(HTML).parts]


# The pages -------------------------------------------------------------------------------------


@needs_build
@each_page
def test_page_has_a_title_and_is_searchable(doc):
    assert len(content(doc).find_all("h1")) == 1
    index = (HTML / "searchindex.js").read_text(encoding="utf8")
    assert doc in json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))["docnames"]


@needs_build
def test_nothing_comes_from_another_host():
    sources = {"script": "src", "img": "src", "source": "src", "iframe": "src", "video": "src"}
    sources |= {"audio": "src", "embed": "src", "object": "data", "link": "href"}
    outside = set()
    for path in html_pages():
        for name, attribute in sources.items():
            urls = [tag.get(attribute, "") for tag in page(path).find_all(name)]
            outside |= {f"{path.name}: {url}" for url in urls if urlsplit(url).netloc}
        styles = [tag.text for tag in page(path).find_all("style")]
        styles += [tag["style"] for tag in page(path).find_all(style=True)]
        outside |= {f"{path.name}: {url}" for style in styles for url in style_urls(style)}
    for path in HTML.rglob("*.css"):
        outside |= {f"{path.name}: {url}" for url in style_urls(path.read_text(encoding="utf8"))}
    assert not outside


def style_urls(css: str) -> list[str]:
    urls = re.findall(r"url\(\s*['\"]?([^'\")]+)", css) + re.findall(
        r"@import\s+['\"](.+?)['\"]", css
    )
    return [url for url in urls if urlsplit(url).netloc]


@needs_build
def test_every_internal_link_and_anchor_resolves():
    broken = set()
    for path in html_pages():
        for link in page(path).find_all("a", href=True):
            url = urlsplit(link["href"])
            if url.scheme or url.netloc:
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            if not target.is_file():
                broken.add(f"{path.name} -> {link['href']}")
            elif url.fragment and target.suffix == ".html":
                soup, anchor = page(target), unquote(url.fragment)
                if not (soup.find(id=anchor) or soup.find(attrs={"name": anchor})):
                    broken.add(f"{path.name} -> {link['href']}")
    assert not broken


@needs_build
@each_page
def test_page_has_a_description_for_those_who_have_not_opened_it(doc):
    soup = page(HTML / f"{doc}.html")
    told = [tag["content"] for tag in soup.find_all("meta", attrs={"name": "description"})]
    assert len(told) == 1 and 40 <= len(told[0]) <= 250, told
    assert soup.find("meta", property="og:description")["content"] == told[0]


@needs_build
@each_page
def test_page_is_light_and_nothing_in_its_head_holds_it_up(doc):
    file = HTML / f"{doc}.html"
    assert file.stat().st_size <= 500_000
    for script in page(file).find_all("script", src=True):
        assert script.has_attr("defer") or script.get("type") == "module", script
    head = str(page(file).head)
    assert head.index("prefers-color-scheme") < head.index("stylesheet"), "a white flash"


@needs_build
@each_page
def test_pictures_keep_their_place_and_are_fine(doc):
    """Pictures after the first wait for the reader; those of cells have 200 dots an inch."""
    for i, image in enumerate(content(doc).find_all("img")):
        assert i == 0 or image.get("loading") == "lazy", image
        file = (HTML / doc).parent / image["src"]
        if file.suffix == ".png" and "hero" not in image.get("class", ()):
            width, height = int(image["width"]), int(image["height"])
            with Image.open(file) as picture:
                drawn = picture.size
            assert width / height == pytest.approx(drawn[0] / drawn[1], rel=0.02)
            assert image.find_parent(class_="still") or drawn[0] >= 1.9 * width, file.name


@needs_build
@each_page
def test_every_widget_leaves_its_picture_where_there_are_no_scripts(doc):
    for view in content(doc).find_all("script", type="application/vnd.jupyter.widget-view+json"):
        still = view.find_previous_sibling("div", class_="still")
        assert still.find("img") and "JavaScript" in still.p.text


@needs_build
@each_page
def test_every_picture_says_what_it_shows(doc):
    for image in content(doc).find_all("img"):
        alt = image.get("alt", "").strip()
        named_after_file = re.search(r"\.(png|svg|jpe?g|webp|gif)$", alt)
        assert alt and not named_after_file, f"no alt text: {image}"


@needs_build
@each_page
def test_every_figure_has_a_caption_and_is_mentioned(doc):
    for image in content(doc).select(".cell_output img"):
        if image.find_parent(class_="still"):  # a widget's, which has its caption in the text
            continue
        assert image.find_parent("figure"), f"a cell's picture without caption: {image}"
    for figure in content(doc).find_all("figure"):
        caption = figure.find("figcaption")
        assert caption and caption.find(class_="caption-text").text.strip(), f"no caption: {figure}"
        mentions = [
            s for d in DOCS for s in content(d).select(f'a[href$="#{figure["id"]}"] .std-numref')
        ]
        assert mentions, f"no {{numref}} to {figure['id']}"


@needs_build
def test_the_bibliography_lists_every_reference_once():
    keys = re.findall(r"^@\w+\{([^,]+),", (ROOT / "references.bib").read_text(), re.MULTILINE)
    assert len(keys) == len(set(keys))
    assert len(content("book/bibliography").select("div.citation")) == len(keys)


@needs_build
def test_no_path_of_the_building_machine_is_in_a_page():
    for path in [*html_pages(), HTML / "searchindex.js"]:
        text = path.read_text(encoding="utf8")
        assert str(ROOT) not in text, path
        assert not LOCAL_PATH.search(text), f"{path}: {LOCAL_PATH.search(text)}"


# The sources -----------------------------------------------------------------------------------


def test_every_citation_is_in_the_bibliography():
    keys = set(re.findall(r"^@\w+\{([^,]+),", (ROOT / "references.bib").read_text(), re.MULTILINE))
    for path in [*(ROOT / "book").glob("*.md"), *NOTEBOOKS]:
        cited = {key.strip() for m in CITE.findall(path.read_text()) for key in m.split(",")}
        assert cited <= keys, f"{path.name} cites {cited - keys}"


def test_every_page_is_in_the_table_of_contents():
    pages = [*(ROOT / "book").glob("*.md"), *NOTEBOOKS]
    assert {str(p.relative_to(ROOT).with_suffix("")) for p in pages} == set(DOCS)


def test_vendored_code_is_small_and_licensed():
    vendor = ROOT / "book" / "_static" / "vendor"
    assert sum(p.stat().st_size for p in vendor.rglob("*") if p.is_file()) < 25e6
    for folder in (p for p in vendor.iterdir() if p.is_dir()):
        assert (folder / "LICENSE").exists(), folder.name


def test_the_checker_of_accessibility_is_the_one_that_is_listed():
    vendor = ROOT / "tests" / "vendor"
    file, digest = re.search(
        r"`([^`]+\.js)`.*`(\w{64})`", (vendor / "README.md").read_text()
    ).groups()
    assert hashlib.sha256((vendor / file).read_bytes()).hexdigest() == digest


# The reference ---------------------------------------------------------------------------------

REFERENCE = ("book/api", "book/api_shown")

#: What no page describes: what the rooms use among themselves, and the command line.
BEHIND = {"checks", "files", "modules", "__main__", "figures.style", "widgets.panel"}
ROOM = re.compile(r"`(?:[^`<]*<)?~?\.?(?:workshop_lite\.)?((\w+)\.[\w.]+)>?`")


@cache
def public() -> set[str]:
    """The names that the rooms hand on; where a room hands on none, those of its modules."""
    sources = "".join((ROOT / f"{doc}.md").read_text() for doc in REFERENCE)
    names, told = set(), set(re.findall(r"automodule:: (\S+)", sources))
    for path in sorted((ROOT / "workshop_lite").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "workshop_lite").with_suffix("").parts)
        name = name.removesuffix(".__init__")
        if name in BEHIND | {"__init__"}:
            continue
        module = importlib.import_module(f"workshop_lite.{name}")
        room = importlib.import_module(module.__name__.rpartition(".")[0])
        if hasattr(module, "__all__"):
            own = [n for n in module.__all__ if not inspect.ismodule(getattr(module, n))]
        elif hasattr(room, "__all__") and module.__name__ not in told:
            own = []  # its room has said what is public
        else:
            exported = {id(getattr(room, n)) for n in getattr(room, "__all__", ())}
            own = [n for n, v in vars(module).items() if is_own(module, n, v, exported)]
        names |= {f"{module.__name__}.{n}" for n in own}
    return names


def is_own(module, name: str, value, exported: set[int]) -> bool:
    """Whether a module defines a public class or function that its room does not hand on."""
    here = getattr(value, "__module__", None) == module.__name__ and hasattr(value, "__name__")
    return here and not name.startswith("_") and id(value) not in exported


@needs_build
def test_every_public_name_is_described():
    described = {tag["id"] for doc in REFERENCE for tag in content(doc).find_all("dt", id=True)}
    missing = sorted(public() - described)
    assert len(public()) > 150 and not missing, missing


@needs_build
def test_signatures_show_the_arguments_and_no_path():
    for signature in (sig for doc in REFERENCE for sig in content(doc).select("dt.sig")):
        text = signature.text
        assert "*args" not in text and "PosixPath" not in text and "jaxlib" not in text, text
    ddim = content("book/api").find("dt", id="workshop_lite.samplers.ddim").text
    assert all(word in ddim for word in ("denoise", "schedule", "noise", "steps", "eta", "key"))


def test_the_guide_map_names_what_the_package_has():
    rooms = {path.stem for path in (ROOT / "workshop_lite").iterdir()}
    found = 0
    for name, room in ROOM.findall((ROOT / "book/guide_map.md").read_text()):
        if room in rooms:
            assert exists(name), name
            found += 1
    assert found > 40


def exists(name: str) -> bool:
    """Whether this is a module of the package, or something in one."""
    try:
        pkgutil.resolve_name(f"workshop_lite.{name}")
    except (ImportError, AttributeError):
        return False
    return True


# The notebooks ---------------------------------------------------------------------------------


def cells(path: Path, kind: str) -> list[dict]:
    return [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == kind]


def outputs(path: Path) -> list[dict]:
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


@each_notebook
def test_outputs_are_of_one_run_from_top_to_bottom(path):
    counts = [c["execution_count"] for c in cells(path, "code") if "".join(c["source"]).strip()]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_no_cell_failed_or_complained(path):
    assert not [o for o in outputs(path) if o["output_type"] == "error"]
    assert not [o for o in outputs(path) if o.get("name") == "stderr"]


@each_notebook
def test_cells_are_short(path):
    lengths = [len("".join(c["source"]).splitlines()) for c in cells(path, "code")]
    assert max(lengths) <= 25


@each_notebook
def test_no_path_of_the_authors_machine_is_in_a_notebook(path):
    for cell in json.loads(path.read_text())["cells"]:
        assert not LOCAL_PATH.search(json.dumps([cell["source"], text_of(cell)]))


def text_of(cell: dict) -> list:
    """The outputs of a cell without its pictures, whose base64 may spell anything."""
    data = [o.get("data", {}) for o in cell.get("outputs", [])]
    text = [{k: v for k, v in d.items() if not k.startswith("image/")} for d in data]
    return text + [o.get("text", "") for o in cell.get("outputs", [])]


@each_notebook
def test_every_widget_view_has_its_saved_state(path):
    """Without the state, the built page shows a gap where the widget should be."""
    key = "application/vnd.jupyter.widget-view+json"
    shown = {o["data"][key]["model_id"] for o in outputs(path) if key in o.get("data", {})}
    widgets = json.loads(path.read_text())["metadata"].get("widgets", {})
    saved = widgets.get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    assert shown <= set(saved)


@each_notebook
def test_the_colab_badge_leads_to_this_notebook(path):
    repository = CONFIG["repository"]["url"].removeprefix("https://github.com/")
    branch = CONFIG["repository"]["branch"]
    url = (
        f"https://colab.research.google.com/github/{repository}/blob/{branch}/notebooks/{path.name}"
    )
    assert url in "".join(cells(path, "markdown")[0]["source"])
