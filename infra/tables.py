"""Tables for people: columns where the terminal is wide enough for their words, else a paragraph for each row."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.terminal import console, on_one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_COLOURS = {
    **dict.fromkeys(("ok", "live", "same", "available", "healthy"), "green"),
    **dict.fromkeys(("warning", "suspended", "differs", "deploying", "starting"), "yellow"),
    **dict.fromkeys(("failed", "missing", "unhealthy", "exited", "restarting"), "bold red"),
}
_WIDTH = 200  # where there is no terminal whose width could be asked
_LONGEST_WORD = 40  # longer ones, such as those of log lines, may be broken
_BETWEEN = 3  # characters between two columns
_NOTHING = ("", "-")
_INDENT, _SEPARATOR = 4, " · "  # of a paragraph

Row = Sequence[str]


def print_table(header: Row, rows: Sequence[Row]) -> None:
    """Print rows; names and ids are never broken, so that they can be copied."""
    rows = [[on_one_line(cell) for cell in row] for row in rows]
    screen = console(width=_width())
    if _least_width(header, rows) <= screen.width:
        screen.print(_table(header, rows))
        return
    for row in rows:
        _print_paragraph(screen, header, row)


def _width() -> int | None:
    """Return how wide lines may be; None: as wide as the terminal."""
    return None if sys.stdout.isatty() else _WIDTH


def _least_width(header: Row, rows: Sequence[Row]) -> int:
    """Return how wide a table is whose columns are as wide as their longest words."""
    words = [" ".join(column).split() or [""] for column in zip(header, *rows, strict=True)]
    widths = [max(min(len(word), _LONGEST_WORD) for word in column) for column in words]
    return sum(widths) + _BETWEEN * len(widths)


def _table(header: Row, rows: Sequence[Row]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*header, box=box.SIMPLE_HEAD, show_header=any(header), pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, ""), overflow="fold") for cell in row))
    return table


def _print_paragraph(screen: Console, header: Row, row: Row) -> None:
    """Print the first cell, and the second where the first column has no name; below them the others by name."""
    from rich.padding import Padding
    from rich.text import Text

    first = 1 if header[0] else 2
    title = Text("  ").join(Text(cell, style=_COLOURS.get(cell, "bold")) for cell in row[:first])
    screen.print(title, soft_wrap=True)
    for line in _lines(header[first:], row[first:], screen.width - _INDENT):
        screen.print(Padding(Text(line, overflow="fold"), (0, 0, 0, _INDENT), expand=False))


def _lines(header: Row, cells: Row, width: int) -> list[str]:
    """Return the cells with their names, as many in a line as fit into it."""
    lines: list[str] = []
    for name, cell in zip(header, cells, strict=True):
        if cell in _NOTHING:
            continue
        text = f"{name}: {cell}" if name else cell
        if lines and len(lines[-1]) + len(_SEPARATOR) + len(text) <= width:
            lines[-1] += _SEPARATOR + text
        else:
            lines.append(text)
    return lines
