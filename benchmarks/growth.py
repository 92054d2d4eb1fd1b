"""Growth: how storing, searching, memory and disk change as a database of many users grows."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client import Era, Session, run
from benchmarks.figures import percentile
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_most
from benchmarks.servers import Running, app_server, resident_bytes, temporary_folder
from benchmarks.texts import Texts, project
from tests.support.postgres_server import PostgresServer, binaries, postgres_server

SEARCHABLE_S, SEARCH_MS = 120, 6  # the goals at the largest size
_MB = 1_000_000
_FILL_LIMIT_S = 900.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. totals: memories of all users, each has `each`; calls: of each tool at each size."""

    totals: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    each: int = 1_000
    calls: int = 300


FULL, QUICK = Sizes(), Sizes(totals=(200, 400), each=100, calls=20)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Fill one database in steps and measure a fresh server after each."""
    report = Report(
        name="growth",
        title="Growth",
        how=f"One database on Debian's PostgreSQL, {sizes.each:,} memories for each user, stored in batches as an "
        f"import does; then a server with an empty index, {sizes.calls} calls of each tool by one of the users over "
        "HTTP, one after the other.",
    )
    if binaries() is None:
        report.skipped = "no PostgreSQL server is installed; apt-get install postgresql-15"
        return report
    with temporary_folder() as folder, postgres_server(fsync="on") as server:
        folder.chmod(0o755)
        stored = 0
        for total in steps.over(sizes.totals, "growth"):
            began = time.monotonic()
            asyncio.run(_store(server.url(), range(stored // sizes.each, total // sizes.each), sizes.each, steps))
            rate = (total - stored) / (time.monotonic() - began)
            report.rows.append(Row(what=f"{total:,}: stored in batches", figure=rate, unit="/s"))
            report.rows += _measured(server, folder / str(total), total, sizes)
            stored = total
    return report


async def _store(url: str, users: range, each: int, steps: Steps) -> None:
    from app.memory.ports import DomainSettings
    from app.memory.types import Scope
    from app.ops.importing.entries import GoodEntry, Position
    from app.ops.importing.lines import MemoryLine
    from app.ops.importing.prepare import Preparer
    from app.store.database import Database
    from app.store.import_writing import ImportWriter
    from app.store.rows import new_id

    db, texts = Database({"dsn": url}), Texts(users.start)
    await db.open()
    writer, limits = ImportWriter(db), DomainSettings(piece_characters=8_000, redact=True, reply_tokens=8_000)
    try:
        for number in steps.over(users, "storing"):
            preparer = Preparer(limits, new_id, agent="benchmark", project=None)
            lines = [MemoryLine(text=f"{texts.text()} {one}", project=project(one)) for one in range(each)]
            memories = [preparer.memory(GoodEntry(position=Position(), item=line), line) for line in lines]
            await writer.add_memories(Scope(_user(number), "benchmark"), memories)
        await writer.refresh_statistics()
    finally:
        await db.close()


def _user(number: int) -> str:
    return f"user-{number:06}"


def _measured(server: PostgresServer, data: Path, total: int, sizes: Sizes) -> list[Row]:
    """Return the rows of one size: a server that starts with an empty index, one user's calls, memory and disk."""
    data.mkdir()
    one = _user(total // sizes.each // 2)
    with app_server(data, DATABASE_URL=server.url(), DEFAULT_USER_ID=one) as running:
        running.wait_ready()
        filled = _wait_filled(running)
        searches, stores = run(_calls(running.port, sizes.calls))
        memory = resident_bytes(running)[0] / _MB
    index = sum(file.stat().st_blocks * 512 for file in (data / "index").rglob("*") if file.is_file()) / _MB
    goal = total == FULL.totals[-1]
    p50 = percentile(searches, 50)
    return [
        _row(f"{total:,}: from start to searchable", filled, "s", SEARCHABLE_S if goal else None),
        _row(f"{total:,}: search_memory p50", p50, "ms", SEARCH_MS if goal else None),
        Row(what=f"{total:,}: search_memory p95", figure=percentile(searches, 95), unit="ms"),
        Row(what=f"{total:,}: memorize p50", figure=percentile(stores, 50), unit="ms"),
        Row(what=f"{total:,}: memory of the server", figure=memory, unit="MB"),
        Row(what=f"{total:,}: index on disk", figure=index, unit="MB"),
        Row(what=f"{total:,}: database on disk", figure=_database_bytes(server) / _MB, unit="MB"),
    ]


def _row(what: str, figure: float, unit: str, limit: float | None) -> Row:
    return Row(what=what, figure=figure, unit=unit) if limit is None else at_most(what, figure, unit, limit)


def _wait_filled(running: Running) -> float:
    """Search until the index answers; return the seconds since the server's start."""
    while run(_degraded(running.port)):
        if time.perf_counter() - running.began > _FILL_LIMIT_S:
            raise TimeoutError(f"the index was not filled within {_FILL_LIMIT_S:.0f} s")
        time.sleep(0.2)
    return time.perf_counter() - running.began


async def _degraded(port: int) -> bool:
    session = await Session.open(port, Era.LEGACY)
    try:
        return bool((await session.call("search_memory", {"query": "anything at all"}))["degraded"])
    finally:
        session.close()


async def _calls(port: int, count: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of searches and of stores."""
    texts, session = Texts(-1), await Session.open(port, Era.LEGACY)
    times: dict[str, list[float]] = {"search_memory": [], "memorize": []}
    try:
        for _ in range(count):
            for tool, arguments in (
                ("search_memory", {"query": texts.question()}),
                ("memorize", {"text": texts.text()}),
            ):
                began = time.perf_counter()
                await session.call(tool, arguments)
                times[tool].append((time.perf_counter() - began) * 1_000)
    finally:
        session.close()
    return times["search_memory"], times["memorize"]


def _database_bytes(server: PostgresServer) -> int:
    import asyncpg

    async def ask() -> int:
        connection = await asyncpg.connect(server.url())
        try:
            return int(await connection.fetchval("select pg_database_size(current_database())"))
        finally:
            await connection.close()

    return asyncio.run(ask())
