"""Finds a pooler before PostgreSQL that gives one session to several connections in turn.

Row-level security takes the user from a setting of the session, and the leader's locks belong to it: on a shared
session, a call could see another user's memories. So such a pooler is refused before anything is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg

from app.errors import StoreRefused
from app.store.unreachable import SHARED_STATEMENTS, USE_SESSIONS

_ROUNDS = 3
_NAME = "claude_memory.whose"
_OWN_BACKEND = "select pg_backend_pid() = $1"
_WHOSE = f"select current_setting('{_NAME}', true)"


async def require_session(
    connection: asyncpg.Connection, connect_again: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    """Check that a connection keeps a session of its own. Raises StoreRefused.

    A connection straight to PostgreSQL was told its backend's number, which costs one query to see; a pooler tells
    another one. Then a second connection tries whether settings of one appear on the other, or get lost.
    """
    try:
        if await connection.fetchval(_OWN_BACKEND, connection.get_server_pid()):
            return
        other = await connect_again()
        try:
            keeps = await _keeps_settings(connection, other)
        finally:
            other.terminate()
    except SHARED_STATEMENTS:
        keeps = False
    if not keeps:
        raise StoreRefused(f"a pooler before PostgreSQL shares sessions between connections; {USE_SESSIONS}")


async def _keeps_settings(one: asyncpg.Connection, other: asyncpg.Connection) -> bool:
    for number in range(_ROUNDS):
        await one.execute(f"set {_NAME} = 'one {number}'")
        await other.execute(f"set {_NAME} = 'other {number}'")
        # Twice: a pooler that takes its sessions in turn gives the right one every other time.
        for connection, value in ((one, f"one {number}"), (one, f"one {number}"), (other, f"other {number}")):
            if await connection.fetchval(_WHOSE) != value:
                return False
    return True
