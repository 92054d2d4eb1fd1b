"""Configuration files as people and programs write them: every kind of gap, comment and comma."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from app.clients.jsonc_reading import BOM

blanks = st.text(alphabet=" \t", max_size=3)
comments = st.sampled_from(["/* one */", '/* two, { [ " */', "/* http://x */"])
line_comments = st.sampled_from(["// one", '// "two": {', "//"])
names = st.sampled_from(["a", "b é", 'q"', "\\", "mcpServers", "servers", "//", "/*", ",}", "memory2"])
plain_values = st.sampled_from(["1", "-2.5e3", "true", "null", '"x"', '"// no"', '"\\u00e9\\"}"', '", ]"', "[]", "{}"])


@st.composite
def gaps(draw: st.DrawFn, newline: str, loose: bool) -> str:
    """What may stand between two tokens."""
    parts = [draw(blanks)]
    for _ in range(draw(st.integers(0, 2)) if loose else 0):
        kind = draw(st.sampled_from(["newline", "comment", "line"]))
        parts += {"newline": [newline], "comment": [draw(comments)], "line": [draw(line_comments), newline]}[kind]
        parts.append(draw(blanks))
    return "".join(parts)


@st.composite
def values(draw: st.DrawFn, newline: str, loose: bool, depth: int) -> str:
    """A value in all the ways it can be written."""
    kind = draw(st.sampled_from(["plain", "object", "list"])) if depth else "plain"
    if kind == "plain":
        return draw(plain_values)
    return draw(containers(newline, loose, depth, kind))


@st.composite
def containers(draw: st.DrawFn, newline: str, loose: bool, depth: int, kind: str) -> str:
    """An object or a list of up to three items, perhaps with a trailing comma."""

    def gap() -> str:
        return draw(gaps(newline, loose))

    items = []
    for name in draw(st.lists(names, max_size=3, unique=True)):
        value = gap() + draw(values(newline, loose, depth - 1)) + gap()
        items.append(gap() + json.dumps(name) + gap() + ":" + value if kind == "object" else value)
    opening, closing = "{}" if kind == "object" else "[]"
    trailing = "," if items and loose and draw(st.booleans()) else ""
    return opening + ",".join(items) + trailing + gap() + closing


@st.composite
def documents(draw: st.DrawFn, loose: bool) -> str:
    """A whole file."""
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    start = BOM if draw(st.booleans()) else ""
    body = draw(containers(newline, loose, 3, "object"))
    return start + draw(gaps(newline, loose)) + body + draw(gaps(newline, loose))
