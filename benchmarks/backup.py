"""Backup, verification and restore of many memories, and how much slower writers are meanwhile."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.client import Era, Session, run
from benchmarks.figures import median, median_ratio, percentile, spread
from benchmarks.filling import fill
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, at_most
from benchmarks.servers import NotStarted, Running, app_server, environment, temporary_folder
from benchmarks.texts import Texts, project

BACKUP_S, VERIFY_S, SLOWER = 30, 60, 1.3
_PAUSE_S = 0.005  # between writes: a busy client, not a load test


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. calls: writes without a backup, measured before each one."""

    memories: int = 100_000
    rounds: int = 5
    calls: int = 300


@dataclass(slots=True)
class CommandTimes:
    """Seconds of a command, and milliseconds of writes before it and meanwhile, by percentile; one for each round."""

    seconds: list[float] = field(default_factory=list)
    alone: dict[int, list[float]] = field(default_factory=lambda: {50: [], 95: []})
    meanwhile: dict[int, list[float]] = field(default_factory=lambda: {50: [], 95: []})

    def rows(self, name: str, limit_s: float) -> list[Row]:
        """Return the rows of the command."""
        rows = [
            at_most(f"{name}, while a client writes", median(self.seconds), "s", limit_s, runs=spread(self.seconds))
        ]
        for percent, what, goal in ((50, "… memorize meanwhile, p50", SLOWER), (95, "… p95", None)):
            ratio = median_ratio(self.meanwhile[percent], self.alone[percent])
            rows.append(
                Row(
                    what=what,
                    goal="" if goal is None else f"≤ {goal} × reference",
                    met=None if goal is None else ratio <= goal,
                    figure=median(self.meanwhile[percent]),
                    unit="ms",
                    runs=spread(self.meanwhile[percent]),
                    reference=median(self.alone[percent]),
                    against=ratio,
                    is_ratio=True,
                )
            )
        return rows


FULL, QUICK = Sizes(), Sizes(memories=2_000, rounds=1, calls=50)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Back up a running server while a client writes, then verify and restore."""
    report = Report(
        name="backup",
        title="Backup",
        how=f"`claude-memory backup`, `verify` and `restore` of {sizes.memories:,} memories in a running server with "
        f"the embedded PostgreSQL, {sizes.rounds} rounds. Meanwhile one client writes; the reference is the same "
        "client just before each backup, and the ratio is the median of the rounds'.",
    )
    with temporary_folder() as folder:
        folder.chmod(0o755)  # as root, PostgreSQL runs as another user
        data, file = folder / "data", folder / "backup.tar"
        with app_server(data) as server:
            server.wait_ready()
            texts = Texts(3)
            run(fill(server.port, texts, sizes.memories, steps))
            report.rows += run(_rounds(server, folder, file, texts, sizes, steps))
            size_mb = file.stat().st_size / 1e6
        report.rows.append(Row(what="size of the file", figure=size_mb, unit="MB"))
        restored = [_seconds(run(_command(folder, "restore", str(file), "--replace", "--data-dir", str(data))))]
        report.rows.append(Row(what="restore", figure=median(restored), unit="s"))
    return report


async def _rounds(server: Running, folder: Path, file: Path, texts: Texts, sizes: Sizes, steps: Steps) -> list[Row]:
    session = await Session.open(server.port, Era.LEGACY)
    where = ("--data-dir", str(folder / "data"))
    times = {name: CommandTimes() for name in ("backup", "verify")}
    try:
        await _writes(session, texts, sizes.calls)  # prepared statements
        for _ in steps.over(range(sizes.rounds), f"backups of {sizes.memories:,} memories"):
            for name, of_command in times.items():
                before = await _writes(session, texts, sizes.calls)
                command = asyncio.create_task(_command(folder, name, str(file), *where))
                during = [ms async for ms in _until(command, session, texts)]
                of_command.seconds.append(_seconds(await command))
                for percent in of_command.alone:
                    of_command.alone[percent].append(percentile(before, percent))
                    of_command.meanwhile[percent].append(percentile(during, percent))
    finally:
        session.close()
    return [
        row
        for (name, of_command), limit_s in zip(times.items(), (BACKUP_S, VERIFY_S), strict=True)
        for row in of_command.rows(name, limit_s)
    ]


async def _until(done: asyncio.Task[Any], session: Session, texts: Texts) -> AsyncIterator[float]:
    while not done.done():
        for ms in await _writes(session, texts, 1):
            yield ms


async def _writes(session: Session, texts: Texts, count: int) -> list[float]:
    """Store memories one after the other; return the milliseconds of each."""
    milliseconds = []
    for number in range(count):
        arguments = {"text": f"{time.time_ns()} {texts.text()}", "project": project(number)}
        began = time.perf_counter()
        await session.call("memorize", arguments)
        milliseconds.append((time.perf_counter() - began) * 1_000)
        await asyncio.sleep(_PAUSE_S)
    return milliseconds


async def _command(folder: Path, *arguments: str) -> dict[str, Any]:
    """Run a command and return its report."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "app", *arguments, "--json"),
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,  # no `.env` of a developer
        env=environment(),
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise NotStarted(f"{' '.join(arguments)} ended with {process.returncode}")
    report = json.loads(output)
    assert isinstance(report, dict)
    return report


def _seconds(report: dict[str, Any]) -> float:
    return float(report["seconds"])
