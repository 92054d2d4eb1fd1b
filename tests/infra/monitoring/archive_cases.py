"""Cases of archive_rules.py."""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.monitoring.series import HOUR_S, LONG_STEP_S, Alert, Case, held, long_held


def _of_archive(metric: str) -> str:
    return f'claude_memory_wal_{metric}{{job="log-archive",instance="archive:8080"}}'


_LAG = "archive_lag_seconds"
BEHIND = [
    Case(
        "the bucket is away for six minutes, then back",
        {_of_archive(_LAG): held((0, 60), (360, 120), (0, 60))},
        {
            115: (),
            120: (
                Alert(
                    "A finished file of it has been waiting for 6m 0s; if the host were lost now, all that was written"
                    " since then would be lost."
                ),
            ),
            180: (),
        },
    ),
    Case("a file waits for as long as is right", {_of_archive(_LAG): held((300, 600))}, {595: ()}),
    Case("a large one is just over it, and arrives", {_of_archive(_LAG): held((310, 55), (0, 60))}, {55: (), 110: ()}),
]
INCOMPLETE = [
    Case(
        "files are lacking until a base backup is made",
        {_of_archive("archive_missing_files"): long_held((0, HOUR_S), (3, 7 * HOUR_S), (0, HOUR_S))},
        {
            7 * HOUR_S - 60: (),
            7 * HOUR_S: (Alert("3 files are lacking in the bucket; no restore gets past them."),),
            8 * HOUR_S: (),
        },
        LONG_STEP_S,
    ),
    Case(
        "the base backup comes at once",
        {_of_archive("archive_missing_files"): long_held((3, HOUR_S), (0, 8 * HOUR_S))},
        {8 * HOUR_S: ()},
        LONG_STEP_S,
    ),
]
_OVERDUE = Alert("It has been due for 6h 1m 0s; a restore has to read all of the log since.")
OVERDUE_BASE = [
    Case(
        "it does not come for six hours, then it does",
        {_of_archive("base_overdue_seconds"): long_held((0, HOUR_S), (6 * HOUR_S + 60, HOUR_S), (0, HOUR_S))},
        {HOUR_S + 540: (), HOUR_S + 600: (_OVERDUE,), 2 * HOUR_S: ()},
        LONG_STEP_S,
    ),
    Case(
        "a large database takes hours",
        {_of_archive("base_overdue_seconds"): long_held((6 * HOUR_S, 3 * HOUR_S))},
        {2 * HOUR_S: ()},
        LONG_STEP_S,
    ),
]

ARCHIVE_CASES: Mapping[str, list[Case]] = {
    "ClaudeMemoryLogArchiveBehind": BEHIND,
    "ClaudeMemoryLogArchiveIncomplete": INCOMPLETE,
    "ClaudeMemoryBaseBackupOverdue": OVERDUE_BASE,
}
