"""The running app: builds the store, the index and the domain's parts, starts and stops them in order.

(Interface first; being filled in.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from app.memory.ports import Parts
from app.settings import Settings


class Status(StrEnum):
    """State of the whole or of one component."""

    STARTING = "starting"
    OK = "ok"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One part of the system as /health shows it; `detail` is one line, without secrets."""

    name: str
    status: Status
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A stored access token, without its value."""

    id: str
    user: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenStore(Protocol):
    """Access tokens; only their SHA-256 is stored."""

    async def find(self, digest: bytes) -> Token | None:
        """Return the live token (not expired, not revoked) with that SHA-256 digest."""

    async def create(self, digest: bytes, user: str, scopes: Sequence[str], expires_at: datetime | None) -> Token: ...

    async def list(self) -> list[Token]: ...

    async def revoke(self, token_id: str) -> bool: ...

    async def any_live(self) -> bool: ...


class Runtime:
    """Owns everything that runs. `ready` is set when all of it is up; calls that need the store wait for it."""

    settings: Settings
    ready: asyncio.Event
    parts: Parts
    tokens: TokenStore

    def __init__(self, settings: Settings, postgres: Any | None = None) -> None:
        """`postgres`: the embedded server that boot has begun to start, or None with DATABASE_URL."""

    async def start(self) -> None:
        """Open pools, migrate, open the index, start the follower. Raises MemoryServerError."""

    async def stop(self) -> None:
        """Stop everything in order; idempotent."""

    async def wait_ready(self, timeout_s: float = 30.0) -> None:
        """Wait for `ready`; raises Unavailable with the reason when it does not come."""

    def components(self) -> list[Component]:
        """The state of every component, from memory: never blocks."""

    async def probe(self, name: str) -> dict[str, Any]:
        """A real round trip to one component (postgres, index, embeddings, memu): ok, milliseconds, detail."""

    async def numbers(self) -> dict[str, float]:
        """Gauges that cost a query: memories, database bytes, index lag in seconds and in changes."""
