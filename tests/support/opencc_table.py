"""Writes the table of app/memory/opencc.py: `python -m tests.support.opencc_table TSCharacters.txt`, of OpenCC."""

from __future__ import annotations

import re
import sys
from pathlib import Path

MODULE = Path(__file__).parents[2] / "app" / "memory" / "opencc.py"
_COLUMNS = 100


def encoded(table: dict[int, int]) -> str:
    """Return a table as the module has it: for each character the number of those skipped before it, and its fold."""
    text, at = "", 0
    for traditional, simplified in sorted(table.items()):
        text += f"{traditional - at or ''}{chr(simplified)}"
        at = traditional + 1
    return text


def read(lines: str) -> dict[int, int]:
    """Return the table in OpenCC's file: the first of the simplified characters that a line offers."""
    rows = (line.split() for line in lines.splitlines() if line.strip())
    return {ord(row[0]): ord(row[1]) for row in rows}


def main() -> None:
    """Replace the table in the module."""
    text = encoded(read(Path(sys.argv[1]).read_text(encoding="utf-8")))
    rows = "".join(f'    "{row}"\n' for row in re.findall(rf".{{1,{_COLUMNS}}}(?<=\D)", text))
    source = MODULE.read_text(encoding="utf-8")
    MODULE.write_text(re.sub(r"(?s)_TABLE = \(\n.*?\n\)", lambda _: f"_TABLE = (\n{rows})", source), encoding="utf-8")


if __name__ == "__main__":
    main()
