"""Replicas on a PostgreSQL server: killed, restarted, without their database, and with an index to build."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.progress import Steps
from benchmarks.report import Report, at_most
from benchmarks.servers import NotStarted, environment, temporary_folder
from benchmarks.texts import Texts, project
from tests.standins.proxy import proxy
from tests.support.postgres_server import PostgresServer, binaries, postgres_server
from tests.support.replicas import Chaos, Client, NoAnswer, Replicas, replicas

REPLICAS, WRITERS, READERS, KILL_EVERY_S = 3, 4, 4, 2.0
ERROR_S, RECOVERY_S, SEARCHABLE_S = 2.0, 3.0, 15.0


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    chaos_s: float = 60.0
    outage_s: float = 20.0
    memories: int = 100_000


FULL, QUICK = Sizes(), Sizes(chaos_s=6.0, outage_s=3.0, memories=2_000)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Run each trial in turn, on new servers."""
    report = Report(
        name="replicas",
        title="Replicas",
        how=f"{REPLICAS} replicas with an embedded index each on Debian's PostgreSQL with fsync. {WRITERS} writers and "
        f"{READERS} readers for {sizes.chaos_s:g} s while a replica is killed (-9) every {KILL_EVERY_S:g} s; a rolling "
        f"restart behind a proxy; PostgreSQL away for {sizes.outage_s:g} s; an empty index on a database with "
        f"{sizes.memories:,} memories.",
    )
    if binaries() is None:
        report.skipped = "no PostgreSQL server is installed; apt-get install postgresql-15"
        return report
    trials = [_chaos, _rolling_restart, _outages, _empty_index]
    for trial in steps.over(trials, "replicas"):
        with temporary_folder() as folder, postgres_server(fsync="on") as server:
            folder.chmod(0o755)
            asyncio.run(trial(report, sizes, folder, server))
    return report


async def _chaos(report: Report, sizes: Sizes, folder: Path, server: PostgresServer) -> None:
    async with replicas(folder, REPLICAS, DATABASE_URL=server.url()) as running:
        tally = await Chaos(running).run(sizes.chaos_s, KILL_EVERY_S, WRITERS, READERS)
    for what, found in (
        ("acknowledged writes lost", tally.lost),
        ("searches that missed an acknowledged write", tally.missed),
        ("calls failed that were not in flight at a kill", tally.unexplained),
    ):
        report.rows.append(at_most(what, float(len(found)), "", 0.0))
    report.notes.append(
        f"{tally.kills} kills, {len(tally.acknowledged):,} writes acknowledged, {tally.searches:,} searches, of them "
        f"{tally.degraded:,} without the index; {len(tally.in_flight)} calls failed in flight."
    )


async def _rolling_restart(report: Report, sizes: Sizes, folder: Path, server: PostgresServer) -> None:
    over, failures, calls = asyncio.Event(), [], 0

    async def keep_calling(port: int, number: int) -> None:
        nonlocal calls
        client = Client(lambda: [port])
        while not over.is_set():
            calls += 1
            try:
                await client.call("memorize", text=f"Call number{number}x{calls}.")
            except NoAnswer as error:
                failures.append(str(error))
        await client.close()

    async with replicas(folder, REPLICAS, DATABASE_URL=server.url()) as running, proxy(running.ports) as before:
        callers = [asyncio.create_task(keep_calling(before.port, number)) for number in range(WRITERS)]
        for number in range(REPLICAS):
            await running.restart(number)
        over.set()
        await asyncio.gather(*callers)
    report.rows.append(at_most("calls failed in a rolling restart", float(len(failures)), "", 0.0))
    report.notes.append(f"{calls:,} calls during the rolling restart.")


async def _outages(report: Report, sizes: Sizes, folder: Path, server: PostgresServer) -> None:
    async with replicas(folder, REPLICAS, DATABASE_URL=server.url()) as running:
        client = Client(running.ports)
        await client.call("memorize", text="The kettle is blue.")
        await client.close()
        for how in ("stop", "kill", "freeze"):
            calling = [asyncio.create_task(_failing(running, sizes.outage_s)) for _ in range(WRITERS)]
            await asyncio.sleep(0)
            await asyncio.to_thread(getattr(server, how))
            slowest = max(await asyncio.gather(*calling))
            await asyncio.to_thread(server.thaw if how == "freeze" else server.start)
            recovery = await asyncio.gather(*(_recovery(port) for port in running.ports()))
            name = f"PostgreSQL away ({how})"
            report.rows.append(at_most(f"{name}: slowest error", slowest, "s", ERROR_S))
            report.rows.append(at_most(f"{name}: until every replica searches again", max(recovery), "s", RECOVERY_S))


async def _failing(running: Replicas, seconds: float) -> float:
    """Call for some seconds; return how long the slowest failure took."""
    client, slowest, end = Client(running.ports), 0.0, time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        try:
            await client.call("search_memory", query="kettle")
        except NoAnswer:
            slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.05)
    await client.close()
    return slowest


async def _recovery(port: int) -> float:
    """Return how long it takes until the index answers a search."""
    client, began = Client(lambda: [port]), time.monotonic()
    degraded = True
    while degraded:
        try:
            degraded = (await client.call("search_memory", query="kettle"))["degraded"]
        except NoAnswer:
            degraded = True
        await asyncio.sleep(0.05)
    await client.close()
    return time.monotonic() - began


async def _empty_index(report: Report, sizes: Sizes, folder: Path, server: PostgresServer) -> None:
    kinds = {"notes": _notes(sizes.memories), "conversations": Texts(2).conversations(sizes.memories)}
    for kind, lines in kinds.items():
        async with server.database() as url:
            file = folder / f"{kind}.jsonl"
            await asyncio.to_thread(_import, file, lines, url)
            began = time.monotonic()
            async with replicas(folder / kind, 1, DATABASE_URL=url) as running:
                await _recovery(running.ports()[0])
                seconds = time.monotonic() - began
        report.rows.append(
            at_most(f"from start to searchable, {sizes.memories:,} memories ({kind})", seconds, "s", SEARCHABLE_S)
        )


def _notes(count: int) -> Iterator[dict[str, Any]]:
    texts = Texts(1)
    for number in range(count):
        yield {"text": f"{number} {texts.text()}", "project": project(number)}


def _import(file: Path, lines: Iterator[dict[str, Any]], url: str) -> None:
    with file.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run(
        [sys.executable, "-m", "app", "import", str(file), "--json"],
        cwd=file.parent,
        env={**environment(), "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotStarted(f"the import ended with {done.returncode}: {done.stderr[-500:]}")
