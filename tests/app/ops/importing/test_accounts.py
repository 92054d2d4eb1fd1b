"""Conversations of account exports, one at a time."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from app.ops.importing import accounts
from app.ops.importing.accounts import conversations
from app.ops.importing.entries import BadEntry


def read(data: bytes) -> list[tuple[str, dict[str, Any] | str]]:
    """Return (place, the conversation or what is wrong with it)."""
    found = conversations(io.BytesIO(data), "conversations.json")
    return [(str(place), item.reason if isinstance(item, BadEntry) else item) for place, item in found]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'[{"a": 1}, {"a": 2}]', id="an array"),
        pytest.param(b'\xef\xbb\xbf [{"a": 1},{"a": 2}]', id="with a byte order mark"),
        pytest.param(b'{"a": 1}\n{"a": 2}', id="one after the other"),
    ],
)
def test_they_are_read_from_an_array_or_one_after_the_other(data: bytes) -> None:
    assert read(data) == [
        ("conversations.json, conversation 1", {"a": 1}),
        ("conversations.json, conversation 2", {"a": 2}),
    ]


def test_what_is_no_object_is_left_out_and_the_next_one_read() -> None:
    (_, wrong), (_, right) = read(b'["x", {"a": 1}]')

    assert (wrong, right) == ("is not a JSON object", {"a": 1})


@pytest.mark.parametrize("rest", [b"", b"nonsense", b'{"b": '])
def test_what_is_no_json_ends_the_reading_after_what_came_before(rest: bytes) -> None:
    (_, first), (place, reason) = read(b'[{"a": 1},' + rest)

    assert first == {"a": 1}
    assert place == "conversations.json, after conversation 1"
    assert "is not JSON" in str(reason)
    assert "was not read" in str(reason)


def test_one_that_is_too_long_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "CONVERSATION_LIMIT_BYTES", 200_000)
    data = json.dumps([{"a": "x" * 80_000}, {"a": "x" * 300_000}, {"a": 3}]).encode()

    found = read(data)

    assert [place for place, _ in found] == ["conversations.json, conversation 1", "conversations.json, conversation 2"]
    assert found[-1][1] == "is longer than 200,000 bytes; what comes after it was not read"
