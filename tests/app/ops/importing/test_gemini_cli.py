"""Chats of Gemini CLI."""

from __future__ import annotations

import json
from typing import Any

from app.memory.types import Scope
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take

META = {"sessionId": "g1", "projectHash": "h", "startTime": "t", "lastUpdated": "t", "kind": "main"}


def message(id_: str, kind: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"id": id_, "timestamp": "2026-05-08T12:00:00Z", "type": kind, "content": content, **more}


async def said(take: Take, store: PostgresStore, scope: Scope, *records: Any) -> list[tuple[str | None, str]]:
    report = await take(list(records))
    assert (report.formats, report.problems) == (["gemini-cli"], [])
    return [(turn.role, turn.text) for turn in await store.of_conversation(scope, "g1", 20)]


async def test_a_session_becomes_a_conversation(take: Take, store: PostgresStore, alice: Scope) -> None:
    found = await said(
        take,
        store,
        alice,
        META,
        message("m1", "user", [{"text": "brew @tea.md and its content"}], displayContent="brew @tea.md"),
        message("m2", "gemini", "", thoughts=[{"subject": "x"}]),
        message("m2", "gemini", "brewing", toolCalls=[{"id": "1", "name": "shell"}]),
        message("m3", "info", "update available"),
        message("m4", "user", "/help"),
        {"$set": {"summary": "Tea"}},
    )

    assert found == [("user", "brew @tea.md"), ("assistant", "brewing")]


async def test_what_was_rewound_is_left_aside(take: Take, store: PostgresStore, alice: Scope) -> None:
    records = [META, message("m1", "user", "tea"), message("m2", "gemini", "ok"), message("m3", "user", "no")]

    assert await said(take, store, alice, *records, {"$rewindTo": "m3"}, message("m4", "user", "go")) == [
        ("user", "tea"),
        ("assistant", "ok"),
        ("user", "go"),
    ]


async def test_all_messages_may_be_set_anew(take: Take, store: PostgresStore, alice: Scope) -> None:
    anew = {"$set": {"messages": [message("m2", "user", "green tea")]}}

    assert await said(take, store, alice, META, message("m1", "user", "tea"), anew) == [("user", "green tea")]


async def test_a_session_of_an_old_version_is_one_object(take: Take, store: PostgresStore, alice: Scope) -> None:
    old = {**META, "messages": [message("m1", "user", "tea"), message("m2", "gemini", "ok")]}
    data = json.dumps(old, indent=2).encode()

    first, again = await take(data), await take(data)

    assert (first.formats, first.messages_stored, again.messages_skipped) == (["gemini-cli"], 2, 2)


async def test_what_sub_agents_say_is_left_aside(take: Take) -> None:
    report = await take([{**META, "kind": "subagent"}, message("m1", "user", "tea")])

    assert (report.stored, report.left_aside["messages of sub-agents"]) == (0, 1)
