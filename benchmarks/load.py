"""Generates load in its own process: `python -m benchmarks.load PORT --calls memorize:1,search_memory:1`.

Its clients each send one call after the other, for a limited time and number of calls. It prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.client import CallFailed, Era, Session, run
from benchmarks.figures import percentile
from benchmarks.texts import Texts, project

CALLS_LIMIT = 200_000
_PREPARED = 2_000  # arguments made before the clock starts and used in turn; each memory gets a number
_FULLY_CHECKED = 50  # one in so many answers is parsed


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run. Only good answers count as calls."""

    calls: int
    failed: int
    seconds: float
    p50_ms: float
    p95_ms: float
    first_failure: str | None = None

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return self.calls / self.seconds


async def load(port: int, era: Era, mix: dict[str, int], clients: int, seconds: float, seed: int) -> Outcome:
    """Call for some seconds. mix: the relative number of calls of each tool."""
    tools = random.Random(seed).choices(list(mix), list(mix.values()), k=_PREPARED)
    texts = Texts(seed)
    prepared = [(tool, arguments(tool, texts, index)) for index, tool in enumerate(tools)]
    numbers = itertools.count()
    took: list[float] = []
    failures: list[str] = []
    sessions = [await Session.open(port, era) for _ in range(clients)]
    began = time.perf_counter()
    end = began + seconds

    async def client(session: Session) -> None:
        while (now := time.perf_counter()) < end and (number := next(numbers)) < CALLS_LIMIT:
            tool, given = prepared[number % _PREPARED]
            if tool == "memorize":
                given = {**given, "text": f"{given['text']} {seed} {number}"}  # else it is a duplicate
            try:
                answer = await session.connection.exchange(session.request(tool, given))
                if not answer.looks_good():
                    failures.append(f"HTTP {answer.status}: {answer.body[:300]!r}")
                    continue
                if number % _FULLY_CHECKED == 0:
                    answer.result()
            except CallFailed as error:
                failures.append(str(error))
                return
            took.append((time.perf_counter() - now) * 1_000)

    try:
        await asyncio.gather(*(client(session) for session in sessions))
        elapsed = time.perf_counter() - began
    finally:
        for session in sessions:
            session.close()
    return Outcome(
        calls=len(took),
        failed=len(failures),
        seconds=elapsed,
        p50_ms=percentile(took, 50) if took else 0.0,
        p95_ms=percentile(took, 95) if took else 0.0,
        first_failure=failures[0] if failures else None,
    )


def arguments(tool: str, texts: Texts, number: int) -> dict[str, Any]:
    """Return arguments for a call of a tool."""
    if tool in ("noop", "memorize"):
        return {"text": texts.text()} if tool == "noop" else {"text": texts.text(), "project": project(number)}
    return {"query": texts.question()} if tool == "search_memory" else {}


def parsed_mix(value: str) -> dict[str, int]:
    """Read `memorize:1,search_memory:1`. Raises ValueError."""
    parts = (part.partition(":") for part in value.split(","))
    return {tool: int(share or 1) for tool, _, share in parts}


def main(given: list[str] | None = None) -> int:
    """Run once and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--era", type=Era, choices=list(Era), default=Era.LEGACY)
    parser.add_argument("--calls", type=parsed_mix, required=True, metavar="TOOL[:PARTS],…")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(given)
    outcome = run(load(wanted.port, wanted.era, wanted.calls, wanted.clients, wanted.seconds, wanted.seed))
    print(json.dumps(asdict(outcome)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
