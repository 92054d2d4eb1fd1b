"""The account export of Claude."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from app.memory.types import Kind, Scope
from app.ops.importing import bounds
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


async def test_only_words_are_taken_and_all_else_is_counted(take: Take, store: PostgresStore, alice: Scope) -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "I search."},
        {"type": "tool_use", "name": "web_search", "input": {}},
        {"type": "tool_result", "content": [{"type": "text", "text": "a page"}]},
        {"type": "voice_note", "title": "t", "text": "Found it."},
        {"type": "token_budget"},
    ]
    text = "I search.\n```\nThis block is not supported on your current device yet.\n```\nFound it."
    report = await take(export(conversation(message("m1", "assistant", text, content=blocks), summary="They search.")))

    assert [turn.text for turn in await store.of_conversation(alice, "c1", 10)] == ["I search.\n\nFound it."]
    assert report.left_aside == dict.fromkeys(
        ("thoughts", "calls of tools", "results of tools", "other parts of messages", "summaries of conversations"), 1
    )


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


async def test_an_export_that_breaks_off_is_stored_up_to_there_also_inside_a_conversation(take: Take) -> None:
    whole = export(conversation(message("m1", "human", "tea?")), conversation(message("m2", "human", "x"), uuid="c2"))

    report = await take(whole[:-100])

    [problem] = report.problems
    assert (report.messages_stored, report.bad) == (2, 1)
    assert "a part of it was read" in problem.reason


async def test_a_conversation_too_large_to_hold_is_left_out_with_a_reason(
    take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "_HARMLESS_CHARACTERS", 1_000)
    monkeypatch.setattr(bounds, "TEXT_LIMIT_BYTES", 400_000)
    huge = conversation(message("m", "human", "x" * 800_000), uuid="c2")
    small = [conversation(message(f"m{at}", "human", "tea?"), uuid=at) for at in ("c1", "c3")]

    report = await take(export(small[0], huge, small[1]))

    [problem] = report.problems
    assert report.messages_stored == 2
    assert problem.reason == "is longer than 400,000 bytes"


async def test_what_postgresql_cannot_hold_is_left_out_of_texts_and_names(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    await take(export(conversation(message("m\u0000 1", "human", "a\u0000b \ud83d c"), name="\u0000\u0007 Tea")))

    [turn] = await store.of_conversation(alice, "c1", 10)
    assert (turn.text, turn.message_id) == ("ab \ufffd c", "m 1")


async def test_pasted_text_and_the_text_of_files_are_references(take: Take, store: PostgresStore, alice: Scope) -> None:
    pasted = {"file_name": "paste.txt", "file_type": "txt", "extracted_content": "Brew 3 minutes."}
    unread = {"file_name": "tea.png", "extracted_content": ""}
    alone = {**message("m1", "human", ""), "content": [], "attachments": [pasted]}
    beside = message("m2", "human", "What of this?", attachments=[pasted, unread], files=[{"file_name": "paste.txt"}])

    report = await take(export(conversation(alone, beside)))
    again = await take(export(conversation(alone, beside)))

    turns = await store.of_conversation(alice, "c1", 10)
    assert [(turn.text, turn.kind, turn.message_id) for turn in turns] == [
        ("Brew 3 minutes.", Kind.REFERENCE, "m1-1"),
        ("Brew 3 minutes.", Kind.REFERENCE, "m2-1"),
        ("What of this?", Kind.TURN, "m2"),
    ]
    assert turns[0].metadata == {"file": "paste.txt"}
    assert (again.messages_stored, again.messages_skipped) == (0, 3)
    assert report.left_aside == {"files without their text": 1}


def artifact(**given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "name": "artifacts", "input": {"id": "tea", **given}}


async def test_an_artifact_is_told_as_it_became(take: Take, store: PostgresStore, alice: Scope) -> None:
    first = message("m1", "assistant", "I write.")
    first["content"] += [artifact(command="create", title="Tea", content="Brew 3 minutes.")]
    second = message("m2", "assistant", "Shorter.")
    second["content"] += [artifact(command="update", old_str="3 minutes", new_str="briefly")]

    await take(export(conversation(first, second)))

    turns = await store.of_conversation(alice, "c1", 10)
    assert [(turn.text, turn.kind) for turn in turns] == [
        ("I write.", Kind.TURN),
        ("Shorter.", Kind.TURN),
        ("# Tea\n\nBrew briefly.", Kind.REFERENCE),
    ]


MEMORIES = [
    {
        "conversations_memory": "**Work**\n\nSells tea.\n\n**Home**\n\nOwns a pot.",
        "project_memories": {"p1": "Built with Hugo."},
        "account_uuid": "a",
    }
]
PROJECT = {
    "uuid": "p1",
    "name": "Tea site",
    "description": "A shop",
    "prompt_template": "Answer in British English.",
    "docs": [
        {"uuid": "d1", "filename": "style.md", "content": "Colours: green.", "created_at": "2026-05-08T12:00:00Z"}
    ],
}


@pytest.mark.parametrize("packed", [True, False])
async def test_memories_and_projects_of_an_account_come_with_their_own_kinds(
    take: Take, store: PostgresStore, alice: Scope, tmp_path: Path, *, packed: bool
) -> None:
    files = {
        "conversations.json": export(conversation(message("m1", "human", "tea?"))),
        "memories.json": json.dumps(MEMORIES).encode(),
        "projects/p1.json": json.dumps(PROJECT).encode(),
        "users.json": b"[]",
    }
    path = tmp_path / "export"
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        (path / "projects").mkdir(parents=True)
        for name, data in files.items():
            (path / name).write_bytes(data)

    report, again = await take(path), await take(path)

    kept = {memory.text: (memory.kind, memory.project) for memory in await store.recent(alice, 20)}
    assert (report.formats, report.bad, again.stored) == (["claude"], 0, 0)
    assert kept == {
        "**Work**\n\nSells tea.": (Kind.FACT, None),
        "**Home**\n\nOwns a pot.": (Kind.FACT, None),
        "Built with Hugo.": (Kind.FACT, "Tea site"),
        "Answer in British English.": (Kind.PREFERENCE, "Tea site"),
        "A shop": (Kind.NOTE, "Tea site"),
        "Colours: green.": (Kind.REFERENCE, "Tea site"),
        "tea?": (Kind.TURN, None),
    }
    assert report.left_aside["other files"] == (1 if packed else 0)


async def test_memories_come_without_the_rest_of_the_export(take: Take) -> None:
    report = await take(json.dumps(MEMORIES).encode())

    assert (report.memories_stored, report.bad) == (3, 0)
