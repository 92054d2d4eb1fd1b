"""What goes wrong, by switch."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["fail", "throttle", "late", "drop", "empty", "malformed", "truncated"]


@dataclass
class Fault:
    """A fault for the next `times` calls that fit.

    fail: answer `status`. throttle: answer 429 (with `headers`). late: answer after `seconds`. drop: close the
    connection. empty: answer `status` (202) without a body. malformed: answer no JSON. truncated: break off in the
    middle of the answer.
    after: the change is made all the same; before it, nothing is. (empty, malformed, truncated: always after.)
    """

    kind: Kind
    method: str | None = None
    path: str = ".*"  # the whole path, as a regular expression
    times: int = 1
    skip: int = 0  # calls that fit and go well first
    after: bool = False
    status: int = 503
    message: str = "something went wrong"
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)

    def fits(self, method: str, path: str) -> bool:
        """Whether it strikes this call; counts down."""
        if self.times <= 0 or self.method not in (None, method) or not re.fullmatch(self.path, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class Faults:
    """All that is switched on."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._calls = 0
        self._cut: tuple[int, bool] | None = None

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def cut(self, at: int, after: bool) -> None:
        """Drop the connection of call number `at` from now (the first is 1) and of every later one, until heal().

        after: call `at` itself still makes its change, as when a client dies while it waits for the answer.
        """
        self._calls, self._cut = 0, (at, after)

    def heal(self) -> None:
        """Let everything go well again."""
        self._faults.clear()
        self._cut = None

    def next(self, method: str, path: str) -> Fault | None:
        """Return the fault that strikes this call."""
        self._calls += 1
        if self._cut and self._calls >= self._cut[0]:
            return Fault("drop", after=self._cut[1] and self._calls == self._cut[0])
        return next((fault for fault in self._faults if fault.fits(method, path)), None)
