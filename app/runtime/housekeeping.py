"""Keeps the database tidy and searches fast: expiry, term counts, the planner's statistics, the log's length.

After an upgrade that analyses texts in another way, it analyses what is stored again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from app.runtime.jobs import Job, Jobs
from app.store.oauth_sweep import sweep
from app.store.reanalysis import Reanalysis

if TYPE_CHECKING:
    from app.store.change_log import PostgresChangeLog
    from app.store.postgres import PostgresStore
    from app.store.rate_limits import RateLimits

LOG_KEPT = timedelta(days=7)  # a follower that was away longer rebuilds its index
_EVERY_S = 15.0
_RATE_LIMITS_EVERY_S = 300.0
_SIGN_INS_EVERY_S = 300.0
_FOLD_CHANGES = 300  # every search adds up the changes not folded yet, at about 3 µs each


class Housekeeping(Jobs):
    """The jobs of the leader; callers report changes in the log to `applied`."""

    def __init__(
        self,
        store: PostgresStore,
        log: PostgresChangeLog,
        limits: RateLimits,
        *,
        fold_every_s: float | None = None,
        log_kept: timedelta = LOG_KEPT,
    ) -> None:
        """fold_every_s: shorter than the default in a process that does not learn of changes."""
        self._reanalysis = Reanalysis(store.db)
        super().__init__(
            [
                Job("expiry", _EVERY_S, store.delete_expired),
                Job("term_counts", fold_every_s or _EVERY_S, store.fold_term_counts),
                Job("statistics", _EVERY_S, store.analyze_if_grown),
                Job("change_log", _EVERY_S, lambda: log.prune(log_kept)),
                Job("rate_limits", _RATE_LIMITS_EVERY_S, limits.sweep),
                Job("sign_ins", _SIGN_INS_EVERY_S, lambda: sweep(store.db)),
                Job("analysis", _EVERY_S, self._analyse_again),
            ]
        )
        self._unfolded = 0

    async def _analyse_again(self) -> None:
        if await self._reanalysis.run():
            self.hurry("analysis")

    def applied(self, changes: int) -> None:
        """Count changes in the log, and fold them at once when there are many."""
        self._unfolded += changes
        if self._unfolded >= _FOLD_CHANGES:
            self._unfolded = 0
            self.hurry("term_counts")
