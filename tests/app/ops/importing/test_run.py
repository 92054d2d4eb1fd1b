"""A whole import: again, after kill -9, with a broken line, beside other users, while PostgreSQL is away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from app.errors import StoreUnavailable
from app.memory.ports import Domain
from app.memory.types import Scope
from app.ops.importing import run
from app.store.database import Database
from app.store.import_writing import ImportWriter
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take
from tests.support.domain import texts_for
from tests.support.waiting import until

REPOSITORY = Path(__file__).resolve().parents[4]


def notes(count: int) -> list[dict[str, Any]]:
    return [{"text": f"note {number} {'x' * 300}"} for number in range(count)]


def conversations(count: int, turns: int) -> list[dict[str, Any]]:
    return [
        {
            "conversation_id": f"c{number}",
            "messages": [{"role": "user", "content": f"{number} {turn}", "id": f"m{turn}"} for turn in range(turns)],
        }
        for number in range(count)
    ]


async def count(database: Any) -> tuple[int, int]:
    async with database.as_service() as connection:
        return tuple(
            await connection.fetchrow("select count(*), count(distinct (conversation_id, text)) from memories")
        )


async def test_importing_the_same_again_stores_nothing_twice(take: Take, database: Database) -> None:
    lines = [*notes(30), *conversations(3, 20), *notes(5)]

    first, again = await take(lines), await take(lines)

    assert (first.memories_stored, first.memories_skipped, first.messages_stored) == (30, 5, 60)
    assert (again.stored, again.skipped, again.bad) == (0, 95, 0)
    assert await count(database) == (90, 90)


async def test_small_batches_store_the_same_as_one(
    take: Take, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_BATCH_ROWS", 7)

    report = await take([*notes(30), *conversations(2, 20)])

    assert (report.stored, await count(database)) == (70, (70, 70))


async def test_an_import_is_for_one_user(take: Take, store: PostgresStore, alice: Scope, bob: Scope) -> None:
    lines = [*notes(3), *conversations(1, 2)]
    await take(lines, scope=alice)
    report = await take(lines, scope=bob)

    assert report.stored == 5
    assert len(await store.recent(alice, 100)) == len(await store.recent(bob, 100)) == 5


async def test_what_was_imported_is_found(take: Take, domain: Domain, alice: Scope) -> None:
    await take([{"text": "the grey cat sleeps"}, *conversations(1, 3), {"text": "the kettle drips"}])

    assert await texts_for(domain, alice, "grey cat") == ["the grey cat sleeps"]


async def test_many_bad_lines_are_counted_and_the_first_are_shown(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_BATCH_ROWS", 10)
    report = await take([{"text": ""}] * 50 + notes(1), "jsonl")

    shown = report.summary().splitlines()
    assert (report.stored, report.bad, len(report.to_json()["problems"])) == (1, 50, 50)
    assert len(shown) == 22
    assert shown[1].startswith("  line 1: text: got ''")
    assert shown[-1] == "  and 30 more; --json lists them"


async def test_one_memory_that_postgresql_refuses_takes_no_other_with_it(
    take: Take, store: PostgresStore, alice: Scope, bob: Scope
) -> None:
    await take([{"text": "bob's", "id": "018f0000-0000-7000-8000-000000000002"}], scope=bob)
    pieces = [
        {"id": "018f0000-0000-7000-8000-000000000001", "characters": 1},
        {"id": "018f0000-0000-7000-8000-000000000001", "characters": 1},
    ]
    odd = {"text": "ab", "id": pieces[0]["id"], "pieces": pieces}  # the same id twice

    report = await take([*notes(3), odd])

    [problem] = report.problems
    assert (report.stored, problem.position.line) == (3, 4)
    assert "PostgreSQL rejected the batch" in problem.reason


async def test_a_database_that_comes_back_ends_no_import(
    take: Take, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = iter([True, True, False])
    add = ImportWriter.add_memories

    async def unsure(self: ImportWriter, scope: Scope, memories: Any) -> int:
        stored = await add(self, scope, memories)  # the second time nothing is new
        if next(failures):
            raise StoreUnavailable("PostgreSQL does not answer; try again")
        return stored

    monkeypatch.setattr(ImportWriter, "add_memories", unsure)
    report = await take(notes(5))

    assert report.stored + report.skipped == 5
    assert await count(database) == (5, 5)


async def test_a_database_that_stays_away_ends_the_import_with_its_reason(
    take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(self: ImportWriter, scope: Scope, memories: Any) -> int:
        raise StoreUnavailable("PostgreSQL does not answer; try again")

    monkeypatch.setattr(ImportWriter, "add_memories", away)
    with pytest.raises(StoreUnavailable):
        await take(notes(5))


def environment(connect_arguments: dict[str, Any]) -> dict[str, str]:
    """Return the environment of a command on the test's database."""
    host, port = quote(str(connect_arguments["host"]), safe=""), connect_arguments["port"]
    url = f"postgresql:///{connect_arguments['database']}?host={host}&port={port}&user={connect_arguments['user']}"
    return {**os.environ, "DATABASE_URL": url, "PYTHONPATH": str(REPOSITORY), "DEFAULT_USER_ID": "alice"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "app", *arguments]


async def test_an_import_killed_half_way_is_finished_by_running_it_again(
    database: Database, connect_arguments: dict[str, Any], tmp_path: Path
) -> None:
    lines = [*notes(6_000), *conversations(60, 100)]
    data = [json.dumps(line).encode() + b"\n" for line in lines]
    options: dict[str, Any] = {"env": environment(connect_arguments), "cwd": tmp_path}
    with subprocess.Popen(  # noqa: ASYNC220 - it is killed, not waited for
        command("import", "-"), stdin=subprocess.PIPE, stderr=subprocess.PIPE, **options
    ) as process:
        assert process.stdin
        feeding = asyncio.create_task(asyncio.to_thread(feed, process.stdin, data[:6_030]))

        async def half_way() -> bool:
            assert process.stderr is not None
            assert process.poll() is None, process.stderr.read()
            return (await count(database))[0] >= 5_000

        await until(half_way, "half of it is stored")
        process.kill()
        await feeding
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    stored = (await count(database))[0]
    assert 5_000 <= stored < 12_000

    (tmp_path / "all.jsonl").write_bytes(b"".join(data))
    done = await asyncio.to_thread(
        lambda: subprocess.run(command("import", "all.jsonl", "--json"), capture_output=True, check=True, **options)
    )

    report = json.loads(done.stdout)
    assert report["stored"] <= 12_000 - stored
    assert report["stored"] + report["skipped"] == 12_000
    assert await count(database) == (12_000, 12_000)
    async with database.as_service() as connection:
        sizes = await connection.fetch("select messages, last_position from conversations")
        logged = await connection.fetchval("select count(*) from changes")
    assert Counter(map(tuple, sizes)) == {(100, 99): 60}
    assert logged == 12_000, "one entry in the change log for each"


def feed(pipe: Any, lines: list[bytes]) -> None:
    try:
        for line in lines:
            pipe.write(line)
        pipe.flush()
    except BrokenPipeError:
        pass
