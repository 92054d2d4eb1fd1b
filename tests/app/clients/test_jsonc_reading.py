"""A JSON text is read as strictly as its client reads it; what is wrong is named with its place."""

from __future__ import annotations

from typing import Any

import pytest

from app.clients.jsonc_reading import BOM, JsonText, NotEditable, Steps


@pytest.mark.parametrize(
    ("text", "comments", "said"),
    [
        ("", True, "line 1, column 1"),
        ('{"a": }', True, "not valid JSON, line 1, column 7: expecting value"),
        ('{\n"a": 1\n"b": 2}', True, "line 3, column 1"),
        ('{"a": 1,,}', True, "not valid JSON"),
        ("{,}", True, "not valid JSON"),
        ('{"a": [,]}', True, "not valid JSON"),
        ('{"a": 1} /* never ends', True, "not valid JSON"),
        ("{} " + "/* " * 500_000, True, "not valid JSON"),  # looked for an end once, not 500,000 times
        ("[" + "[]," * 300_000 + "1]", False, "it has over 200,000 brackets"),
        ("{'a': 1}", True, "not valid JSON"),
        ('{"a": "\x01"}', True, "not valid JSON"),
        ('{"a": NaN}', True, "NaN"),
        ("[" * 100_000, True, "not valid JSON|too deeply"),
        ('{"a": 1} x', False, "not valid JSON"),
        ('{"a": 1, // a\n}', False, "comments or trailing commas, which this client does not read"),
        ('{"a": 1,}', False, "trailing commas"),
    ],
)
def test_what_is_no_json_is_named(text: str, comments: bool, said: str) -> None:
    with pytest.raises(NotEditable, match=said):
        JsonText(text, comments=comments)


@pytest.mark.parametrize("text", ['{"a": {"b": [1, 2]}}', BOM + '{"a": /* x */ {"b": [1, 2,], // y\n},}'])
@pytest.mark.parametrize(
    ("path", "value"),
    [(["a", "b", 1], 2), (["a", "b"], [1, 2]), (["a", "c"], None), (["a", "b", 7], None), (["a", "b", "c"], None)],
)
def test_a_value_is_found_by_its_path(text: str, path: Steps, value: Any) -> None:
    assert JsonText(text, comments=True).get(path) == value


def test_the_place_of_a_value_is_that_in_the_text_as_it_was_given() -> None:
    text = BOM + '{ /* "a": 0, */ "a": 1, }'

    at, depth = JsonText(text, comments=True).descend(["a"])

    assert (text[at], depth) == ("1", 1)
