"""What readers share: places, long conversations in parts, foreign names and times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.ops.importing import entries
from app.ops.importing.entries import BadEntry, ConversationParts, GoodEntry, Position, in_parts, named, said, when
from app.ops.importing.lines import ConversationLine


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        (Position(), "the input"),
        (Position(line=7), "line 7"),
        (Position(file="a.jsonl", line=7, part="messages[2]"), "a.jsonl, line 7, messages[2]"),
    ],
)
def test_a_place_is_named_as_far_as_it_is_known(place: Position, shown: str) -> None:
    assert str(place) == shown


def messages(number: int) -> list[dict[str, Any]]:
    return [{"role": "user", "content": f"text {n}"} for n in range(number)]


def test_a_long_conversation_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MESSAGES_TOGETHER", 3)
    line = ConversationLine.model_validate({"conversation_id": "c", "messages": messages(7)})

    parts = [found.item for found in in_parts(Position(), line)]

    assert [len(part.messages) for part in parts if isinstance(part, ConversationLine)] == [3, 3, 1]


def test_messages_that_are_collected_come_in_parts_too_and_bad_ones_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MESSAGES_TOGETHER", 2)
    parts = ConversationParts("claude-code")
    parts.conversation = {"conversation_id": "c"}

    given = [*messages(2), {"role": "user", "content": ""}, *messages(1)]
    found = [entry for number, one in enumerate(given, 1) for entry in parts.add(Position(line=number), one)]
    found += parts.flush()

    assert [type(entry) for entry in found] == [GoodEntry, BadEntry, GoodEntry]
    places = [entry.position for entry in found if isinstance(entry, GoodEntry | BadEntry)]
    assert [str(place) for place in places] == ["line 1", "line 3", "line 4"], "where each part begins"
    assert {entry.agent for entry in found if isinstance(entry, GoodEntry)} == {"claude-code"}
    assert list(parts.flush()) == []


def test_a_conversation_that_cannot_be_stored_is_named_once() -> None:
    parts = ConversationParts("claude")
    assert list(parts.add(Position(line=1), messages(1)[0])) == []

    [bad] = parts.flush()

    assert isinstance(bad, BadEntry)
    assert "conversation_id" in bad.reason


@pytest.mark.parametrize(
    ("value", "name"),
    [("a\nb\tc", "a b c"), ("  ", None), (None, None), (5, None), ("x" * 300, "x" * 200), ("\ud800a\x00", "\ufffda")],
)
def test_a_foreign_name_becomes_one_line(value: object, name: str | None) -> None:
    assert named(value) == name


def test_a_foreign_text_keeps_all_that_can_be_stored() -> None:
    assert said("\n a\x00b\ud800 \n") == " ab\ufffd "
    assert said(None) == ""


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-05-08T14:00:00+02:00", datetime(2026, 5, 8, 12, tzinfo=UTC)),
        ("2026-05-08", datetime(2026, 5, 8, tzinfo=UTC)),
        (1_778_241_600, datetime(2026, 5, 8, 12, tzinfo=UTC)),
        (1_778_241_600.5, datetime(2026, 5, 8, 12, 0, 0, 500_000, UTC)),
        ("yesterday", None),
        (1e300, None),
        (True, None),
        (None, None),
        ([], None),
    ],
)
def test_a_foreign_time_is_read_or_left_out(value: object, moment: datetime | None) -> None:
    assert when(value) == moment
