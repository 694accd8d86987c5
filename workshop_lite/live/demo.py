"""A demo as a cell and as a page shows it."""

import sys
from dataclasses import dataclass
from html import escape

from PIL import Image

from workshop_lite.live.assets import STATIC

NOTE = (
    "In the built book, opened from a server in a browser with JavaScript, this picture is a demo:"
    " <code>make serve</code> opens it with everything alive."
)


@dataclass(frozen=True)
class Demo:
    """One demo: its name, its title, what its picture shows, and the file that has its code.

    In a notebook it is a widget. A page of the book has ``html`` in its place, which the page's own
    script brings alive.
    """

    name: str
    title: str
    alt: str
    bundle: str = "demos"

    def html(self, folder: str) -> str:
        """The picture with a sentence, where ``folder`` is the address of the demos' files."""
        with Image.open(STATIC / f"{self.name}.webp") as picture:
            width, height = (side // 2 for side in picture.size)  # taken at two dots a pixel
        return (
            f'<div class="live" data-live="{self.name}" data-bundle="{self.bundle}"'
            f' data-title="{escape(self.title)}">'
            f'<img src="{folder}/{self.name}.webp" alt="{escape(self.alt)}" width="{width}"'
            f' height="{height}"><p class="live-note">{NOTE}</p></div>'
        )

    def marker(self) -> str:
        """What a notebook keeps, and the built book replaces by ``html``."""
        return (
            f'<p data-live="{self.name}">{escape(self.title)}: run this cell, or see the book.</p>'
        )

    def _repr_mimebundle_(self, **_) -> tuple[dict, dict]:
        from workshop_lite.live.widget import widget  # who only builds the book needs no anywidget

        shown = widget(self.name, self.bundle)._repr_mimebundle_()
        shown, told = shown if isinstance(shown, tuple) else (shown, {})
        if "google.colab" not in sys.modules:  # a book is not built there, and it prefers HTML
            shown = {**shown, "text/html": self.marker()}
        return {**shown, "text/plain": f"live.{self.name}()"}, told
