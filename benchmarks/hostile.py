"""Hostile connections for the soak, in a process of its own: `python -m benchmarks.hostile PORT --tokens A,B`.

Each has an address of its own in 127.0.0.0/8, and lives one life of its kind after the other until the time is over. At
the end a line of JSON says how many lives each kind had.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from benchmarks.attacks import KINDS, Target
from benchmarks.client import run

LIFE_LIMIT_S = 60.0
PAUSE_S = 0.3  # between two lives, at most


async def attack(port: int, tokens: list[str], connections: int, seconds: float) -> Counter[str]:
    """Attack from so many addresses at once; return how many lives each kind had."""
    lives: Counter[str] = Counter()
    end = time.monotonic() + seconds
    attackers = (
        _live(
            KINDS[number % len(KINDS)],
            Target(port, f"127.0.{1 + number // 250}.{1 + number % 250}", tokens[number // len(KINDS) % len(tokens)]),
            lives,
            end,
        )
        for number in range(connections)
    )
    await asyncio.gather(*attackers)
    return lives


async def _live(kind: Callable[[Target], Awaitable[None]], target: Target, lives: Counter[str], end: float) -> None:
    while (left := end - time.monotonic()) > 0:
        lives[kind.__name__] += 1
        # The server may refuse, close or break any of these. RuntimeError: uvloop's, of a connection that is closed.
        with contextlib.suppress(OSError, RuntimeError, TimeoutError, EOFError, asyncio.LimitOverrunError):
            async with asyncio.timeout(min(left, LIFE_LIMIT_S)):
                await kind(target)
        await asyncio.sleep(random.uniform(0, PAUSE_S))


def main(given: list[str] | None = None) -> int:
    """Attack once and print the lives."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--tokens", required=True, help="access tokens of hostile users, separated by commas")
    parser.add_argument("--connections", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=30.0)
    wanted = parser.parse_args(given)
    if hasattr(os, "nice"):
        os.nice(19)  # other machines would attack: what this costs here is not the server's
    lives = run(attack(wanted.port, wanted.tokens.split(","), wanted.connections, wanted.seconds))
    print(json.dumps(lives))
    return 0


if __name__ == "__main__":
    sys.exit(main())
