"""The rule for a second PostgreSQL that copies the first."""

from __future__ import annotations

from app import metrics
from infra.monitoring.jobs import APP_JOB, POSTGRES_JOB, STANDBY
from infra.monitoring.rule import Rule, Severity

STANDBYS = (
    Rule(
        name="ClaudeMemoryStandbyMissing",
        topic="standby",
        expression=(
            f'max({metrics.POSTGRES_STANDBYS.name}{{job="{APP_JOB}"}}) == 0 or min(pg_up{{job="{POSTGRES_JOB}"}}) == 0'
        ),
        for_s=300,
        severity=Severity.WARNING,
        summary="The standby does not copy PostgreSQL",
        description="If the host of the primary were lost now, what was written since then would be lost with it.",
        needs=STANDBY,
        runbook="""
            Warning, 5 min: the standby of PostgreSQL is down, or does not get the primary's log. The memory works as
            usual. After 4 GB of log the primary keeps no more of it, and the standby has to copy everything again.

            ```sh
            python -m infra.selfhost status
            docker logs --tail 50 "$(at postgres-standby)"
            ```

            - `copies the primary`: it is being made anew, which takes as long as there is data.
            - `requested WAL segment … has already been removed`: it was away for too long.
              `python -m infra.selfhost rebuild-standby` copies everything again.
            - The primary is the one that is down: [ClaudeMemoryPostgresDown](#claudememorypostgresdown).
        """,
    ),
)
