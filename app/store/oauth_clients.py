"""Clients that may ask users to sign in: self-registered or created by an operator. All calls raise StoreUnavailable.

A self-registered client is deleted after a while without a grant. Only SHA-256 digests of secrets are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from app.store.database import Database

_LIVE_CLIENT = (
    "(c.expires_at is null or c.expires_at > now() or exists (select from oauth_grants where client_id = c.id))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """A registered client. metadata: JSON with the names of RFC 7591, without secrets."""

    id: str
    name: str
    metadata: dict[str, Any]
    secret_digest: bytes | None = None
    registration_digest: bytes | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None


class OAuthClients:
    """The clients of one deployment; runs as the service, because requests cannot read the table."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, client: OAuthClient, unused_for: timedelta | None) -> None:
        """Store a client. It is deleted after `unused_for` without a grant; None keeps it for ever."""
        async with self._db.as_service(for_caller=True) as connection:
            await connection.execute(
                "insert into oauth_clients (id, name, metadata, secret_digest, registration_digest, expires_at)"
                " values ($1, $2, $3, $4, $5, now() + $6::interval)",
                client.id,
                client.name,
                client.metadata,
                client.secret_digest,
                client.registration_digest,
                unused_for,
            )

    async def get(self, client_id: str) -> OAuthClient | None:
        """Return a client that is not deleted and has not expired."""
        async with self._db.as_service(for_caller=True) as connection:
            row = await connection.fetchrow(
                f"select c.* from oauth_clients c where c.id = $1 and {_LIVE_CLIENT}", client_id
            )
        return None if row is None else _client(row)

    async def all(self) -> list[OAuthClient]:
        """Return all live clients, newest first."""
        async with self._db.as_service(for_caller=True) as connection:
            rows = await connection.fetch(
                f"select c.* from oauth_clients c where {_LIVE_CLIENT} order by c.created_at desc"
            )
        return [_client(row) for row in rows]

    async def let_manage(self, client_id: str, registration_digest: bytes) -> None:
        """Store the digest of the token that lets a client read and delete its registration."""
        async with self._db.as_service(for_caller=True) as connection:
            await connection.execute(
                "update oauth_clients set registration_digest = $2 where id = $1", client_id, registration_digest
            )

    async def managed(self, client_id: str, registration_digest: bytes) -> OAuthClient | None:
        """Return the live client whose management token has this digest."""
        async with self._db.as_service(for_caller=True) as connection:
            row = await connection.fetchrow(
                f"select c.* from oauth_clients c where c.id = $1 and c.registration_digest = $2 and {_LIVE_CLIENT}",
                client_id,
                registration_digest,
            )
        return None if row is None else _client(row)

    async def remove(self, client_id: str) -> bool:
        """Delete a client with all its grants and tokens; return False if it does not exist."""
        async with self._db.as_service(for_caller=True) as connection:
            return await remove_client(connection, client_id)


async def remove_client(connection: Any, client_id: str) -> bool:
    """Delete a client with all its grants and tokens; return False if it does not exist."""
    return bool(await connection.execute("delete from oauth_clients where id = $1", client_id) == "DELETE 1")


def _client(row: Any) -> OAuthClient:
    return OAuthClient(
        id=row["id"],
        name=row["name"],
        metadata=row["metadata"],
        secret_digest=row["secret_digest"],
        registration_digest=row["registration_digest"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
    )
