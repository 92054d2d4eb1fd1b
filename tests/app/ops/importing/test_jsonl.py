"""Our own lines are stored; a bad one is reported and stops no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from app.memory.ports import Domain
from app.memory.types import Kind, Scope
from app.ops.importing import entries, json_lines
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Give, Take
from tests.support.domain import converse


async def test_a_memory_is_stored_with_everything_its_line_says(take: Take, store: PostgresStore, alice: Scope) -> None:
    line = {
        "text": "tea, not coffee",
        "kind": "preference",
        "project": "home",
        "tags": ["drinks", "饮料", "drinks"],
        "metadata": {"page": 3},
        "created_at": "2020-01-01T12:00:00+02:00",
        "expires_at": "2999-01-01",
    }

    report = await take([line])

    [memory] = await store.recent(alice, 10)
    assert (report.memories_stored, report.bad) == (1, 0)
    assert (memory.text, memory.kind, memory.project) == ("tea, not coffee", Kind.PREFERENCE, "home")
    assert (memory.tags, memory.metadata) == (("drinks", "饮料"), {"page": 3})
    assert memory.created_at == datetime(2020, 1, 1, 10, tzinfo=UTC)
    assert memory.expires_at == datetime(2999, 1, 1, tzinfo=UTC)


async def test_a_conversation_is_stored_in_its_order(
    take: Take, store: PostgresStore, database: Database, alice: Scope
) -> None:
    line = {
        "conversation_id": "c",
        "project": "home",
        "title": "Tea",
        "messages": [
            {"role": "user", "content": "tea?", "name": "Ada", "time": "2026-05-08T12:00:00Z", "id": "m1"},
            {"role": "assistant", "content": "with milk", "id": "m2"},
        ],
    }

    report = await take([line])

    turns = await store.of_conversation(alice, "c", 10)
    assert (report.messages_stored, report.bad) == (2, 0)
    assert [(turn.role, turn.text, turn.name, turn.message_id) for turn in turns] == [
        ("user", "tea?", "Ada", "m1"),
        ("assistant", "with milk", None, "m2"),
    ]
    assert {turn.project for turn in turns} == {"home"}
    async with database.as_service() as connection:
        row = await connection.fetchrow("select title, messages, last_position from conversations")
    assert tuple(row) == ("Tea", 2, 1)


BAD_LINES = [
    pytest.param(b'{"text": "half', "is not JSON", id="cut off"),
    pytest.param(b"\xff\xfe", "is not UTF-8", id="not UTF-8"),
    pytest.param(b"[1, 2]", "takes a memory", id="no object"),
    pytest.param(b'{"txt": "x"}', "takes a memory", id="neither of the two"),
    pytest.param(b'{"text": "  "}', "text: got", id="nothing but space"),
    pytest.param(b'{"text": "x", "kind": "poem"}', "one of note, fact", id="unknown kind"),
    pytest.param(b'{"text": "x", "colour": "red"}', "no such argument", id="unknown field"),
    pytest.param(b'{"text": "x", "created_at": "soon"}', "ISO 8601", id="no date"),
    pytest.param(b'{"text": "a\\u0000b"}', "text: got", id="NUL"),
    pytest.param(b'{"text": "\\ud800"}', "text: got", id="lone surrogate"),
    pytest.param(b'{"conversation_id": "c", "messages": [{"role": "user"}]}', "messages[0].content", id="no content"),
    pytest.param(b'{"messages": [{"role": "user", "content": "x"}]}', "conversation_id", id="no conversation id"),
    pytest.param(b"[" * 100_000, "is not JSON", id="too deep"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
async def test_a_bad_line_is_told_with_its_number_and_the_others_are_stored(
    take: Take, store: PostgresStore, alice: Scope, line: bytes, reason: str
) -> None:
    report = await take(b'{"text": "before"}\n\n' + line + b'\n{"text": "after"}', "jsonl")

    [problem] = report.problems
    assert (report.stored, report.bad) == (2, 1)
    assert problem.position.line == 3
    assert reason in problem.reason
    assert "\n" not in problem.reason
    assert {memory.text for memory in await store.recent(alice, 10)} == {"before", "after"}


async def test_a_line_that_is_too_long_is_skipped_whole(
    take: Take, store: PostgresStore, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "LINE_LIMIT_BYTES", 1_000)
    monkeypatch.setattr(json_lines, "_SKIPPED_AT_ONCE", 100)
    lines = [{"text": "x" * 5_000}, {"text": "short"}]

    report = await take(lines, "jsonl")

    assert [problem.position.line for problem in report.problems] == [1]
    assert "longer than 1,000 bytes" in report.problems[0].reason
    assert [memory.text for memory in await store.recent(alice, 10)] == ["short"]


async def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    report = await take(b'\xef\xbb\xbf{"text": "one"}\r\n{"text": "two"}\r\n')

    assert (report.stored, report.bad) == (2, 0)
    assert {memory.text for memory in await store.recent(alice, 10)} == {"one", "two"}


async def test_credentials_are_taken_out_of_everything(take: Take, give: Give) -> None:
    key = "sk-ant-" + "api03-" + "A1b2C3d4E5" * 9 + "-A1b2C3AA"
    await take(
        [
            {"text": f"note {key}", "tags": [key], "metadata": {"key": key}},
            {"conversation_id": "c", "title": key, "messages": [{"role": "user", "content": f"say {key}"}]},
        ]
    )

    exported = (await give()).decode()
    assert key not in exported
    assert exported.count("[redacted: ") == 5


async def test_redactions_are_counted(take: Take) -> None:
    key = "sk-ant-" + "api03-" + "A1b2C3d4E5" * 9 + "-A1b2C3AA"

    assert (await take([{"text": f"note {key}"}])).redacted == 1


async def test_a_long_text_is_cut_into_linked_pieces(
    take: Take, store: PostgresStore, database: Database, alice: Scope
) -> None:
    text = "".join(f"Sentence number {number}. " for number in range(1_500))
    await take([{"text": text}, {"conversation_id": "c", "messages": [{"role": "user", "content": text}]}])

    async with database.as_service() as connection:
        rows = await connection.fetch("select whole_id, part, text from memories order by whole_id, part")
    wholes = {row["whole_id"]: "" for row in rows}
    for row in rows:
        wholes[row["whole_id"]] += row["text"]
    assert list(wholes.values()) == [text, text]
    assert max(len(row["text"]) for row in rows) <= 8_000


async def test_a_long_conversation_on_one_line_is_stored_in_parts(
    take: Take, store: PostgresStore, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "MESSAGES_TOGETHER", 3)
    messages = [{"role": "user", "content": "again"} for _ in range(10)]

    first = await take([{"conversation_id": "c", "messages": messages}])
    again = await take([{"conversation_id": "c", "messages": messages}])

    assert (first.messages_stored, again.messages_skipped) == (10, 10)
    assert len(await store.of_conversation(alice, "c", 100)) == 10


async def test_messages_without_ids_are_known_by_content_and_count(
    take: Take, store: PostgresStore, alice: Scope
) -> None:
    def line(*said: str) -> dict[str, object]:
        return {"conversation_id": "c", "messages": [{"role": "user", "content": one} for one in said]}

    first = await take([line("hi", "ok"), line("ok", "yes")])
    again = await take([line("hi", "ok"), line("ok", "yes"), line("ok")])

    assert (first.messages_stored, first.messages_skipped) == (4, 0)
    assert (again.messages_stored, again.messages_skipped) == (1, 4)
    assert [turn.text for turn in await store.of_conversation(alice, "c", 10)] == ["hi", "ok", "ok", "yes", "ok"]


async def test_what_was_imported_is_known_when_a_client_sends_it(take: Take, domain: Domain, alice: Scope) -> None:
    said = [{"role": "user", "content": "hello", "name": "Ada", "time": "2026-05-08T12:00:00Z"}]
    await take([{"conversation_id": "c", "messages": said}, {"text": "a note"}])

    again = await converse(domain, alice, said, conversation_id="c")

    assert (again.stored, again.skipped) == (0, 1)


async def test_a_conversation_stays_in_its_project(take: Take, store: PostgresStore, alice: Scope) -> None:
    def line(project: str, number: int) -> dict[str, object]:
        messages = [{"role": "user", "content": f"{number}", "id": f"{number}"}]
        return {"conversation_id": "c", "project": project, "messages": messages}

    await take([line("first", 1)])
    await take([line("second", 2)])

    assert {turn.project for turn in await store.of_conversation(alice, "c", 10)} == {"first"}


async def test_project_takes_the_place_of_all_projects(take: Take, store: PostgresStore, alice: Scope) -> None:
    messages = [{"role": "user", "content": "in a conversation"}]
    await take(
        [{"text": "a", "project": "one"}, {"text": "b"}, {"conversation_id": "c", "messages": messages}], project="new"
    )

    assert {memory.project for memory in await store.recent(alice, 10)} == {"new"}


async def test_what_has_expired_is_skipped(take: Take, store: PostgresStore, alice: Scope) -> None:
    past = "2020-01-01"
    report = await take(
        [
            {"text": "over", "expires_at": past},
            {"conversation_id": "c", "messages": [{"role": "user", "content": "over", "expires_at": past}]},
        ]
    )

    assert (report.stored, report.skipped, report.bad) == (0, 2, 0)
    assert await store.recent(alice, 10) == []


async def test_a_file_with_nothing_in_it_imports_nothing(take: Take) -> None:
    report = await take(b"")

    assert json.loads(json.dumps(report.to_json()))["stored"] == 0
    assert report.bad == 0
