"""Counts each caller's requests, for all processes on a database together."""

from __future__ import annotations

from datetime import timedelta

from app.store.database import Database

# Microseconds are rounded: without this margin, the last request of a burst might be refused.
_MARGIN = timedelta(milliseconds=1)

# GCRA in one statement: PostgreSQL's clock is the same for all, and the row's lock serializes requests. The row
# read for the wait may be older than the one that was full: every refused caller waits, if only briefly.
_TAKE = """
with taken as (
    insert into rate_limits as counted (caller, paid_at) values ($1, clock_timestamp() + $2::interval)
    on conflict (caller) do update set paid_at = greatest(counted.paid_at, clock_timestamp()) + $2
    where greatest(counted.paid_at, clock_timestamp()) + $2 <= clock_timestamp() + $3::interval
    returning true
)
select case when exists (select from taken) then 0 else greatest(0.001, extract(epoch from coalesce(
    (select paid_at from rate_limits where caller = $1) + $2 - $3 - clock_timestamp(), $2))) end::float8
"""


class RateLimits:
    """The shared counts. Every call raises StoreUnavailable."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def take(self, caller: str, interval_s: float, period_s: float) -> float:
        """Count a request that costs `interval_s` of every `period_s` and return 0, or return the seconds to wait."""
        interval, period = timedelta(seconds=interval_s), timedelta(seconds=period_s) + _MARGIN
        async with self._db.as_service(for_caller=True) as connection:
            wait_s = await connection.fetchval(_TAKE, caller, interval, period)
        return max(0.0, float(wait_s))

    async def sweep(self) -> None:
        """Delete callers that need not wait any more."""
        async with self._db.as_service() as connection:
            await connection.execute("delete from rate_limits where paid_at < clock_timestamp()")
