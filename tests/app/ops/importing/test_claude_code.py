"""Claude Code's transcripts: what was said is taken, what the program and its tools put in is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.memory.types import Scope
from app.ops.importing import entries
from app.ops.importing.claude_code import project_of
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take

SESSION = "5b1c2f0e-0000-4000-8000-00000000000a"


def line(kind: str, content: Any, uuid: str = "u1", **more: Any) -> dict[str, Any]:
    """Return a line of a transcript as version 2 writes it."""
    return {
        "type": kind,
        "uuid": uuid,
        "parentUuid": None,
        "sessionId": SESSION,
        "timestamp": "2026-05-08T12:00:00.123Z",
        "cwd": "/home/ada/src/teapot",
        "version": "2.1.0",
        "isSidechain": False,
        "userType": "external",
        "message": {"role": kind, "content": content},
        **more,
    }


def text(said: str) -> dict[str, str]:
    return {"type": "text", "text": said}


async def turns(take: Take, store: PostgresStore, scope: Scope, lines: list[Any]) -> list[Any]:
    report = await take(lines, "claude-code")
    assert report.problems == []
    return await store.of_conversation(scope, SESSION, 100)


async def test_a_session_becomes_a_conversation(
    take: Take, store: PostgresStore, database: Database, alice: Scope
) -> None:
    lines = [
        {"type": "file-history-snapshot", "messageId": "x", "snapshot": {}},
        line("user", "Fix the spout.", "u1"),
        line("assistant", [{"type": "thinking", "thinking": "hm"}, text("I look."), text("It drips.")], "u2"),
        {"type": "ai-title", "aiTitle": "Mend the spout", "sessionId": SESSION},
    ]

    report = await take(lines)

    found = await store.of_conversation(alice, SESSION, 10)
    assert (report.formats, report.messages_stored) == (["claude-code"], 2)
    assert [(turn.role, turn.text, turn.message_id) for turn in found] == [
        ("user", "Fix the spout.", "u1"),
        ("assistant", "I look.\n\nIt drips.", "u2"),
    ]
    assert {turn.project for turn in found} == {"teapot"}
    assert found[0].occurred_at is not None
    assert found[0].occurred_at.isoformat() == "2026-05-08T12:00:00.123000+00:00"
    async with database.as_service() as connection:
        assert await connection.fetchval("select title from conversations") == "Mend the spout"
        assert await connection.fetchval("select distinct agent_id from memories") == "claude-code"


NOISE = [
    pytest.param(line("user", [{"type": "tool_result", "content": "1,000 lines"}]), id="tool result"),
    pytest.param(line("assistant", [{"type": "tool_use", "name": "Read", "input": {}}]), id="tool use"),
    pytest.param(line("assistant", [{"type": "thinking", "thinking": "hm"}]), id="thinking"),
    pytest.param(line("user", "caveat", isMeta=True), id="meta"),
    pytest.param(line("user", "task for a sub-agent", isSidechain=True), id="side chain"),
    pytest.param(line("user", "This session is continued", isCompactSummary=True), id="compact summary"),
    pytest.param(line("assistant", [text("API Error: 529")], isApiErrorMessage=True), id="error of the API"),
    pytest.param(
        line("assistant", "", message={"role": "assistant", "model": "<synthetic>", "content": [text("No response.")]}),
        id="synthetic",
    ),
    pytest.param(line("user", "<command-name>/clear</command-name>\n<command-args></command-args>"), id="command"),
    pytest.param(line("user", "<local-command-stdout>done</local-command-stdout>"), id="output of a command"),
    pytest.param(line("user", "<bash-input>ls</bash-input>"), id="shell"),
    pytest.param(line("user", [text("<system-reminder>be good</system-reminder>")]), id="reminder"),
    pytest.param(line("user", "[Request interrupted by user for tool use]"), id="interruption"),
    pytest.param(line("user", ""), id="empty"),
    pytest.param(line("user", None), id="no content"),
    pytest.param({"type": "system", "subtype": "turn_duration", "content": "x", "sessionId": SESSION}, id="system"),
    pytest.param({"type": "something-new", "sessionId": SESSION, "text": 1}, id="unknown"),
    pytest.param({"type": "user", "sessionId": SESSION, "message": "not an object"}, id="odd message"),
    pytest.param({}, id="empty object"),
]


@pytest.mark.parametrize("noise", NOISE)
async def test_what_nobody_said_is_passed_over(
    take: Take, store: PostgresStore, alice: Scope, noise: dict[str, Any]
) -> None:
    found = await turns(take, store, alice, [line("user", "hello", "u1"), {**noise, "uuid": "u2"}])

    assert [turn.text for turn in found] == ["hello"]


async def test_a_message_that_quotes_a_tag_is_a_message(take: Take, store: PostgresStore, alice: Scope) -> None:
    said = "what does <command-name>/clear</command-name> do?"

    assert [turn.text for turn in await turns(take, store, alice, [line("user", said)])] == [said]


async def test_a_reminder_beside_a_message_is_left_out(take: Take, store: PostgresStore, alice: Scope) -> None:
    blocks = [text("<system-reminder>be good</system-reminder>"), text("hello")]

    assert [turn.text for turn in await turns(take, store, alice, [line("user", blocks)])] == ["hello"]


async def test_a_summary_names_the_session_it_belongs_to_and_no_other(
    take: Take, store: PostgresStore, database: Database
) -> None:
    lines = [
        {"type": "summary", "summary": "Another session", "leafUuid": "elsewhere"},
        {"type": "summary", "summary": "Tea and spouts", "leafUuid": "u2"},
        line("user", "hello", "u1"),
        line("assistant", [text("hi")], "u2"),
    ]
    await take(lines)

    async with database.as_service() as connection:
        assert await connection.fetchval("select title from conversations") == "Tea and spouts"


async def test_a_title_given_by_hand_wins(take: Take, database: Database) -> None:
    lines = [
        line("user", "hello"),
        {"type": "custom-title", "customTitle": "Mine", "sessionId": SESSION},
        {"type": "ai-title", "aiTitle": "Its", "sessionId": SESSION},
    ]
    await take(lines)

    async with database.as_service() as connection:
        assert await connection.fetchval("select title from conversations") == "Mine"


async def test_the_projects_folder_is_read_without_what_sub_agents_said(
    take: Take, store: PostgresStore, alice: Scope, tmp_path: Path
) -> None:
    home = tmp_path / ".claude"
    for name in ("-home-ada-teapot/one.jsonl", "-home-ada-kettle/two.jsonl", "-home-ada-kettle/two/subagents/a.jsonl"):
        path = home / "projects" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        said = line("user", name, sessionId=path.stem, cwd=f"/home/ada/{path.parent.name.rpartition('-')[2]}")
        path.write_text(json.dumps(said) + "\n")

    first = await take(home)
    again = await take(home / "projects")
    one_project = await take(home / "projects" / "-home-ada-kettle")

    assert (first.messages_stored, again.messages_stored, again.messages_skipped) == (2, 0, 2)
    assert one_project.messages_skipped == 1
    assert {(turn.project, turn.conversation_id) for turn in await store.recent(alice, 10)} == {
        ("teapot", "one"),
        ("kettle", "two"),
    }


async def test_a_session_that_went_on_brings_only_what_is_new(take: Take, store: PostgresStore, alice: Scope) -> None:
    lines = [line("user", "one", "u1"), line("assistant", [text("two")], "u2")]
    await take(lines)

    report = await take([*lines, line("user", "three", "u3")])

    assert (report.messages_stored, report.messages_skipped) == (1, 2)
    assert [turn.text for turn in await store.of_conversation(alice, SESSION, 10)] == ["one", "two", "three"]


async def test_a_half_written_last_line_is_told_and_the_rest_is_stored(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "-p"
    folder.mkdir(parents=True)
    (folder / f"{SESSION}.jsonl").write_text(json.dumps(line("user", "hello")) + '\n{"type":"assis')

    report = await take(tmp_path)

    [problem] = report.problems
    assert report.messages_stored == 1
    assert str(problem.position) == f"{Path('-p') / SESSION}.jsonl, line 2"


async def test_a_long_session_comes_in_parts_and_stays_one_conversation(
    take: Take, store: PostgresStore, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "MESSAGES_TOGETHER", 3)
    lines = [line("user", f"message {number}", f"u{number}") for number in range(10)]

    found = await turns(take, store, alice, lines)

    assert [turn.text for turn in found] == [f"message {number}" for number in range(10)]


@pytest.mark.parametrize(
    ("cwd", "project"),
    [
        pytest.param("/home/ada/teapot", "teapot", id="Linux"),
        pytest.param("/home/ada/teapot/", "teapot", id="slash at the end"),
        pytest.param("C:\\Users\\ada\\teapot", "teapot", id="Windows"),
        pytest.param("/", None, id="root"),
        pytest.param(None, None, id="none"),
    ],
)
def test_the_project_is_the_last_part_of_the_folder(cwd: str | None, project: str | None) -> None:
    assert project_of(cwd) == project
