"""Time as the client sees it, so that tests need not wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Clock:
    """now: seconds since 1970. sleep: waits that many seconds."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


def seconds(time_text: str) -> float:
    """Return a time of the API, with up to nine digits behind the second, as seconds since 1970."""
    return datetime.fromisoformat(time_text).timestamp()


def text(when_s: float) -> str:
    """Return seconds since 1970 as the API writes a time."""
    return datetime.fromtimestamp(when_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
