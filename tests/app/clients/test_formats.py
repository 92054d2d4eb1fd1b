"""Each format's text is read as the client reads it."""

from __future__ import annotations

import pytest

from app.clients.formats import Format, parsed
from app.clients.jsonc_reading import BOM, NotEditable


@pytest.mark.parametrize("format_", Format)
@pytest.mark.parametrize("text", [None, "", "\n", BOM, f"{BOM}\r\n"])
def test_nothing_holds_no_settings_and_takes_some(format_: Format, text: str | None) -> None:
    document = parsed(text, format_)
    assert document.get(("servers", "memory")) is None

    changed = document.put(("servers", "memory"), {"command": "x"})

    assert parsed(changed.text, format_).get(("servers", "memory")) == {"command": "x"}
    assert changed.text.startswith(BOM) is bool(text and text.startswith(BOM))


@pytest.mark.parametrize(
    ("format_", "text", "says"),
    [
        (Format.JSON, "{} // x", "comments"),
        (Format.JSONC, "{", "not valid JSON"),
        (Format.TOML, "a = \n", r"not valid TOML, .*line 1"),
        (Format.YAML, "a: [", "not valid YAML, line 1"),
    ],
)
def test_what_is_not_of_the_format_is_refused(format_: Format, text: str, says: str) -> None:
    with pytest.raises(NotEditable, match=says):
        parsed(text, format_)
