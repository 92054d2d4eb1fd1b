"""A process that is frozen until another one has taken over: this one, for as long as `Successor.takes_over` runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

_PATIENCE_S = 20.0
_HOLDER = """
select pg_terminate_backend(pid, 10000) from pg_locks
where locktype = 'advisory' and granted and classid = ($1::bigint >> 32)::oid
  and objid = ($1::bigint & 4294967295)::oid and pid <> pg_backend_pid()
"""


class Successor:
    """Another process on a PostgreSQL server that wants an advisory lock."""

    def __init__(self, url: str, key: int) -> None:
        self._url, self._key = url, key
        self._has_it, self._may_go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._hold()))

    def takes_over(self) -> None:
        """End the holder's session, as PostgreSQL does with one that is silent, and take the lock.

        Nothing else runs in the caller's thread meanwhile, so it learns of it no sooner than a frozen process does.
        """
        self._thread.start()
        assert self._has_it.wait(_PATIENCE_S)

    def goes(self) -> None:
        """Give the lock back; idempotent."""
        self._may_go.set()
        if self._thread.ident is not None:
            self._thread.join(_PATIENCE_S)

    async def _hold(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            await connection.fetch(_HOLDER, self._key)
            await connection.execute("select pg_advisory_lock($1)", self._key)
            self._has_it.set()
            await asyncio.to_thread(self._may_go.wait, _PATIENCE_S)
        finally:
            await connection.close()


@contextmanager
def successor(url: str, key: int) -> Iterator[Successor]:
    """Yield one that has not taken over yet, and goes in the end."""
    one = Successor(url, key)
    try:
        yield one
    finally:
        one.goes()
