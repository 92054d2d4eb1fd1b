"""Shows how a configuration file would change, without values that are not ours."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

_KEY_VALUE_OR_COMMENT = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*"(?=\s*:))|(?P<value>"(?:[^"\\]|\\.)*")|//[^\r\n]*|/\*.*?\*/', re.DOTALL
)
_AFTER_A_NAME = re.compile(r"([=:#]|^(?=[^\[]))\s*\S.*")  # in TOML and YAML: a value or a comment


def masked_diff(file: Path, old: str | None, new: str | None, ours: str, *, in_json: bool = True) -> str:
    """Return the changed lines, with every value masked that we do not write.

    A file may hold other servers' keys and tokens, and a terminal keeps what it shows; so no lines around the change
    are shown either. ours: a document with our part alone.
    """
    written = {match["value"] for match in _KEY_VALUE_OR_COMMENT.finditer(ours)} - {None}

    def masked(match: re.Match[str]) -> str:
        if match["key"] or match["value"] in written:
            return match[0]
        if match["value"]:
            return '"…"'
        return "//…" if match[0].startswith("//") else "/*…" + "\n" * match[0].count("\n") + "*/"

    our_lines = {line.strip() for line in ours.splitlines()}

    def masked_line(line: str) -> str:
        return line if line.strip() in our_lines else _AFTER_A_NAME.sub(r"\1 …", line)

    def lines(text: str | None) -> list[str]:
        if not text:
            return []
        if not in_json:
            return [masked_line(line) for line in text.removesuffix("\n").split("\n")]
        return _KEY_VALUE_OR_COMMENT.sub(masked, text).removesuffix("\n").split("\n")

    names = (str(file) if old is not None else os.devnull, str(file) if new is not None else os.devnull)
    changed = difflib.unified_diff(lines(old), lines(new), *names, n=0, lineterm="")
    return "".join(f"{line}\n" for line in changed)
