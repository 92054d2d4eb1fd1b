"""Claude Code's transcripts: what was said is taken, what the program and its tools put in is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.memory.types import Scope
from app.ops.importing import entries
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


def typed(content: str, operation: str = "enqueue", **more: Any) -> dict[str, Any]:
    """Return a line about the queue of prompts."""
    time = {"timestamp": "2026-05-08T12:00:01Z"}
    return {"type": "queue-operation", "operation": operation, "content": content, "sessionId": SESSION, **time, **more}


def attached(prompt: str, uuid: str = "u3", parent: str | None = "u2", **more: Any) -> dict[str, Any]:
    attachment = {"type": "queued_command", "commandMode": "prompt", "prompt": prompt, **more}
    return {**line("attachment", "", uuid, parentUuid=parent), "attachment": attachment}


QUEUED = [
    pytest.param([typed("and cups")], ["and cups"], id="never delivered"),
    pytest.param([typed("and cups"), typed("", "dequeue"), line("user", "and cups", "u3")], ["and cups"], id="a line"),
    pytest.param([typed("and cups"), attached("and cups")], ["and cups"], id="an attachment"),
    pytest.param([typed("and cups"), typed("and cups", "remove")], ["and cups"], id="absorbed, older versions"),
    pytest.param(
        [typed("and cups"), typed("and cups", "remove", reason="absorbed_mid_turn")], ["and cups"], id="absorbed"
    ),
    pytest.param([typed("one"), typed("two"), line("user", "one\ntwo", "u3")], ["one\ntwo"], id="put together"),
    pytest.param([typed("go"), attached("go"), line("user", "go", "u4")], ["go"], id="attachment and line"),
    pytest.param([typed("and cups"), typed("and cups", "popAll")], [], id="taken back"),
    pytest.param([typed("<task-notification>x</task-notification>")], [], id="a notification"),
    pytest.param([attached("x", origin={"kind": "peer"})], [], id="another agent"),
]


@pytest.mark.parametrize(("lines", "words"), QUEUED)
async def test_a_prompt_typed_while_claude_works_is_told_once(
    take: Take, store: PostgresStore, alice: Scope, lines: list[Any], words: list[str]
) -> None:
    found = await turns(take, store, alice, [line("user", "tea", "u1"), line("assistant", [text("ok")], "u2"), *lines])

    assert [turn.text for turn in found] == ["tea", "ok", *words]


async def test_a_branch_that_was_given_up_is_left_aside_and_counted(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    lines = [
        line("user", "which tea?", "u1"),
        line("assistant", [text("any")], "u2", parentUuid="u1"),
        line("user", "black", "u3", parentUuid="u2"),
        line("assistant", [text("black it is")], "u4", parentUuid="u3"),
        line("user", "green", "u5", parentUuid="u2"),
        line("assistant", [text("green it is")], "u6", parentUuid="u5"),
    ]

    report = await take(lines)

    found = await store.of_conversation(alice, SESSION, 10)
    assert [turn.text for turn in found] == ["which tea?", "any", "green", "green it is"]
    assert report.left_aside["messages on a branch given up"] == 2
    assert "2 messages on a branch given up" in report.summary()


UUID = "5b1c2f0e-0000-4000-8000-0000000000{:02d}"


@pytest.mark.parametrize("together", [True, False])
async def test_a_message_of_a_session_that_goes_on_under_another_id_is_stored_once(
    take: Take, store: PostgresStore, database: Database, alice: Scope, tmp_path: Path, *, together: bool
) -> None:
    first = [line("user", "which port?", UUID.format(1)), line("assistant", [text("7443")], UUID.format(2))]
    copied = [{**one, "sessionId": "other", "sessionKind": "bg"} for one in first]
    forked = line("user", "which port?", UUID.format(9), sessionId="fork", forkedFrom={"messageUuid": UUID.format(1)})
    more = line("user", "open it", UUID.format(3), sessionId="other")
    if together:
        for name, lines in (("a", [*copied, more]), ("b", first), ("c", [forked])):
            path = tmp_path / "projects" / "-p" / f"{name}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(one) + "\n" for one in lines))
        await take(tmp_path)
    else:
        for lines in (first, [*copied, more], [forked]):
            await take(lines)

    assert sorted(turn.text for turn in await store.recent(alice, 10)) == ["7443", "open it", "which port?"]
    async with database.as_service() as connection:
        assert await connection.fetchval("select count(*) from conversations where messages = 0") == 0


async def test_two_users_may_import_the_same_session(
    take: Take, store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    lines = [line("user", "hello", UUID.format(1))]

    reports = [await take(lines, scope=scope) for scope in (alice, bob, alice, bob)]

    assert [report.messages_stored for report in reports] == [1, 1, 0, 0]


async def test_the_notes_of_claude_code_are_facts_of_their_project(
    take: Take, store: PostgresStore, alice: Scope, tmp_path: Path
) -> None:
    project = tmp_path / "projects" / "-home-ada-src-teapot"
    (project / "memory").mkdir(parents=True)
    (project / "s.jsonl").write_text(json.dumps(line("user", "hello")) + "\n")
    (project / "memory" / "MEMORY.md").write_text("# Memory\n\n- [Tea](tea.md) — how\n")
    note = "---\nname: tea\ndescription: How Ada drinks tea\ntype: user\n---\nWithout milk.\n"
    (project / "memory" / "tea.md").write_text(note)

    whole, alone = await take(tmp_path), await take(project / "memory" / "tea.md")

    [fact] = [memory for memory in await store.recent(alice, 10) if memory.kind == "fact"]
    assert (whole.memories_stored, alone.memories_stored, alone.memories_skipped) == (1, 0, 1)
    assert (fact.text, fact.project) == ("How Ada drinks tea\n\nWithout milk.", "teapot")
    assert fact.metadata["source"] == "claude-code"
    assert fact.metadata["file"] == str(Path("-home-ada-src-teapot") / "memory" / "tea.md")
    assert whole.left_aside["lists of notes"] == 1


@pytest.mark.parametrize(
    ("cwd", "project"),
    [
        pytest.param("/home/ada/teapot", "teapot", id="Linux"),
        pytest.param("C:\\Users\\ada\\teapot", "teapot", id="Windows"),
        pytest.param("/home/ada/teapot/.claude/worktrees/brave-fox-1a2b3c", "teapot", id="a work tree"),
        pytest.param("/", None, id="root"),
        pytest.param(None, None, id="none"),
    ],
)
async def test_the_folder_names_the_project(
    take: Take, store: PostgresStore, alice: Scope, cwd: str | None, project: str | None
) -> None:
    [turn] = await turns(take, store, alice, [line("user", "hello", cwd=cwd)])

    assert turn.project == project


async def test_two_folders_of_one_name_are_two_projects(take: Take, store: PostgresStore, alice: Scope) -> None:
    folders = ["/home/ada/acme/api", "/home/ada/globex/api", "/Users/ada/acme/api"]
    await take([line("user", cwd, f"u{number}", sessionId=cwd, cwd=cwd) for number, cwd in enumerate(folders)])

    turns = await store.recent(alice, 10)
    assert {turn.text: turn.project for turn in turns} == dict(zip(folders, ["api", "globex/api", "api"], strict=True))
