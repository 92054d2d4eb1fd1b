"""One value changes, every other character stays."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients.jsonc import Document
from app.clients.jsonc_reading import NotEditable
from tests.support.jsonc import documents

ENTRY = {"command": "/opt/claude memory/bin/claude-memory", "args": ["stdio"]}


def without(value: Any, path: list[str]) -> Any:
    """Return a value with one member taken away."""
    rest = {name: inner for name, inner in value.items() if name != path[0]}
    return rest if len(path) == 1 else {**value, path[0]: without(value[path[0]], path[1:])}


def holders(value: Any, path: list[str]) -> list[list[str]]:
    """Return the paths of all objects that hold something: into those a member is put and taken out again."""
    found = [path] if value else []
    for name, inner in value.items():
        if isinstance(inner, dict):
            found += holders(inner, [*path, name])
    return found


@given(st.data(), st.booleans())
def test_what_was_put_in_comes_out_to_the_character(data: st.DataObject, loose: bool) -> None:
    text = data.draw(documents(loose))
    before = Document(text, comments=loose)
    for path in holders(before.value, []):
        after = before.put([*path, "memory"], ENTRY)

        assert after.get([*path, "memory"]) == ENTRY
        assert without(after.value, [*path, "memory"]) == before.value
        assert after.remove([*path, "memory"]).text == text


@given(st.data(), st.booleans())
def test_a_new_object_leaves_the_others_as_they_are(data: st.DataObject, loose: bool) -> None:
    text = data.draw(documents(loose))
    before = Document(text, comments=loose)
    after = before.put(["new", "memory"], ENTRY)

    assert without(after.value, ["new"]) == before.value
    assert is_subsequence(text, after.text), "characters are added, none is changed or taken away"
    assert after.put(["new", "memory"], ENTRY).value == after.value


@given(st.data(), st.booleans())
def test_any_member_can_be_taken_away(data: st.DataObject, loose: bool) -> None:
    before = Document(data.draw(documents(loose)), comments=loose)
    for path in holders(before.value, []):
        for name in before.get(path):
            after = before.remove([*path, name])

            assert after.value == without(before.value, [*path, name])
            assert is_subsequence(after.text, before.text)


@given(st.data(), st.booleans())
def test_a_member_gets_another_value(data: st.DataObject, loose: bool) -> None:
    before = Document(data.draw(documents(loose)), comments=loose)
    for name in before.value:
        assert before.put([name], ENTRY).value == {**before.value, name: ENTRY}


@given(st.data(), st.booleans())
def test_lists_grow_at_their_end_and_shrink_again(data: st.DataObject, loose: bool) -> None:
    text = data.draw(documents(loose))
    before = Document(text, comments=loose)
    for name, value in before.value.items():
        if isinstance(value, list):
            after = before.append([name], ENTRY)
            assert after.value == {**before.value, name: [*value, ENTRY]}
            if value:
                assert after.remove([name, len(value)]).text == text


def is_subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{}", '{\n  "s": {\n    "m": 1\n  }\n}'),
        ("{}\r\n", '{\r\n  "s": {\r\n    "m": 1\r\n  }\r\n}\r\n'),
        ('{"s":{}}', '{"s":{"m":1}}'),
        ('{"a": 1}', '{"a": 1, "s": {"m": 1}}'),
        ('{"s": {"a": 1}}\n', '{"s": {"a": 1, "m": 1}}\n'),
        ('{\n\t"s": {\n\t\t"a": 1\n\t}\n}', '{\n\t"s": {\n\t\t"a": 1,\n\t\t"m": 1\n\t}\n}'),
        ('{\n    "s": {}\n}', '{\n    "s": {\n        "m": 1\n    }\n}'),
        ('{\n  "s": {\n    "a": 1, // a\n  },\n}', '{\n  "s": {\n    "a": 1, // a\n    "m": 1,\n  },\n}'),
        ('{"s": {\n    "a": 1 // a\n    // "b": 2\n}}', '{"s": {\n    "a": 1, // a\n    "m": 1\n    // "b": 2\n}}'),
        ('{ "a": 1 // a\n}', '{ "a": 1, // a\n"s": {"m": 1}\n}'),
        ('// top\n{ // in\n}\n', '// top\n{ // in\n  "s": {\n    "m": 1\n  }\n}\n'),
    ],
)  # fmt: skip
def test_it_writes_as_the_file_is_written(text: str, wanted: str) -> None:
    assert Document(text, comments=True).put(["s", "m"], 1).text == wanted


def test_a_line_comment_swallows_nothing_when_the_line_after_it_goes() -> None:
    document = Document('{\n  "a": 1, // a\n  "m": 1, "b": 2\n}', comments=True)

    assert document.remove(["m"]).value == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "comments", "said"),
    [
        ('{"s": 1, "s": 2}', False, "s is there 2 times"),
        ('{"s": {"m": 1, "m": 2}}', False, r"s\.m is there 2 times"),
        ('{"s": []}', False, "s is a list, not an object"),
        ('{"s": 1}', False, "s is a plain value, not an object"),
        ("[]", False, "the whole file is a list, not an object"),
        ('"x"', False, "the whole file is a text, not an object"),
    ],
)
def test_what_cannot_be_edited_is_named(text: str, comments: bool, said: str) -> None:
    with pytest.raises(NotEditable, match=said):
        Document(text, comments=comments).put(["s", "m"], 1)


def test_a_file_of_megabytes_takes_no_time() -> None:
    text = json.dumps({"projects": {f"/p/{n}": {"history": ["x" * 200]} for n in range(20_000)}}, indent=2)

    after = Document(text, comments=True).put(["mcpServers", "memory"], ENTRY)

    assert re.sub(r',\n  "mcpServers".*?\n  }', "", after.text, flags=re.DOTALL) == text


@pytest.mark.parametrize(
    ("text", "path", "expected"),
    [
        ('{"servers": null}', ("servers", "a"), '{"servers": {"a": 1}}'),
        ('{"servers":null,"b":2}', ("servers", "a"), '{"servers":{"a":1},"b":2}'),
        ('{"servers": {"a": null}}', ("servers", "a"), '{"servers": {"a": 1}}'),
        ('{\n  "servers": null // none\n}\n', ("servers", "a"), '{\n  "servers": {\n    "a": 1\n  } // none\n}\n'),
        ("null\n", ("servers", "a"), '{\n  "servers": {\n    "a": 1\n  }\n}\n'),
    ],
)
def test_null_is_none(text: str, path: tuple[str, ...], expected: str) -> None:
    assert Document(text, comments=True).put(path, 1).text == expected


def test_null_in_place_of_a_list_is_none_too() -> None:
    assert Document('{"hooks": null}', comments=False).append(("hooks", "End"), 1).text == '{"hooks": {"End": [1]}}'
    assert Document('{"hooks": {"End": null}}', comments=False).append(("hooks", "End"), 1).value == {
        "hooks": {"End": [1]}
    }
