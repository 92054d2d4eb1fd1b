"""Runs a command of Pulumi again: after it removed the lock of a killed one, and after too many requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.aliyun.deployed.locks import unlock
from infra.aliyun.deployed.throttling import WAITS, is_throttled

TRIES = 6  # that may be refused, and locks that may be removed


@dataclass(frozen=True)
class Ended:
    """runs: how often it ran. printed: by the last run if that failed. refused: whether that was too many requests."""

    runs: int
    printed: str | None = None
    refused: bool = False


def repeated(
    run: Callable[[], str | None],
    what: str,
    *,
    folder: Path,
    stack: str,
    say: Callable[[str], None],
    sleep: Callable[[float], object],
) -> Ended:
    """Run a command until it succeeds or another run would not help. Raises CannotDo for a lock that may be in use.

    run: returns what it printed if it failed. what: names it. sleep: waits that many seconds.
    """
    refused = unlocked = 0
    while True:
        printed = run()
        runs = refused + unlocked + 1
        if printed is None:
            return Ended(runs)
        if unlocked < TRIES and unlock(folder, stack, printed, say):
            unlocked += 1
            continue
        if not is_throttled(printed):
            return Ended(runs, printed)
        refused += 1
        if refused == TRIES:
            return Ended(runs, printed, refused=True)
        wait_s = WAITS.wait_s(refused)
        say(f"Alibaba Cloud has too many requests (429); {what} runs again in {wait_s:.0f} s")
        sleep(wait_s)
