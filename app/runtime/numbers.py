"""Queries the numbers for /status, /metrics and memory_health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import metrics
from app.runtime.leader import WORKER_LOCK

if TYPE_CHECKING:
    from app.runtime.running import Running

GAUGES = {  # the numbers that /metrics shows too
    "memories": metrics.MEMORIES,
    "database_bytes": metrics.DATABASE_BYTES,
    "postgres_standbys": metrics.POSTGRES_STANDBYS,
    "index_lag_changes": metrics.INDEX_LAG_CHANGES,
    "index_lag_seconds": metrics.INDEX_LAG_SECONDS,
    "backup_last_success": metrics.BACKUP_LAST_SUCCESS,
    "backup_last_verified": metrics.BACKUP_LAST_VERIFIED,
    "backup_verification_due": metrics.BACKUP_VERIFICATION_DUE,
    "outbox_waiting": metrics.OUTBOX_WAITING,
    "outbox_age_seconds": metrics.OUTBOX_AGE,
    "outbox_refused": metrics.OUTBOX_REFUSED,
}


async def numbers(running: Running, *, has_workers: bool) -> dict[str, float]:
    """Return the totals over all users, by their names in /status. Raises StoreUnavailable.

    has_workers: whether workers do background work on this database too.
    """
    from app.store.outbox_depth import outbox_depth

    store = running.opened.store
    memories, size = await store.size()
    lag_changes, lag_seconds = running.index.lag
    backups = await store.backup_times()
    depth = await outbox_depth(running.opened.db)
    optional: dict[str, float] = {}
    if has_workers:
        optional["worker_leads"] = float(await running.opened.db.is_held(WORKER_LOCK))
    if running.opened.embedding is not None:
        from app.store.embeddings import Embeddings  # loaded with the embedding, in a thread

        optional["memories_with_vector"] = await Embeddings(running.opened.db).count(running.opened.embedding.model)
    return optional | {
        "memories": memories,
        "database_bytes": size,
        "postgres_standbys": await store.standbys(),
        "index_lag_changes": lag_changes,
        "index_lag_seconds": lag_seconds,
        "backup_last_success": backups.taken,
        "backup_last_verified": backups.verified,
        "backup_verification_due": backups.verification_due,
        "outbox_waiting": depth.waiting,
        "outbox_age_seconds": depth.oldest_s,
        "outbox_refused": depth.refused,
    }


async def numbers_of(running: Running, user: str) -> dict[str, float]:
    """Return how much one user stores, archived memories included. Raises StoreUnavailable."""
    from app.store.users import Users

    use = await Users(running.opened.db).use(user)
    return {"memories": use.memories, "bytes": use.bytes}
