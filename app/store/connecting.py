"""Connects to PostgreSQL: of several servers that a URL names, to the first that answers and will do.

The driver tries one after the other within one time limit, so a server whose host is gone without a word uses it up,
and a standby that took its place is never asked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from app.store.unreachable import NOT_CONNECTED

# How long one server is waited for alone. Shorter than any limit under which calls wait for a connection; as RFC 8305
# has it for several addresses of one host.
_NEXT_AFTER_S = 0.25


async def connect(**arguments: Any) -> asyncpg.Connection:
    """Connect as asyncpg.connect does, with the same arguments; each server may take as long as `timeout` says.

    Raises what asyncpg.connect raises. If several servers fail: what one of them said, before what was heard of none.
    """
    servers = each_server(arguments)
    if len(servers) == 1:
        return await asyncpg.connect(**arguments)
    waiting, errors = deque(servers), list[BaseException]()
    trying: set[asyncio.Task[asyncpg.Connection]] = set()
    try:
        while waiting or trying:
            if waiting:
                trying.add(asyncio.create_task(asyncpg.connect(**waiting.popleft())))
            limit_s = _NEXT_AFTER_S if waiting else None
            ended, _ = await asyncio.wait(trying, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                trying.discard(task)
                try:
                    return task.result()
                except NOT_CONNECTED as error:
                    errors.append(error)
    finally:
        await _give_up(trying)
    raise _most_telling(errors)


def each_server(arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return arguments of asyncpg.connect for each server that `dsn` names, in its order.

    What the driver must see as a whole stays in one: `prefer-standby`, which asks all of them, and ports that are not
    as many as hosts, which it refuses.
    """
    whole = dict(arguments)
    parts = urlsplit(arguments.get("dsn") or "")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    given = parts.netloc.rpartition("@")[2]
    names = (given or query.get("host", "")).split(",")
    ports = query.get("port", "").split(",")
    if len(names) == 1 or query.get("target_session_attrs") == "prefer-standby" or len(ports) not in (1, len(names)):
        return [whole]
    if len(ports) == 1:
        ports *= len(names)
    return [{**whole, **_server(name, port)} for name, port in zip(names, ports, strict=True)]


def _server(name: str, port: str) -> dict[str, Any]:
    """Return the arguments for one server. port: unless the name has one; empty for the usual one."""
    host, colon, own = name.rpartition(":")
    if not colon or own.endswith("]"):  # an IPv6 address
        host, own = name, port
    if host.startswith("["):
        host = host[1:-1]
    return {"host": unquote(host), **({"port": int(own)} if own else {})}


async def _give_up(trying: set[asyncio.Task[asyncpg.Connection]]) -> None:
    """End the attempts that are no longer needed, and the connections of those that succeeded meanwhile."""
    for task in trying:
        task.cancel()
    for made in await asyncio.gather(*trying, return_exceptions=True):
        if isinstance(made, asyncpg.Connection):
            made.terminate()


def _most_telling(errors: Sequence[BaseException]) -> BaseException:
    """Return a server's own words if there are any, then why one cannot be reached, then that none will do."""

    def rank(error: BaseException) -> int:
        if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
            return 2
        return 1 if isinstance(error, OSError | TimeoutError) else 0

    return min(errors, key=rank)
