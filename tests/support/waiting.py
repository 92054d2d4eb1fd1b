"""Waits for conditions instead of for time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 90.0  # only ever spent by a test that fails, and on a cluster of which a node is dead


async def until(condition: Callable[..., object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until a condition holds; fail with `what` when it never does."""
    try:
        async with asyncio.timeout(patience_s):
            while True:
                holds = condition()
                if await holds if inspect.isawaitable(holds) else holds:
                    return
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"waited {patience_s:.0f} s for {what}") from None


def wait_until(condition: Callable[..., Any], what: str, patience_s: float = 30.0, pause_s: float = 0.01) -> Any:
    """Do the same where no loop runs, and return what the condition gave."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(pause_s)
    raise AssertionError(f"waited {patience_s:.0f} s for {what}")
