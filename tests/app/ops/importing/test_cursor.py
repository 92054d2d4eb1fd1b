"""Chats of Cursor."""

from __future__ import annotations

from typing import Any

from app.memory.types import Scope
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take


def line(role: str, *blocks: Any) -> dict[str, Any]:
    return {"role": role, "message": {"content": list(blocks)}}


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


async def test_a_transcript_becomes_a_conversation(take: Take, store: PostgresStore, alice: Scope) -> None:
    lines = [
        line("user", text("<timestamp>now</timestamp>\n<user_query>\nbrew tea\n</user_query>")),
        line("assistant", text("brewing"), {"type": "tool_use", "name": "Shell", "input": {}}),
        {"type": "turn_ended"},
    ]

    first, again = await take(lines), await take(lines)

    turns = sorted(await store.recent(alice, 10), key=lambda turn: turn.text)
    assert (first.formats, first.bad, again.messages_skipped) == (["cursor"], 0, 2)
    assert [(turn.role, turn.text) for turn in turns] == [("user", "brew tea"), ("assistant", "brewing")]
    assert first.left_aside["calls and results of tools"] == 1


async def test_an_exported_chat_becomes_a_conversation(take: Take, store: PostgresStore, alice: Scope) -> None:
    chat = (
        "# Tea\n_Exported on 1/2/2026 at 10:00:00 GMT+1 from Cursor (1.4.2)_\n\n---\n\n**User**\n\nbrew tea\n\n---\n\n"
    )
    chat += "**Cursor**\n\nbrewing\n\n---\n"

    report = await take(chat.encode())

    turns = sorted(await store.recent(alice, 10), key=lambda turn: turn.text)
    assert (report.formats, report.messages_stored) == (["cursor"], 2)
    assert [(turn.role, turn.text) for turn in turns] == [("user", "brew tea"), ("assistant", "brewing")]
