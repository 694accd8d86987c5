"""A table that is text in a terminal and HTML on a page."""

import re
from collections.abc import Mapping, Sequence
from html import escape

from workshop_lite import checks

_NUMBER = re.compile(r"[-−+±~]?\s?\.?\d")  # how a cell with a number begins


class Table:
    """Rows under headings; ``print`` shows text, a notebook's last line HTML.

    On a narrow screen each row of the HTML becomes a card, whose cells name their column. The
    first column names the row.

    Args:
        rows: a mapping from heading to cell for each row, all with the same headings. A cell is
            shown as ``str`` shows it.

    Raises ValueError without a row, and for rows with different headings.
    """

    def __init__(self, rows: Sequence[Mapping[str, object]]):
        listed = isinstance(rows, list | tuple) and len(rows) > 0
        if not listed or not all(isinstance(row, Mapping) and row for row in rows):
            raise ValueError(f"rows must be a list of dicts, not empty, got {checks.shown(rows)}")
        self.headings = tuple(map(str, rows[0]))
        for row in rows:
            if tuple(map(str, row)) != self.headings:
                raise ValueError(
                    f"rows must all have the headings {self.headings}, got {tuple(row)}"
                )
        self.rows = [tuple(str(cell) for cell in row.values()) for row in rows]

    def __str__(self) -> str:
        lines = [self.headings, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        # A column without a number says so, to stand on the left.
        words = [
            "" if any(map(_NUMBER.match, column)) else ' class="words"'
            for column in zip(*self.rows, strict=True)
        ]
        head = "".join(
            f'<th scope="col"{kind}>{escape(name)}</th>'
            for name, kind in zip(self.headings, words, strict=True)
        )
        body = "\n".join(f"<tr>{self._cells(row, words)}</tr>" for row in self.rows)
        return (
            f'<table class="numbers">\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{body}\n</tbody>\n</table>"
        )

    def _cells(self, row: tuple[str, ...], words: list[str]) -> str:
        named = list(zip(self.headings, row, words, strict=True))[1:]
        cells = (f'<td{kind} data-column="{escape(n)}">{escape(c)}</td>' for n, c, kind in named)
        return f'<th scope="row">{escape(row[0])}</th>' + "".join(cells)
