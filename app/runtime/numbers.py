"""Queries the numbers for /status, /metrics and memory_health."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.runtime.leader import WORKER_LOCK

if TYPE_CHECKING:
    from app.runtime.running import Running


async def numbers(running: Running, *, has_workers: bool) -> dict[str, float]:
    """Return the totals over all users, by their names in /status. Raises StoreUnavailable.

    has_workers: whether workers do background work on this database too.
    """
    store = running.opened.store
    memories, size = await store.size()
    lag_changes, lag_seconds = running.index.lag
    backed_up_at, verified_at = await store.backup_times()
    leadership: dict[str, float] = {}
    if has_workers:
        leadership["worker_leads"] = float(await running.opened.db.is_held(WORKER_LOCK))
    return leadership | {
        "memories": memories,
        "database_bytes": size,
        "index_lag_changes": lag_changes,
        "index_lag_seconds": lag_seconds,
        "backup_last_success": backed_up_at,
        "backup_last_verified": verified_at,
    }


async def numbers_of(running: Running, user: str) -> dict[str, float]:
    """Return how much one user stores, archived memories included. Raises StoreUnavailable."""
    from app.store.users import Users

    use = await Users(running.opened.db).use(user)
    return {"memories": use.memories, "bytes": use.bytes}
