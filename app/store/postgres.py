"""PostgresStore, which implements `app.memory.ports.MemoryStore` on one database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.store.backups import Backups, LastTimes
from app.store.conversations import Conversations
from app.store.database import Database
from app.store.reading import Reading
from app.store.terms import LIVE_MEMORIES, Terms
from app.store.writing import Writing, shrink_touched

if TYPE_CHECKING:
    from app.store.outbox_writing import OutboxWriting

_PING_TIMEOUT_S = 2.0
_ANALYZE_FROM = 500  # memories; with fewer, every plan is good

_SIZE = f"select ({LIVE_MEMORIES}), pg_database_size(current_database())"
_STANDBYS = "select count(*) from pg_replication_slots where slot_type = 'physical' and active"


class PostgresStore(Writing, Conversations, Reading, Terms):
    """All memories, in PostgreSQL."""

    def __init__(self, db: Database, outbox: OutboxWriting | None = None) -> None:
        """outbox: how every write is handed to another service too; None: it is not."""
        self.db = db
        self.outbox = outbox
        self.receipts = outbox is not None and not outbox.keeps
        self._analyzed_at = 0

    async def delete_expired(self, limit: int = 10_000) -> int:
        """Delete at most `limit` expired rows, and conversations left empty; return how many rows."""
        async with self.db.as_service() as connection, connection.transaction():
            rows = await connection.fetch(
                "delete from memories where id in (select id from memories where expires_at <= now() limit $1)"
                " returning user_id, conversation_id",
                limit,
            )
            await shrink_touched(connection, rows)
        return len(rows)

    async def size(self) -> tuple[int, int]:
        """Return (memories of all users, bytes of the database)."""
        async with self.db.as_service(writes=False) as connection:
            row = await connection.fetchrow(_SIZE)
        return row[0], row[1]

    async def standbys(self) -> int:
        """Return how many standbys copy this server now."""
        async with self.db.as_service(writes=False) as connection:
            return int(await connection.fetchval(_STANDBYS))

    async def backup_times(self) -> LastTimes:
        """Return how old backups and their verification are."""
        return await Backups(self.db).last_times()

    async def analyze_if_grown(self) -> None:
        """Refresh the planner's statistics if there are twice as many memories as the last time.

        Autovacuum runs a minute later, and until then searches may read all of a user's rows.
        """
        memories, _ = await self.size()
        if memories < _ANALYZE_FROM or memories < 2 * self._analyzed_at:
            return
        async with self.db.as_service() as connection:
            await connection.execute("analyze memories, embeddings, conversations, changes, term_counts")
        self._analyzed_at = memories

    async def schema(self) -> tuple[str, dict[str, str]]:
        """Return (version of PostgreSQL, the applied schema files with the start of their SHA-256)."""
        async with self.db.as_service(writes=False) as connection:
            version = await connection.fetchval("show server_version")
            rows = await connection.fetch("select name, digest from schema_migrations order by number")
        return str(version), {row["name"]: row["digest"].hex()[:12] for row in rows}

    async def ping(self) -> None:
        """Make one round trip. Raises StoreUnavailable."""
        async with self.db.as_service(writes=False) as connection:
            await connection.fetchval("select 1", timeout=_PING_TIMEOUT_S)
