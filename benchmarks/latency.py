"""Latency: one client, one call after the other, compared with a tool that does nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.client import TIMEOUT_S, Era, Session, run
from benchmarks.figures import median_difference, percentile, spread
from benchmarks.filling import fill
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, within
from benchmarks.servers import Running, app_server, reference_server, temporary_folder
from benchmarks.texts import Texts, project

MEMORIZE_MS, SEARCH_MS, SEARCH_MANY_MS = 1.5, 1.5, 3
MANY = 10_000  # memories from which on a search may take longer


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: rounds of a few calls of each kind in turn."""

    memories: tuple[int, ...] = (1_000, 100_000)
    rounds: int = 30
    calls: int = 20


FULL, QUICK = Sizes(), Sizes(memories=(1_000, 10_000), rounds=5)

NOOP, MEMORIZE, SEARCH, SEARCH_PROJECT = "noop", "memorize", "search_memory", "search_memory, one project"


@dataclass(slots=True)
class Samples:
    """Milliseconds of each call, and the median of each round."""

    all: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Measure at each number of memories."""
    report = Report(
        name="latency",
        title="Latency",
        how=f"One keep-alive client on /mcp; {sizes.rounds} rounds, in each {sizes.calls} calls of every kind in "
        "turn. Figure and reference are medians of all calls; the difference is the median over the rounds. "
        "memorize is answered when PostgreSQL has it on disk, and a search sees all writes before it: "
        "each round's first search indexes what the round wrote.",
    )
    with temporary_folder() as folder, reference_server(folder) as reference:
        reference.wait_open()
        for memories in sizes.memories:
            with app_server(folder / f"data-{memories}") as ours:
                ours.wait_ready()
                texts = Texts(memories)
                run(fill(ours.port, texts, memories, steps))
                for era in Era:
                    report.rows += run(compare(ours, reference, texts, memories, era, sizes, steps))
    return report


async def compare(
    ours: Running, reference: Running, texts: Texts, memories: int, era: Era, sizes: Sizes, steps: Steps
) -> list[Row]:
    """Return the rows of one era, measured on running servers."""
    with_us, with_reference = await Session.open(ours.port, era), await Session.open(reference.port, era)
    number = iter(range(1_000_000))

    async def noop() -> None:
        await _timed(with_reference, NOOP, {"text": texts.text()}, samples[NOOP])

    async def memorize() -> None:
        await _timed(with_us, MEMORIZE, {"text": texts.text(), "project": project(next(number))}, samples[MEMORIZE])

    async def search() -> None:
        await _timed(with_us, SEARCH, {"query": texts.question()}, samples[SEARCH])

    async def search_project() -> None:
        arguments = {"query": texts.question(), "project": project(next(number))}
        await _timed(with_us, SEARCH, arguments, samples[SEARCH_PROJECT])

    kinds: dict[str, Callable[[], Awaitable[None]]] = {
        NOOP: noop,
        MEMORIZE: memorize,
        SEARCH: search,
        SEARCH_PROJECT: search_project,
    }
    samples = {name: Samples() for name in kinds}
    try:
        for call in kinds.values():  # connections, prepared statements
            for _ in range(sizes.calls):
                await call()
        samples.update({name: Samples() for name in kinds})
        for _ in steps.over(range(sizes.rounds), f"calls at {memories:,} memories, {era}"):
            for name, call in kinds.items():
                before = len(samples[name].all)
                for _ in range(sizes.calls):
                    await call()
                samples[name].rounds.append(percentile(samples[name].all[before:], 50))
    finally:
        with_us.close()
        with_reference.close()
    return _rows(samples, memories, era)


async def _timed(session: Session, tool: str, arguments: dict[str, Any], samples: Samples) -> None:
    request = session.request(tool, arguments)
    async with asyncio.timeout(TIMEOUT_S):
        began = time.perf_counter()
        answer = await session.connection.exchange(request)
        samples.all.append((time.perf_counter() - began) * 1_000)
    answer.result()


def _rows(samples: dict[str, Samples], memories: int, era: Era) -> list[Row]:
    noop = samples[NOOP]
    at = f"at {memories:,}, {era}"
    search_ms = SEARCH_MS if memories < MANY else SEARCH_MANY_MS
    rows = []
    for name, limit in ((MEMORIZE, MEMORIZE_MS), (SEARCH, search_ms), (SEARCH_PROJECT, search_ms)):
        ours = samples[name]
        difference = median_difference(ours.rounds, noop.rounds)
        rows.append(
            within(
                f"{name} p50, {at}",
                percentile(ours.all, 50),
                "ms",
                percentile(noop.all, 50),
                difference,
                limit,
                runs=spread(ours.rounds),
            )
        )
        rows.append(
            Row(
                what="… p95",
                figure=percentile(ours.all, 95),
                unit="ms",
                reference=percentile(noop.all, 95),
                against=percentile(ours.all, 95) - percentile(noop.all, 95),
            )
        )
    return rows
