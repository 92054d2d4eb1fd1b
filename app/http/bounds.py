"""The bounds of every HTTP listener: what a connection may send and how slowly, and what all of them hold together.

| what | bound | then |
|---|---|---|
| request line and headers | 64 KiB, 100 headers | 431, and the connection closes |
| from accepting a connection, or the first byte of its next request, to the end of the headers | 10 s | it closes |
| a body | 10 s and 1 s more for each KiB that came, 120 s in all | 408; the rest is late |
| a body's chunk sizes, their extensions, trailers | 1 MiB a body, 64 KiB at a stretch | 400, and it closes |
| a body's chunks | 4,096, and one more for each 64 bytes | 400, and it closes |
| bodies in memory, beyond the first 64 KiB of each | 32 MiB together | 503 to the one that stands still longest |
| an answer to what is not HTTP or over a bound | after 1 s | whoever sends it again and again waits each time |
| what arrives after a refusal | 5 s, all dropped | the connection closes |
| what arrives of a body after the answer | 10 s, 16 MiB | the connection closes |
| an answer that its client does not read | 30 s without progress | the connection closes |
| requests sent ahead of their answers | 16 | the connection closes |
| open files | an eighth is kept free, 32 to 256 | silent and idle connections close; then 503 to all but probes |

How large a body may be is the application's to say.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from app.errors import MemoryServerError, Unavailable

if os.name == "posix":
    import resource

logger = logging.getLogger(__name__)

_LOG_EVERY_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The numbers of the table above, in bytes and seconds; tests use smaller ones."""

    head_bytes: int = 64 * 2**10
    headers: int = 100
    head_s: float = 10.0
    body_s: float = 120.0
    body_grace_s: float = 10.0
    body_bytes_per_s: int = 2**10
    framing_bytes: int = 2**20
    chunks: int = 4_096  # a chunk costs a few microseconds, however small it is
    chunk_bytes: int = 64
    free_body_bytes: int = 64 * 2**10  # small calls are never refused for what others send
    bodies_bytes: int = 32 * 2**20
    late_s: float = 10.0
    late_bytes: int = 16 * 2**20
    unread_s: float = 30.0
    pipelined: int = 16
    refusal_s: float = 1.0
    linger_s: float = 5.0  # after a refusal: closing at once would take it from a client that still sends
    stalled_s: float = 2.0  # a body without a byte for so long gives way to other connections and bodies


BOUNDS = Bounds()


class BodyTooSlow(MemoryServerError):
    """The body did not arrive in time."""

    code = "body_too_slow"
    status = 408


class BodiesFull(Unavailable):
    """The bodies of all requests together are over their bound."""

    code = "bodies_full"


class NoDescriptors(Unavailable):
    """Nearly all files that the process may open are open."""

    code = "no_descriptors"


class Upload(Protocol):
    """A body that is arriving."""

    held: int
    last_byte_at: float

    def refuse(self) -> None:
        """Drop what came, and answer 503."""


class Bodies:
    """The bodies in memory of all requests of a process."""

    def __init__(self, bounds: Bounds = BOUNDS, now: Callable[[], float] = time.monotonic) -> None:
        self._bounds, self._now = bounds, now
        self._uploads: set[Upload] = set()
        self.held_bytes = 0

    def take(self, upload: Upload, size: int) -> None:
        """Count bytes that came; when they are too many, refuse the upload that stands still, or else this one."""
        self._uploads.add(upload)
        upload.held += size
        self.held_bytes += size
        if self.held_bytes > self._bounds.bodies_bytes:
            stalest = min(self._uploads, key=lambda one: one.last_byte_at)
            stalled = self._now() - stalest.last_byte_at >= self._bounds.stalled_s
            refused = stalest if stalled else upload
            self._uploads.discard(refused)
            refused.refuse()

    def complete(self, upload: Upload) -> None:
        """Note that a body is whole: it is no longer refused, but counts until it is released."""
        self._uploads.discard(upload)

    def release(self, upload: Upload) -> None:
        """Note that a body is no longer in memory; idempotent."""
        self._uploads.discard(upload)
        self.held_bytes -= upload.held
        upload.held = 0


class SparseLog:
    """Logs at most one line a second, and says how many of which kind were left out, so that none hides another."""

    def __init__(self, log: logging.Logger = logger, now: Callable[[], float] = time.monotonic) -> None:
        self._log, self._now = log, now
        self._next_at = 0.0
        self._left_out: Counter[str] = Counter()

    def warn(self, line: str, kind: str = "connections") -> None:
        """Log a line, or count it. kind: one of a few words."""
        now = self._now()
        if now < self._next_at:
            self._left_out[kind] += 1
            return
        left_out = ", ".join(f"{count} {of_kind}" for of_kind, count in self._left_out.most_common())
        self._log.warning("%s%s", line, f" (left out before this: {left_out})" if left_out else "")
        self._next_at = now + _LOG_EVERY_S
        self._left_out.clear()


class Descriptors:
    """How many files the process may open, and how many of them stay free."""

    def __init__(self, limit: int | None = None) -> None:
        """limit: the number of files, by default the process's own."""
        self._given = limit
        self.limit = 0
        self.measure()

    def measure(self) -> None:
        """Read the process's limit again: an operator may change it while it runs (prlimit)."""
        if self._given is not None:
            limit = self._given
        else:
            limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if os.name == "posix" else -1
        if limit == self.limit:
            return
        self.limit = limit
        # 32: what PostgreSQL's pool, the index, a backup and probes open beside the connections.
        self._first_kept = limit - min(256, max(32, limit // 8)) if limit > 0 else None

    def is_kept(self, descriptor: int) -> bool:
        """Whether a new descriptor is one of those kept free. The system gives the lowest number that is free."""
        return self._first_kept is not None and descriptor >= self._first_kept

    @property
    def for_streams(self) -> int | None:
        """How many connections may last for hours: half of those that are not kept free. None means any number."""
        return None if self._first_kept is None else max(1, self._first_kept // 2)

    def exhausted(self) -> bool:
        """Whether no file can be opened, so that connections cannot be accepted. Costs two system calls."""
        try:
            os.close(os.dup(2))
        except OSError:
            return True
        return False
