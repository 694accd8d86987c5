"""Diagrams are text that a page can show in its own colours, and a screen reader can say."""

import re
from xml.etree import ElementTree

import pytest

from workshop_lite.figures import diagrams

SVG = "{http://www.w3.org/2000/svg}"
ALL = [path.stem for path in sorted(diagrams.FOLDER.glob("*.svg"))]


def test_every_drawing_has_a_function():
    assert sorted(ALL) == sorted(getattr(diagrams, name)().name for name in ALL)


@pytest.mark.parametrize("name", ALL)
def test_a_drawing_is_whole(name):
    """It says what it shows; its text is 9 pixels high on a phone; its arrows have their own id."""
    html = getattr(diagrams, name)()._repr_html_()
    svg = ElementTree.fromstring(html.partition("</style>")[2])
    assert svg.get("role") == "img" and len(svg.get("aria-label")) > 60
    width, height = map(float, svg.get("viewBox").split()[2:])
    size = float(re.search(r"font-size: (\d+)px", html).group(1))
    assert size * 342 / width >= 9  # a phone's column
    texts = svg.findall(f".//{SVG}text")
    assert len(texts) >= 5 and all(text.text.strip() for text in texts)
    assert {m.get("id") for m in svg.iter(f"{SVG}marker")} == {f"tip-{name}"}
    assert set(re.findall(r"url\(#([\w-]+)\)", html)) == {f"tip-{name}"}
    for box in svg.iter(f"{SVG}rect"):
        x, y, w, h = (float(box.get(side)) for side in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height


@pytest.mark.parametrize("name", ALL)
def test_a_drawing_follows_the_page(name):
    """No colour of its own for text and lines: what is dark on white is light on black."""
    html = getattr(diagrams, name)()._repr_html_()
    text_rule = re.search(r"\.diagram text \{(.*?)\}", html).group(1)
    line_rule = re.search(r"\.diagram \.line \{(.*?)\}", html).group(1)
    assert "fill: currentColor" in text_rule and "stroke: currentColor" in line_rule
    assert not re.search(r'<text[^>]* fill="', html)
