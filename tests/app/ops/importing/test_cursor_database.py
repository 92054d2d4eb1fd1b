"""Chats in a database of Cursor's editor."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from app.memory.types import Scope
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take

CHAT = {
    "composerId": "c1",
    "name": "Tea",
    "createdAt": 1_760_000_000_000,
    "fullConversationHeadersOnly": [{"bubbleId": name} for name in ("b1", "b2", "b3", "gone")],
}
MESSAGES = {
    "b1": {"type": 1, "text": "brew tea", "bubbleId": "b1", "workspaceUris": ["file:///home/dev/kitchen"]},
    "b2": {"type": 2, "text": "", "bubbleId": "b2", "toolFormerData": {"name": "run"}, "thinking": {"text": "hm"}},
    "b3": {"type": 2, "text": "brewing", "bubbleId": "b3", "createdAt": "2025-10-09T08:54:00.000Z"},
}
OLD = {"tabs": [{"tabId": "t1", "chatTitle": "Old", "bubbles": [{"type": "user", "text": "old words", "id": "o1"}]}]}


def database(file: Path, rows: dict[str, Any], items: dict[str, Any] | None = None) -> Path:
    with closing(sqlite3.connect(file)) as connection, connection:
        for table, values in (("cursorDiskKV", rows), ("ItemTable", items or {})):
            connection.execute(f"create table {table} (key text unique on conflict replace, value blob)")
            for key, value in values.items():
                connection.execute(f"insert into {table} values (?, ?)", (key, value))
    return file


def rows(chat: dict[str, Any] = CHAT) -> dict[str, Any]:
    messages = {f"bubbleId:c1:{name}": json.dumps(message) for name, message in MESSAGES.items()}
    return {"composerData:c1": json.dumps(chat), **messages}


async def test_a_chat_becomes_a_conversation(take: Take, store: PostgresStore, alice: Scope, tmp_path: Path) -> None:
    file = database(tmp_path / "state.vscdb", rows())

    first, again = await take(file), await take(file)

    turns = sorted(await store.recent(alice, 10), key=lambda turn: turn.text)
    assert (first.formats, first.bad, again.messages_skipped) == (["cursor"], 0, 2)
    assert [(turn.role, turn.text, turn.project) for turn in turns] == [
        ("user", "brew tea", "kitchen"),
        ("assistant", "brewing", "kitchen"),
    ]
    assert first.left_aside == {
        "calls and results of tools": 1,
        "thoughts": 1,
        "messages that are no longer there, or damaged": 1,
    }


async def test_messages_inside_a_chat_and_those_of_earlier_versions(
    take: Take, store: PostgresStore, alice: Scope, tmp_path: Path
) -> None:
    inside = {"composerId": "c2", "conversation": [{"type": 1, "text": "inner words", "bubbleId": "b9"}]}
    items = {"workbench.panel.aichat.view.aichat.chatdata": json.dumps(OLD)}
    database(tmp_path / "state.vscdb", {"composerData:c2": json.dumps(inside)}, items)

    await take(tmp_path / "state.vscdb")

    assert {turn.text for turn in await store.recent(alice, 10)} == {"inner words", "old words"}


async def test_a_damaged_chat_costs_that_chat(take: Take, tmp_path: Path) -> None:
    damaged = {"composerData:a": '{"composerId": "a", ', "composerData:b": b"\xff", "composerData:d": None}

    report = await take(database(tmp_path / "state.vscdb", {**damaged, **rows()}))

    assert (report.messages_stored, report.bad) == (2, 2)


@pytest.mark.parametrize("end", [5_000, 8_192])
async def test_half_a_database_is_told(take: Take, tmp_path: Path, end: int) -> None:
    whole = database(tmp_path / "state.vscdb", {**rows(), "composerData:x": "x" * 20_000}).read_bytes()

    report = await take(whole[:end])

    assert report.bad >= 1
