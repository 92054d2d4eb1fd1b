"""Simple Log Service: the records of a log store, read with GetLogs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from app.backoff import Backoff
from infra.aliyun.api.access import Keys
from infra.aliyun.api.errors import NoConnection, Unfinished
from infra.aliyun.api.signing import log, log_text, query_text
from infra.aliyun.api.transport import Transport

PAGE = 100  # the most records that one call answers with
_INCOMPLETE_TRIES = 5  # of a query that the service has not finished; each goes on where the one before stopped
_WAITS = Backoff(first_s=1.0, longest_s=8.0)  # between them
_LATE_S = 30  # a record can be found some seconds after its time
_POLL_S = 2.0


@dataclass(frozen=True)
class Record:
    """time_s: since 1970. fields: as Function Compute wrote them; their names differ in their capitals."""

    time_s: int
    fields: Mapping[str, str] = field(repr=False)

    def get(self, name: str) -> str:
        """Return a field by its name in small letters; an empty text when there is none."""
        return next((str(value) for key, value in self.fields.items() if key.lower() == name), "")

    @property
    def message(self) -> str:
        """The log line; empty in a record of metrics."""
        return self.get("message").rstrip("\n")


@dataclass(frozen=True, kw_only=True)
class LogStore:
    """One log store. now, sleep: seconds since 1970, and a wait of some seconds."""

    keys: Keys
    region: str
    project: str
    store: str
    transport: Transport
    now: Callable[[], float] = time.time
    sleep: Callable[[float], object] = time.sleep

    @property
    def _host(self) -> str:
        return f"{self.project}.{self.region}.log.aliyuncs.com"

    def latest(self, since_s: float, count: int, query: str = "") -> list[Record]:
        """Return the newest records since a moment, at most so many, the oldest first. Raises ApiError."""
        found: list[Record] = []
        while len(found) < count:
            wanted = min(PAGE, count - len(found))
            page = self._page(since_s, self.now() + 1, query, offset=len(found), lines=wanted, newest_first=True)
            found += page
            if len(page) < wanted:
                break
        return found[::-1]

    def follow(self, since_s: float, query: str = "") -> Iterator[Record]:
        """Yield records from a moment on, each once, without end. Raises ApiError."""
        seen: dict[tuple[int, tuple[tuple[str, str], ...]], int] = {}
        while True:
            for record in self._since(since_s, query):
                mark = (record.time_s, tuple(sorted(record.fields.items())))
                if mark not in seen:
                    seen[mark] = record.time_s
                    yield record
            since_s = max(since_s, self.now() - _LATE_S)
            seen = {mark: time_s for mark, time_s in seen.items() if time_s >= since_s - 1}
            self.sleep(_POLL_S)

    def _since(self, since_s: float, query: str) -> Iterator[Record]:
        until_s, offset = self.now() + 1, 0
        while True:
            page = self._page(since_s, until_s, query, offset=offset, lines=PAGE, newest_first=False)
            yield from page
            offset += len(page)
            if len(page) < PAGE:
                return

    def _page(
        self, since_s: float, until_s: float, query: str, *, offset: int, lines: int, newest_first: bool
    ) -> list[Record]:
        asked = {
            "type": "log",
            "from": str(int(since_s)),
            "to": str(int(until_s)),
            "query": query,
            "line": str(lines),
            "offset": str(offset),
            "reverse": "true" if newest_first else "false",
        }
        for tries in range(1, _INCOMPLETE_TRIES + 1):
            answer, headers = self._get(f"/logstores/{self.store}", asked)
            if not isinstance(answer, list):
                raise NoConnection(self._host, "answered something that is no list of records")
            if headers.get("x-log-progress", "Complete") == "Complete":
                return [_record(one) for one in answer]
            if tries < _INCOMPLETE_TRIES:
                self.sleep(_WAITS.wait_s(tries))
        raise Unfinished(self.project, _INCOMPLETE_TRIES)

    def _get(self, path: str, query: Mapping[str, str]) -> tuple[Any, Mapping[str, str]]:
        def headers() -> dict[str, str]:
            date = formatdate(usegmt=True)
            signed = {
                "x-log-apiversion": "0.6.0",
                "x-log-bodyrawsize": "0",
                "x-log-signaturemethod": "hmac-sha1",
            }
            if self.keys.token:
                signed["x-acs-security-token"] = self.keys.token
            text = log_text("GET", path, query, signed, date)
            return signed | {"Date": date, "Authorization": log(self.keys, text)}

        return self.transport.get(f"GetLogs of {self.project}", self._host, f"{path}?{query_text(query)}", headers)


def _record(told: Any) -> Record:
    fields = {str(name): str(value) for name, value in told.items()}
    return Record(int(float(fields.get("__time__", "0"))), fields)
