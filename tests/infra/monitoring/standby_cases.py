"""Cases of standby_rules.py."""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.monitoring.series import Alert, Case, held

_STANDBYS = 'claude_memory_postgres_standbys{job="claude-memory",instance="app-1:8080"}'
_FIRST, _SECOND = (
    f'pg_up{{job="postgres",instance="{name}-exporter:9187"}}' for name in ("postgres", "postgres-standby")
)
_ALONE = Alert("If the host of the primary were lost now, what was written since then would be lost with it.")
MISSING = [
    Case(
        "it stops to copy, then goes on",
        {_STANDBYS: held((1, 60), (0, 360), (1, 60))},
        {355: (), 360: (_ALONE,), 420: ()},
    ),
    Case("it is down", {_FIRST: held((1, 600)), _SECOND: held((1, 60), (0, 540))}, {355: (), 360: (_ALONE,)}),
    Case("it is away for a restart", {_STANDBYS: held((1, 60), (0, 240), (1, 300))}, {300: (), 600: ()}),
]

STANDBY_CASES: Mapping[str, list[Case]] = {"ClaudeMemoryStandbyMissing": MISSING}
