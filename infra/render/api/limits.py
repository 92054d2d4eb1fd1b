"""Render's rate limits: how many calls of each kind fit, counted here before they are made.

The numbers are those of recorded answers. Windows begin at full minutes and hours of Render's clock; each answer says
how many calls are left and when the window ends, so counts follow what other processes use up as well.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from infra.render.api.clock import Clock

_MINUTE_S, _HOUR_S = 60.0, 3600.0
# Shorter waits pass without a word.
_WORTH_TELLING_S = 2.0
# When a 429 says nothing of its length.
_UNKNOWN_WAIT_S = 30.0

OnWait = Callable[[float, str], None]


@dataclass(frozen=True)
class Limit:
    """name says what it counts; calls may be made in each period."""

    name: str
    calls: int
    period_s: float


def limit_of(method: str, path: str) -> Limit:
    """Return the limit a call counts against; each call counts against one."""
    if method == "GET":
        return Limit("reads", 400, _MINUTE_S)
    if method == "POST" and path in ("/services", "/postgres", "/key-value"):
        return Limit(f"new {path[1:]}", 20, _HOUR_S)
    if method == "POST" and re.fullmatch(r"/services/[^/]+/custom-domains", path):
        return Limit("new custom domains", 50, _HOUR_S)
    # One service's changes share a limit. That a rollback counts as a deploy is an assumption, on the safe side.
    changed = re.fullmatch(r"/services/([^/]+)(/deploys|/scale|/rollback)?", path)
    if changed and ((method == "PATCH" and not changed[2]) or (method == "POST" and changed[2])):
        return Limit(f"changes of {changed[1]}", 10, _MINUTE_S)
    return Limit("writes", 100, _MINUTE_S)


@dataclass
class _Window:
    """The current period of a limit: calls left until it ends."""

    left: int
    ends_s: float


class Limits:
    """Counts calls and waits where the next one would be too many. For use by several threads."""

    def __init__(self, clock: Clock, on_wait: OnWait | None = None) -> None:
        self._clock, self._on_wait = clock, on_wait
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}

    def take(self, limit: Limit) -> float:
        """Count a call; return 0, or the seconds to wait before asking again."""
        with self._lock:
            window = self._current(limit)
            if window.left > 0:
                window.left -= 1
                return 0.0
            return window.ends_s - self._clock.now()

    def wait(self, wait_s: float, why: str) -> None:
        """Wait, telling so if it is long."""
        if self._on_wait and wait_s >= _WORTH_TELLING_S:
            self._on_wait(wait_s, why)
        self._clock.sleep(wait_s)

    def learn(self, limit: Limit, headers: Mapping[str, str]) -> None:
        """Take over what an answer says of the limit."""
        left, reset_s = _number(headers.get("Ratelimit-Remaining")), _reset_s(limit, headers)
        if left is None or reset_s is None:
            return
        # The seconds are cut off, not rounded: the window may end up to one later.
        ends_s = self._clock.now() + reset_s + 1
        with self._lock:
            window = self._current(limit)
            # Calls under way are counted here and not yet there: within a window the count only falls.
            later = ends_s > window.ends_s + 2
            window.left = int(left) if later else min(window.left, int(left))
            window.ends_s = ends_s

    def used_up(self, limit: Limit, headers: Mapping[str, str]) -> float:
        """Note a 429; return the seconds until calls are accepted again."""
        wait_s = retry_after_s(headers, self._clock.now())
        reset_s = _reset_s(limit, headers)
        if wait_s is None:
            wait_s = _UNKNOWN_WAIT_S if reset_s is None else reset_s + 1
        with self._lock:
            window = self._current(limit)
            window.left, window.ends_s = 0, self._clock.now() + wait_s
        return wait_s

    def _current(self, limit: Limit) -> _Window:
        now_s = self._clock.now()
        window = self._windows.get(limit.name)
        if window is None:
            window = self._windows[limit.name] = _Window(limit.calls, now_s + limit.period_s)
        elif now_s >= window.ends_s:
            window.left = limit.calls
            window.ends_s += limit.period_s * ((now_s - window.ends_s) // limit.period_s + 1)
        return window


def retry_after_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """Return the seconds that Retry-After asks for, written as a number or as a date; None if it is absent.

    A date is by Render's clock, and so is the answer's own: ours (now_s) counts only if the answer has none.
    """
    given = headers.get("Retry-After")
    number, until_s, sent_s = _number(given), _date_s(given), _date_s(headers.get("Date"))
    if number is not None or until_s is None:
        return number
    return max(0.0, until_s - (now_s if sent_s is None else sent_s))


def _reset_s(limit: Limit, headers: Mapping[str, str]) -> float | None:
    """Return the seconds in Ratelimit-Reset, and no more than the limit's own period, whatever it says."""
    reset_s = _number(headers.get("Ratelimit-Reset"))
    return None if reset_s is None else min(reset_s, limit.period_s)


def _date_s(given: str | None) -> float | None:
    """Return a date of a header as seconds since 1970, None if it is none."""
    try:
        when = parsedate_to_datetime(given or "")
    except ValueError:
        return None
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()


def _number(given: str | None) -> float | None:
    try:
        number = float(given) if given is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None
