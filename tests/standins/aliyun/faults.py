"""What goes wrong, by switch."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["fail", "drop", "late"]


@dataclass
class Fault:
    """A fault for the next `times` calls that fit.

    fail: answer `status` with `code`. drop: close the connection without an answer. late: answer after `seconds`.
    after: the change is made all the same; before it, nothing is.
    """

    kind: Kind
    operation: str = ".*"  # of Request.operation, the whole of it, as a regular expression: "fc POST /functions"
    times: int = 1
    skip: int = 0  # calls that fit and go well first
    after: bool = False
    status: int = 503
    code: str = "ServiceUnavailable"
    message: str = "something went wrong"
    seconds: float = 0.0

    def fits(self, operation: str) -> bool:
        """Whether it strikes this call; counts down."""
        if self.times <= 0 or not re.fullmatch(self.operation, operation):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


def throttled(operation: str = ".*", times: int = 1, code: str = "Throttling.User") -> Fault:
    """Return a 429. With `Throttling` in its code the provider tries again, with any other it gives up."""
    return Fault("fail", operation, times, status=429, code=code, message="too many requests")


class Faults:
    """All that is switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._calls = 0
        self._cut: tuple[int, bool, Callable[[], None]] | None = None

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def cut(self, at: int, after: bool, then: Callable[[], None] = lambda: None) -> None:
        """Drop the connection of call number `at` from now (the first is 1) and of every later one, until heal().

        after: call `at` itself still makes its change, as when a client dies while it waits for the answer.
        then: called once the change is made, before the connection is dropped; here a test kills the client.
        """
        with self._lock:
            self._calls, self._cut = 0, (at, after, then)

    @property
    def is_cut(self) -> bool:
        """Whether the call at which cut() cuts has come."""
        return self._cut is not None and self._calls >= self._cut[0]

    def heal(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._faults.clear()
            self._cut = None

    def next(self, operation: str) -> tuple[Fault | None, Callable[[], None]]:
        """Return the fault that strikes this call, and what to call before it does."""
        with self._lock:
            self._calls += 1
            if self._cut and self._calls >= self._cut[0]:
                at, after, then = self._cut
                first = self._calls == at
                return Fault("drop", after=after and first), then if first else _nothing
            return next((fault for fault in self._faults if fault.fits(operation)), None), _nothing


def _nothing() -> None:
    """Do nothing."""
