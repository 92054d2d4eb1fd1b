"""Makes text that strangers wrote harmless in a comment: no mention, marker, picture or endless length."""

from __future__ import annotations

import re

MOST_CHARACTERS = 60_000  # GitHub takes 65,536 in a comment
_BREAK = "\u200b"  # has no width, and ends a mention or a reference
_CUT = "\n\n*The rest is cut off here; the job's artifact has all of it.*\n"
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
# What the plan itself uses may stay.
_TAG = re.compile(r"<(?!/?(?:b|details|summary)>|br ?/?>)(?=[!?/a-zA-Z])")
_HTML_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# Markdown turns them into characters after all of this; as characters they would mention and refer.
_ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot);)(?=(?:#\d+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);)")
# A backslash before punctuation is not shown.
_NUMBER = re.compile(r"(?:#|\bGH\\?-)(?=\d)", re.IGNORECASE)
_PAGE = re.compile(
    r"\b(?:issues|pulls?|discussions)\\?/(?=[\d%])", re.IGNORECASE
)  # the address of a thing with a number
_DETAILS = re.compile(r"<(/?)details>")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str, most_characters: int = MOST_CHARACTERS) -> str:
    """Return a text that notifies no one, refers to nothing, loads nothing, and fits."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _HTML_COMMENT.sub("", text).lstrip("\n")
    text = _TAG.sub(f"<{_BREAK}", text)  # such as what is left of nested comments, and pictures
    text = text.replace("@", f"@{_BREAK}").replace("![", f"!{_BREAK}[")
    for pattern in (_ENTITY, _NUMBER, _PAGE):
        text = pattern.sub(lambda found: found[0] + _BREAK, text)
    return text if len(text) <= most_characters else _cut(text, most_characters)


def _cut(text: str, most_characters: int) -> str:
    """Return the beginning of a text, up to the end of a line; what is open there is closed."""
    room = most_characters - len(_CUT) - 100
    while True:
        kept = text[:room].rpartition("\n")[0]
        cut = f"{kept}\n{_closing(kept)}{_CUT}"
        if len(cut) <= most_characters:
            return cut
        room //= 2  # only a text that opens hundreds of things needs more to close them


def _closing(text: str) -> str:
    """Return what would close the block of code at a text's end, and the details that are open around it."""
    fence, details = "", 0
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if found and not fence:
            fence = found[1][:90]
        elif found and found[1][0] == fence[0] and len(found[1]) >= len(fence):
            fence = ""
        elif not fence:
            for tag in _DETAILS.finditer(line):
                details = max(details - 1, 0) if tag[1] else details + 1
    return fence + "\n\n</details>" * details
