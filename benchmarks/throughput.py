"""Throughput: calls a second with 32 clients at once, compared with a tool that does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from itertools import count

from benchmarks.client import CallFailed, Era, run
from benchmarks.figures import median, median_ratio, spread
from benchmarks.filling import fill
from benchmarks.load import Outcome
from benchmarks.progress import Steps
from benchmarks.report import Report, Row, share
from benchmarks.servers import REPOSITORY, Running, app_server, reference_server, temporary_folder
from benchmarks.texts import Texts

WRITES, SEARCHES = 0.8, 0.6  # of the one-tool server's calls, which neither write to a disk nor read
_SEED = count(100)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    clients: int = 32
    rounds: int = 5
    seconds: float = 4.0
    memories: int = 1_000


FULL, QUICK = Sizes(), Sizes(rounds=2, seconds=1.5)


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of load on one of the servers. limit: the share of the reference that it must reach."""

    what: str
    server: Running
    calls: str
    limit: float | None


def measure(sizes: Sizes, steps: Steps) -> Report:
    """Put load on the servers in turn, in both eras."""
    with (
        temporary_folder() as folder,
        reference_server(folder) as reference,
        reference_server(folder, lean=True) as lean,
        app_server(folder / "written") as written,
        app_server(folder / "read") as read,
    ):
        for server in (reference, lean):
            server.wait_open()
        for server in (written, read):
            server.wait_ready()
            run(fill(server.port, Texts(1), sizes.memories, steps))
        return compare(reference, lean, written, read, sizes, steps)


def compare(reference: Running, lean: Running, written: Running, read: Running, sizes: Sizes, steps: Steps) -> Report:
    """Return the report of running servers; `read` is searched only, so that it keeps its size."""
    report = Report(
        name="throughput",
        title="Throughput",
        how=f"{sizes.clients} keep-alive clients on /mcp in a separate process, each with one call at a time; "
        f"{sizes.rounds} rounds of {sizes.seconds:g} s for each kind, in turn. Searches see {sizes.memories:,} "
        "memories; the mixed load writes and searches the same server, which grows.",
    )
    loads = [
        Load("memorize", written, "memorize", WRITES),
        Load(f"search_memory, {sizes.memories:,} memories", read, "search_memory", SEARCHES),
        Load("half memorize, half search_memory", written, "memorize:1,search_memory:1", SEARCHES),
        Load("memory_stats", read, "memory_stats", None),
        Load("for comparison: the reference, stateless, plain JSON, no access log", lean, "noop", None),
    ]
    for era in Era:
        for server, calls in [(reference, "noop"), *((one.server, one.calls) for one in loads)]:
            generate(server, calls, era, sizes.clients, min(0.5, sizes.seconds))
        noop: list[Outcome] = []
        outcomes: list[list[Outcome]] = [[] for _ in loads]
        for _ in steps.over(range(sizes.rounds), f"load, {era}"):
            noop.append(generate(reference, "noop", era, sizes.clients, sizes.seconds))
            for one, so_far in zip(loads, outcomes, strict=True):
                so_far.append(generate(one.server, one.calls, era, sizes.clients, sizes.seconds))
        for one, so_far in zip(loads, outcomes, strict=True):
            report.rows.append(_row(one, era, so_far, noop))
        latencies = ", ".join(
            f"{one.what.partition(',')[0]} {median([outcome.p50_ms for outcome in so_far]):.0f} / "
            f"{median([outcome.p95_ms for outcome in so_far]):.0f}"
            for one, so_far in zip(loads[:-1], outcomes, strict=False)
        )
        reference_ms = f"{median([one.p50_ms for one in noop]):.0f} / {median([one.p95_ms for one in noop]):.0f}"
        report.notes.append(f"p50 / p95 in ms under this load, {era}: reference {reference_ms}, {latencies}.")
    return report


def _row(load: Load, era: Era, outcomes: list[Outcome], noop: list[Outcome]) -> Row:
    ours = [outcome.per_second for outcome in outcomes]
    theirs = [outcome.per_second for outcome in noop]
    return share(
        f"{load.what}, {era}",
        median(ours),
        "/s",
        median(theirs),
        median_ratio(ours, theirs),
        load.limit,
        runs=spread(ours),
    )


def generate(server: Running, calls: str, era: Era, clients: int, seconds: float) -> Outcome:
    """Run the load generator once. Raises CallFailed when any call failed."""
    command = [sys.executable, "-m", "benchmarks.load", str(server.port), "--era", str(era), "--calls", calls]
    numbers = ["--clients", str(clients), "--seconds", str(seconds), "--seed", str(next(_SEED))]
    done = subprocess.run(
        [*command, *numbers], cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds + 60, check=False
    )
    if done.returncode:
        raise CallFailed(f"the load generator failed: {done.stderr[-500:]}")
    outcome = Outcome(**json.loads(done.stdout))
    if outcome.failed or not outcome.calls:
        raise CallFailed(
            f"{calls}: {outcome.failed} of {outcome.calls + outcome.failed} calls failed: {outcome.first_failure}"
        )
    return outcome
