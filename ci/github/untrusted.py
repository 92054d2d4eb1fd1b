"""Makes text that strangers wrote harmless in a comment: no mention, marker, picture or endless length."""

from __future__ import annotations

import re

MOST_CHARACTERS = 60_000  # GitHub takes 65,536 in a comment
_BREAK = "\u200b"  # has no width, and ends a mention or a reference
_CUT = "\n\n*The rest is cut off here; the job's artifact has all of it.*\n"
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
# What the plan itself uses may stay.
_TAG = re.compile(r"<(?!/?(?:b|details|summary)>|br ?/?>)(?=[!?/a-zA-Z])")
_HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str, most_characters: int = MOST_CHARACTERS) -> str:
    """Return a text that notifies no one, refers to nothing, loads nothing, and fits."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _HTML_COMMENT.sub("", text).lstrip("\n")
    text = _TAG.sub(f"<{_BREAK}", text)  # such as what is left of nested comments, and pictures
    text = text.replace("@", f"@{_BREAK}").replace("![", f"!{_BREAK}[")
    text = re.sub(r"(?:#|(?<=\bGH)-)(?=\d)", lambda found: found[0] + _BREAK, text)
    return text if len(text) <= most_characters else _cut(text, most_characters)


def _cut(text: str, most_characters: int) -> str:
    """Return the beginning of a text, up to the end of a line; an open block of code is closed."""
    kept = text[: most_characters - len(_CUT) - 100].rpartition("\n")[0]
    fence = _open_fence(kept)
    return f"{kept}\n{fence}{_CUT}"


def _open_fence(text: str) -> str:
    """Return the fence that would close the block of code at a text's end; empty outside of one."""
    current = ""
    for found in _FENCE.findall(text):
        if not current:
            current = found[:90]
        elif found[0] == current[0] and len(found) >= len(current):
            current = ""
    return current
