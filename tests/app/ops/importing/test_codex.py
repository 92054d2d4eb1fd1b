"""Rollouts of Codex."""

from __future__ import annotations

from typing import Any

from app.memory.types import Scope
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take


def line(kind: str, **payload: Any) -> dict[str, Any]:
    return {"timestamp": "2026-05-08T12:00:00Z", "type": kind, "payload": payload}


META = line("session_meta", id="s1", cwd="/home/ada/teapot", cli_version="0.144.4", source="cli")


def item(role: str, *texts: str) -> dict[str, Any]:
    block = "output_text" if role == "assistant" else "input_text"
    content = [{"type": block, "text": text} for text in texts]
    return line("response_item", type="message", role=role, content=content)


def event(kind: str, text: str) -> dict[str, Any]:
    return line("event_msg", type=kind, message=text)


async def said(take: Take, store: PostgresStore, scope: Scope, *lines: Any) -> list[tuple[str | None, str]]:
    report = await take(list(lines))
    assert (report.formats, report.problems) == (["codex"], [])
    return [(turn.role, turn.text) for turn in await store.of_conversation(scope, "s1", 20)]


async def test_a_session_becomes_a_conversation_and_each_message_is_told_once(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    lines = [
        META,
        item("developer", "You are Codex."),
        item(
            "user", "# AGENTS.md instructions for /p\n", "<environment_context>\n<cwd>/p</cwd>\n</environment_context>"
        ),
        item("user", "brew tea"),
        event("user_message", "brew tea"),
        line("response_item", type="reasoning", summary=[]),
        line("response_item", type="function_call", name="shell", arguments="{}"),
        event("agent_message", "brewing"),
        item("assistant", "brewing"),
        event("user_message", "brew tea"),
    ]

    found = await said(take, store, alice, *lines)
    again = await take(lines)

    assert found == [("user", "brew tea"), ("assistant", "brewing"), ("user", "brew tea")]
    assert (again.messages_stored, again.messages_skipped) == (0, 3)
    assert again.left_aside["thoughts"] == again.left_aside["calls of tools"] == 1
    assert {turn.project for turn in await store.of_conversation(alice, "s1", 5)} == {"teapot"}


async def test_turns_that_were_rolled_back_are_left_aside(take: Take, store: PostgresStore, alice: Scope) -> None:
    back = line("event_msg", type="thread_rolled_back", num_turns=1)

    found = await said(
        take,
        store,
        alice,
        META,
        item("user", "tea"),
        item("assistant", "ok"),
        item("user", "no"),
        back,
        item("user", "go"),
    )

    assert found == [("user", "tea"), ("assistant", "ok"), ("user", "go")]


async def test_a_request_from_an_editor_is_told_without_what_the_editor_adds(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    text = "# Context from my IDE setup:\n\n## Open tabs:\n- a.py\n\n## My request for Codex:\nbrew tea"

    assert await said(take, store, alice, META, item("user", text)) == [("user", "brew tea")]


async def test_what_sub_agents_say_is_left_aside(take: Take) -> None:
    meta = line("session_meta", id="s2", cwd="/p", source={"subagent": "review"})

    report = await take([meta, item("user", "review this")])

    assert (report.stored, report.nothing, report.left_aside["messages of sub-agents"]) == (0, True, 1)


async def test_a_rollout_of_an_old_version_is_read(take: Take, store: PostgresStore, alice: Scope) -> None:
    old = {"id": "s1", "timestamp": "2025-06-01T10:00:00Z", "instructions": None}
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "brew tea"}]}

    assert await said(take, store, alice, old, {"record_type": "state"}, message) == [("user", "brew tea")]


async def test_a_session_without_an_id_is_stored_once(take: Take) -> None:
    lines = [item("user", "brew tea"), item("assistant", "ok")]

    first, again = await take(lines), await take(lines)

    assert (first.messages_stored, again.messages_stored, again.messages_skipped) == (2, 0, 2)
