"""Shows how a configuration file would change, without what it holds of others."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

_KEY_VALUE_OR_COMMENT = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<value>"(?:[^"\\]|\\.)*")|//[^\r\n]*|/\*.*?\*/', re.DOTALL
)


def masked_diff(file: Path, old: str | None, new: str | None, ours: str) -> str:
    """Return the changed lines. A line may hold others' keys and tokens, and a terminal keeps what it shows.

    So there are no lines around the change, and of all values only those stand there that we write.
    ours: a document with our part alone.
    """
    written = {found["value"] for found in _KEY_VALUE_OR_COMMENT.finditer(ours)} - {None}

    def masked(found: re.Match[str]) -> str:
        if found["key"] or found["value"] in written:
            return found[0]
        if found["value"]:
            return '"…"'
        return "//…" if found[0].startswith("//") else "/*…" + "\n" * found[0].count("\n") + "*/"

    def lines(text: str | None) -> list[str]:
        return [] if not text else _KEY_VALUE_OR_COMMENT.sub(masked, text).removesuffix("\n").split("\n")

    names = (str(file) if old is not None else os.devnull, str(file) if new is not None else os.devnull)
    changed = difflib.unified_diff(lines(old), lines(new), *names, n=0, lineterm="")
    return "".join(f"{line}\n" for line in changed)
