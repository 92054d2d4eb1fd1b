"""What export writes, import reads back, and another export writes the same lines."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.memory.ports import Domain
from app.memory.types import Kind, Scope, Selection
from app.ops import exporting
from app.store.database import Database
from app.store.export_reading import export_snapshot
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Give, Take
from tests.support.domain import change, converse, memorize, minutes

PAST = datetime(2020, 1, 1, tzinfo=UTC)


async def forget_all(database: Any) -> None:
    async with database.as_service() as connection:
        await connection.execute("truncate memories, conversations, changes, term_counts cascade")


async def everything(database: Any) -> list[tuple[Any, ...]]:
    """Return the rows whole; the end of a conversation is told by its next append only."""
    async with database.as_service() as connection:
        memories = await connection.fetch("select * from memories order by id")
        conversations = await connection.fetch("select * from conversations order by user_id, id")
    return [tuple(row) for row in [*memories, *conversations]]


async def test_all_that_a_user_has_comes_back_as_it_was(
    take: Take, give: Give, domain: Domain, store: PostgresStore, database: Database, alice: Scope
) -> None:
    note = await memorize(
        domain, alice, "tea", kind="fact", project="home", tags=["b", "a"], metadata={"x": [1, {"y": None}]}
    )
    gone = await memorize(domain, alice, "archived", expires_in_days=30)
    await memorize(domain, alice, "".join(f"Sentence number {number}. " for number in range(1_500)))
    await change(domain, alice, note, text="coffee")
    await change(domain, alice, gone, archived=True)
    said = [
        {"role": "user", "content": "hi", "name": "Ada", "time": minutes(0).isoformat(), "id": "m1"},
        {"role": "assistant", "content": "x" * 20_000, "time": minutes(1).isoformat()},
        {"role": "user", "content": "hi", "time": minutes(500).isoformat()},
        {"role": "user", "content": "hi"},
        "hi",
    ]
    await converse(domain, alice, said, conversation_id="c", project="home", title="Greetings")
    [_, _, third, *_] = [one for one in await store.of_conversation(alice, "c", 10) if one.text == "hi"]
    await change(domain, alice, third.id, text="edited", kind="decision", tags=["t"], metadata={"k": "v"})
    before, exported = await everything(database), await give()

    await forget_all(database)
    report = await take(exported)

    assert (report.stored, report.skipped, report.bad) == (8, 0, 0)
    assert await everything(database) == before
    assert await give() == exported


names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(str.strip)
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.text(letters, min_size=1, max_size=40).filter(str.strip)
moments = st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)
places = st.timezones() | st.just(timezone(timedelta(hours=-3, minutes=-30)))
ages = [datetime.fromisoformat(day) for day in ("1700-01-01", "2500-01-01")]
somewhere = st.datetimes(*ages, timezones=places).map(datetime.isoformat)
later = moments.filter(lambda moment: moment > "3000")
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.dictionaries(names, st.recursive(scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=5))


def fields(required: dict[str, Any], optional: dict[str, Any]) -> Any:
    kept = {
        "tags": st.lists(names, max_size=3),
        "metadata": values,
        "created_at": moments,
        "updated_at": moments,
        "expires_at": later,
        "archived_at": moments,
        "version": st.integers(1, 2**31 - 1),
        "agent": st.just("") | names,
        "kind": st.sampled_from(list(Kind)),
        "content_hash": st.binary(min_size=32, max_size=32).map(bytes.hex),
    }
    return st.fixed_dictionaries(required, optional={**kept, **optional})


memories = fields({"text": texts, "id": st.uuids().map(str)}, {"project": names, "occurred_at": moments | somewhere})
messages = fields(
    {"role": names, "content": texts, "memory_id": st.uuids().map(str)},
    {"name": names, "time": moments | somewhere, "id": names},
)
conversations = st.fixed_dictionaries(
    {"conversation_id": names, "messages": st.lists(messages, max_size=4)},
    optional={"project": names, "title": names, "created_at": moments, "updated_at": moments},
)


async def test_the_offset_that_came_with_a_time_is_exported_and_imported(
    take: Take, give: Give, domain: Domain, store: PostgresStore, database: Database, alice: Scope
) -> None:
    times = ["2026-03-01T23:30:00-05:00", "2026-03-01T18:30:00+00:00"]
    said = [{"role": "user", "content": time, "time": time} for time in times]
    await converse(domain, alice, said, conversation_id="talk")

    exported = await give()
    await forget_all(database)
    await take(exported)

    told = [one.occurred_at.isoformat() for one in await store.of_conversation(alice, "talk", 9) if one.occurred_at]
    assert told == times


@settings(max_examples=60)
@given(lines=st.lists(memories | conversations, max_size=6))
async def test_what_was_exported_and_imported_is_exported_the_same(
    take: Take, give: Give, database: Database, lines: list[Any]
) -> None:
    await forget_all(database)
    first = await take(lines, "jsonl")
    assert first.problems == []
    before, exported = await everything(database), await give()

    await forget_all(database)
    second = await take(exported, "jsonl")

    assert (second.stored, second.skipped, second.bad) == (first.stored, 0, 0)
    assert await everything(database) == before
    assert await give() == exported


async def test_importing_an_export_where_it_came_from_stores_nothing(
    take: Take, give: Give, domain: Domain, alice: Scope
) -> None:
    await memorize(domain, alice, "tea")
    await converse(domain, alice, ["hi", "hi"], conversation_id="c")

    report = await take(await give())

    assert (report.stored, report.skipped) == (0, 3)


async def test_an_older_export_changes_nothing_that_is_there_and_brings_back_what_is_gone(
    take: Take, give: Give, domain: Domain, store: PostgresStore, alice: Scope
) -> None:
    kept = await memorize(domain, alice, "tea")
    gone = await memorize(domain, alice, "milk")
    exported = await give()
    await change(domain, alice, kept, text="coffee")
    await store.forget(alice, Selection(ids=(gone,)), dry_run=False)

    report = await take(exported)

    assert (report.stored, report.skipped) == (1, 1)
    assert {memory.id: memory.text for memory in await store.recent(alice, 10)} == {kept: "coffee", gone: "milk"}


async def test_another_user_takes_an_export_as_his_own(
    take: Take, give: Give, domain: Domain, store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    await memorize(domain, alice, "".join(f"Sentence number {number}. " for number in range(1_000)))
    await converse(domain, alice, ["hi", "hi"], conversation_id="c")
    exported = await give()

    first = await take(exported, scope=bob)
    again = await take(exported, scope=bob)

    assert (first.stored, again.stored, again.skipped) == (3, 0, 3)
    assert len(await store.recent(alice, 100)) == len(await store.recent(bob, 100))
    assert await give() == exported, "alice's memories are as they were"
    theirs = {memory.id for memory in await store.recent(alice, 100)}
    assert theirs.isdisjoint(memory.id for memory in await store.recent(bob, 100))


async def test_an_export_holds_one_user_and_one_project_when_asked(
    give: Give, domain: Domain, alice: Scope, bob: Scope
) -> None:
    await memorize(domain, alice, "at home", project="home")
    await memorize(domain, alice, "at work", project="work")
    await memorize(domain, bob, "bob's", project="home")
    await converse(domain, alice, ["work talk"], conversation_id="w", project="work")

    lines = [json.loads(line) for line in (await give(project="home")).splitlines()]

    assert [line["text"] for line in lines] == ["at home"]
    assert b"bob's" not in await give()


async def test_what_has_expired_is_not_exported(give: Give, database: Database, domain: Domain, alice: Scope) -> None:
    await memorize(domain, alice, "over", expires_in_days=1)
    async with database.as_service() as connection:
        await connection.execute("update memories set expires_at = $1", PAST)

    assert await give() == b""


async def test_a_long_conversation_is_several_lines_and_one_conversation(
    take: Take, give: Give, domain: Domain, database: Database, alice: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_LINE_MESSAGES", 10)
    said = [{"role": "user", "content": "again", "id": f"m{number}"} for number in range(35)]
    await converse(domain, alice, said, conversation_id="c", title="Long")
    before, exported = await everything(database), await give()

    await forget_all(database)
    await take(exported)

    assert len(exported.splitlines()) == 4
    assert await everything(database) == before


async def test_an_export_is_from_one_moment(
    database: Database, store: PostgresStore, domain: Domain, alice: Scope
) -> None:
    await memorize(domain, alice, "before")
    async with export_snapshot(database, alice) as snapshot:
        first = [turn async for turn in snapshot.turns(None)]  # it begins with its first query
        await memorize(domain, alice, "after")
        await converse(domain, alice, ["after"], conversation_id="c")
        found = [memory.pieces[0][1] async for memory in snapshot.memories(None)]
        turns = [turn async for turn in snapshot.turns(None)]

    assert (first, found, turns) == ([], ["before"], [])


def test_a_file_appears_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text("the last one")
    with pytest.raises(InvalidInput), exporting._opened(str(path)) as out:
        out.write(b"half")
        raise InvalidInput("x", "y", "z")
    assert (path.read_text(), list(tmp_path.iterdir())) == ("the last one", [path])

    with exporting._opened(str(path)) as out:
        out.write(b"whole")

    assert path.read_text() == "whole"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(exporting.Unwritable, match="export takes a file"), exporting._opened(str(tmp_path / "no/x")):
        pass
