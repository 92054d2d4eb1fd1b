"""The numbers of /status, /metrics and memory_health that cost a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.runtime.leader import WORKER_LOCK

if TYPE_CHECKING:
    from app.runtime.running import Running


async def numbers(running: Running, *, has_workers: bool) -> dict[str, float]:
    """Return what counts all users together, by the names that /status shows them under. Raises StoreUnavailable.

    has_workers: whether workers look after this database too.
    """
    store = running.opened.store
    memories, size = await store.size()
    lag_changes, lag_seconds = running.index.lag
    backed_up_at, verified_at = await store.backup_times()
    found: dict[str, float] = {}
    if has_workers:
        found["worker_leads"] = float(await running.opened.db.is_held(WORKER_LOCK))
    return found | {
        "memories": memories,
        "database_bytes": size,
        "index_lag_changes": lag_changes,
        "index_lag_seconds": lag_seconds,
        "backup_last_success": backed_up_at,
        "backup_last_verified": verified_at,
    }


async def numbers_of(running: Running, user: str) -> dict[str, float]:
    """Return what one user keeps, archived memories included. Raises StoreUnavailable."""
    from app.store.users import Users

    use = await Users(running.opened.db).use(user)
    return {"memories": use.memories, "bytes": use.bytes}
