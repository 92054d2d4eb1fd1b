"""Values of a JSON file, one at a time; one broken place costs one part of one value."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ops.importing import bounds, json_values
from app.ops.importing.entries import BadEntry
from app.ops.importing.json_values import values

CHATS = [
    {
        "uuid": f"c{chat}",
        "name": f"chat {chat}",
        "chat_messages": [{"uuid": f"c{chat}m{m}", "text": f'"{m}" {{é}} 😀', "sender": "human"} for m in range(4)],
    }
    for chat in range(4)
]
TREES = [
    {
        "title": f"t{chat}",
        "create_time": 1.5,
        "mapping": {f"c{chat}m{m}": {"id": f"c{chat}m{m}", "message": {"text": f"{m}"}} for m in range(4)},
        "current_node": f"c{chat}m3",
    }
    for chat in range(4)
]


def read(data: bytes, begins: tuple[str, str] | None = None) -> list[tuple[str, dict[str, Any] | str]]:
    """Return (place, the value or what is wrong with it)."""
    found = values(io.BytesIO(data), "f.json", "conversation", begins)
    return [(str(place), item.reason if isinstance(item, BadEntry) else item) for place, item in found]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'[{"a": 1}, {"a": 2}]', id="an array"),
        pytest.param(b' [{"a": 1},{"a": 2}]', id="after a blank"),
        pytest.param(b'{"a": 1}\n{"a": 2}', id="one after the other"),
    ],
)
def test_they_are_read_from_an_array_or_one_after_the_other(data: bytes) -> None:
    assert read(data) == [("f.json, conversation 1", {"a": 1}), ("f.json, conversation 2", {"a": 2})]


def test_what_is_no_object_is_left_out_and_the_next_one_read() -> None:
    (_, wrong), (_, right) = read(b'["x", {"a": 1}]')

    assert (wrong, right) == ("is not a JSON object", {"a": 1})


@pytest.mark.parametrize("rest", [b"nonsense", b'{"b": '])
def test_what_is_no_json_is_told_after_what_came_before(rest: bytes) -> None:
    (_, first), (place, reason) = read(b'[{"a": 1},' + rest)

    assert first == {"a": 1}
    assert place == "f.json, conversation 2"
    assert "is not JSON" in str(reason)
    assert "was not read" in str(reason)


def test_the_one_after_a_value_that_is_too_large_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_HARMLESS_CHARACTERS", 1_000)
    monkeypatch.setattr(bounds, "TEXT_LIMIT_BYTES", 400_000)
    found = read(json.dumps([{"a": 1, "b": text} for text in ("x", "x" * 3_000_000, "y")]).encode())

    assert [value for _, value in found] == [{"a": 1, "b": "x"}, "is longer than 400,000 bytes", {"a": 1, "b": "y"}]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(b"[" * 100_000 + b"]" * 100_000, "is nested too deeply", id="depth"),
        pytest.param(b'{"a":' * 100_000, "is nested too deeply", id="depth of objects that do not end"),
        pytest.param(b'{"a": 1, "b": ' + b"9" * 5_000 + b"}", "has a number of over 4,300 digits", id="a long number"),
        pytest.param(b'{"a": 1, "b": [' + b"[]," * 900_000 + b"[]]}", "has too many parts", id="many parts"),
    ],
)
def test_the_one_after_a_value_that_is_not_parsed_is_read(broken: bytes, reason: str) -> None:
    (_, first), *told, (_, last) = read(b'[{"a": 1, "b": 2},' + broken + b',{"a": 1, "b": 3}]')

    assert (first, last) == ({"a": 1, "b": 2}, {"a": 1, "b": 3})
    assert reason in str(told[-1][1])


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_the_size_of_the_pieces_that_are_read_changes_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_values, "_READ_BYTES", size)

    assert [value for _, value in read(json.dumps(CHATS, ensure_ascii=False).encode())] == CHATS


def test_control_characters_and_surrogates_cost_no_value() -> None:
    [(_, value)] = read(b'[{"a": "x\x00y\nz \xed\xa0\xbd\xed\xb8\x80 \xff"}]')

    assert value == {"a": "xy z 😀 \ufffd"}


def messages(found: list[tuple[str, dict[str, Any] | str]]) -> set[str]:
    parts: list[Any] = []
    for _, value in found:
        if isinstance(value, dict):
            members = value.get("chat_messages") or value.get("mapping") or []
            parts += members if isinstance(members, list) else members.values()
    return {str(part.get("uuid") or part.get("id")) for part in parts if isinstance(part, dict)}


@pytest.mark.parametrize(
    ("whole", "begins"),
    [pytest.param(CHATS, ("uuid", "name"), id="arrays"), pytest.param(TREES, ("title", "create_time"), id="objects")],
)
@given(data=st.data())
def test_one_broken_byte_touches_two_conversations_at_most_and_no_other(
    whole: list[Any], begins: tuple[str, str], data: st.DataObject
) -> None:
    text = json.dumps(whole, ensure_ascii=False).encode()
    at = data.draw(st.integers(0, len(text) - 1))
    broken = data.draw(st.sampled_from([bytes([code]) for code in b'"{}[]\\,:x\x00\n\xff\xed'] + [b""]))

    found = messages(read(text[:at] + broken + text[at + 1 :], begins))

    lost = {f"c{chat}m{m}" for chat in range(4) for m in range(4)} - found
    # A place at the end of a conversation may cost the first message of the next one, too.
    assert len({name[:2] for name in lost}) <= 2


def test_a_broken_message_costs_no_other_of_its_conversation() -> None:
    text = json.dumps(CHATS).encode().replace(b'"c1m1", "text": "', b'"c1m1", "text": x')

    found = messages(read(text))

    assert {f"c{chat}m{m}" for chat in range(4) for m in range(4)} - found == {"c1m1"}
