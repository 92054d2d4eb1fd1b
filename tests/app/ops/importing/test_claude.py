"""The account export of Claude."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.memory.types import Scope
from app.ops.importing import accounts
from app.ops.importing.claude import branch
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take

ROOT = "00000000-0000-4000-8000-000000000000"


def message(uuid: str, sender: str, said: str, **more: Any) -> dict[str, Any]:
    """Return a message as the export has it."""
    return {
        "uuid": uuid,
        "sender": sender,
        "text": said,
        "content": [{"type": "text", "text": said, "citations": []}],
        "created_at": "2026-05-08T12:00:00.123456Z",
        "updated_at": "2026-05-08T12:00:00.123456Z",
        "attachments": [],
        "files": [],
        **more,
    }


def conversation(*messages: dict[str, Any], uuid: str = "c1", **more: Any) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": "Tea and\nspouts",
        "created_at": "2026-05-08T12:00:00Z",
        "account": {"uuid": "a"},
        "chat_messages": list(messages),
        **more,
    }


def export(*conversations: Any) -> bytes:
    return json.dumps(list(conversations), indent=1).encode()


async def test_an_export_becomes_conversations(
    take: Take, store: PostgresStore, database: Database, alice: Scope
) -> None:
    report = await take(
        export(
            conversation(message("m1", "human", "tea?"), message("m2", "assistant", "with milk")),
            conversation(uuid="empty"),
            conversation(message("m3", "human", "again"), uuid="c2", project={"uuid": "p", "name": "Kitchen"}),
        )
    )

    turns = await store.of_conversation(alice, "c1", 10)
    assert (report.formats, report.messages_stored, report.bad) == (["claude"], 3, 0)
    assert [(turn.role, turn.text, turn.message_id) for turn in turns] == [
        ("user", "tea?", "m1"),
        ("assistant", "with milk", "m2"),
    ]
    assert turns[0].occurred_at is not None
    assert turns[0].occurred_at.isoformat() == "2026-05-08T12:00:00.123456+00:00"
    async with database.as_service() as connection:
        rows = await connection.fetch("select id, title, project from conversations order by id")
    assert [tuple(row) for row in rows] == [("c1", "Tea and spouts", ""), ("c2", "Tea and spouts", "Kitchen")]


async def test_only_text_blocks_are_taken(take: Take, store: PostgresStore, alice: Scope) -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "I search."},
        {"type": "tool_use", "name": "web_search", "input": {}},
        {"type": "tool_result", "content": [{"type": "text", "text": "a page"}]},
        {"type": "text", "text": "Found it."},
    ]
    text = "I search.\n```\nThis block is not supported on your current device yet.\n```\nFound it."
    await take(export(conversation(message("m1", "assistant", text, content=blocks))))

    assert [turn.text for turn in await store.of_conversation(alice, "c1", 10)] == ["I search.\n\nFound it."]


async def test_an_old_export_without_blocks_is_read_by_its_text(take: Take, store: PostgresStore, alice: Scope) -> None:
    old = message("m1", "human", "tea?")
    del old["content"]
    await take(export(conversation(old)))

    assert [turn.text for turn in await store.of_conversation(alice, "c1", 10)] == ["tea?"]


def test_of_several_branches_the_newest_is_followed() -> None:
    def one(uuid: str, parent: str, minute: int) -> dict[str, Any]:
        at = f"2026-05-08T12:{minute:02}:00Z"
        return message(uuid, "human", uuid, parent_message_uuid=parent, created_at=at)

    messages = [one("a", ROOT, 1), one("b", "a", 2), one("edited a", ROOT, 3), one("its answer", "edited a", 4)]

    assert [one["uuid"] for one in branch(messages, None)] == ["edited a", "its answer"]
    assert [one["uuid"] for one in branch(messages, "b")] == ["a", "b"]


def test_a_tree_that_is_broken_loses_nothing() -> None:
    messages = [
        message("b", "human", "b", parent_message_uuid="gone"),
        message("c", "human", "c", parent_message_uuid="gone"),
    ]

    assert branch(messages, None) == messages


ODD = [
    pytest.param({"uuid": "x"}, "no chat_messages", id="no messages"),
    pytest.param("text", "not a JSON object", id="no object"),
    pytest.param(conversation(message("m", "human", "x" * 1_000_001)), "content", id="too long a message"),
]


@pytest.mark.parametrize(("odd", "reason"), ODD)
async def test_an_odd_conversation_is_told_and_the_others_are_stored(take: Take, odd: Any, reason: str) -> None:
    report = await take(export(odd, conversation(message("m1", "human", "tea?"), uuid="good")), "claude")

    [problem] = report.problems
    assert (report.messages_stored, report.bad) == (1, 1)
    assert (problem.position.part or "").startswith("conversation 1")
    assert reason in problem.reason


async def test_an_export_that_breaks_off_is_stored_up_to_there(take: Take) -> None:
    whole = export(conversation(message("m1", "human", "tea?")), conversation(message("m2", "human", "x"), uuid="c2"))

    report = await take(whole[:-100])

    [problem] = report.problems
    assert (report.messages_stored, report.bad) == (1, 1)
    assert "what comes after it was not read" in problem.reason


async def test_a_conversation_too_large_to_hold_ends_the_file_with_a_reason(
    take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "CONVERSATION_LIMIT_BYTES", 200_000)
    small, huge = conversation(message("m1", "human", "tea?")), conversation(message("m", "human", "x" * 400_000))

    report = await take(export(small, huge))

    [problem] = report.problems
    assert report.messages_stored == 1
    assert "longer than 200,000 bytes" in problem.reason


async def test_what_postgresql_cannot_hold_is_left_out_of_texts_and_names(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    await take(export(conversation(message("m\u0000 1", "human", "a\u0000b \ud83d c"), name="\u0000\u0007 Tea")))

    [turn] = await store.of_conversation(alice, "c1", 10)
    assert (turn.text, turn.message_id) == ("ab ? c", "m 1")
