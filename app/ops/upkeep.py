"""Whether a database is looked after: does a worker lead, how old is the last backup, does the outbox empty itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from app.settings.fields import BACKUP_TOO_OLD_HOURS, OUTBOX_TOO_OLD_S

_HOUR_S, _DAY_S = 3_600, 86_400
_NO_WORKER = "none leads: nothing is backed up or maintained by schedule"
_START_WORKER = "start one: claude-memory worker"
_WHY_OUTBOX = "claude-memory outbox list says why; only MEMORY_BACKEND=memu or both sends anything"
_BACK_UP = "set BACKUP_TO and keep a worker running, or run: claude-memory backup FILE"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. remedy: what to do about it; None when all is well."""

    name: str
    found: str
    remedy: str | None = None


def upkeep(numbers: Mapping[str, float], *, memu: bool = False) -> list[Finding]:
    """Judge the numbers of a server (`Runtime.numbers`); return no findings without any.

    The embedded PostgreSQL has no worker, so no nightly backup of it is expected. memu: whether the server uses memU.
    """
    findings = []
    leads = numbers.get("worker_leads")
    if leads is not None:
        findings.append(Finding("worker", "one leads") if leads else Finding("worker", _NO_WORKER, _START_WORKER))
    if "backup_last_success" in numbers:
        findings.append(_backup(numbers, by_schedule=leads is not None))
    if memu or numbers.get("outbox_waiting") or numbers.get("outbox_refused"):
        findings += _outbox(numbers)
    return findings


def _outbox(numbers: Mapping[str, float]) -> list[Finding]:
    """Judge what memU does not have yet; what was left by a backend before this one is never sent."""
    if "outbox_waiting" not in numbers:
        return []
    waiting, refused = int(numbers["outbox_waiting"]), int(numbers["outbox_refused"])
    age_s = numbers["outbox_age_seconds"]
    parts = [f"{waiting:,} waiting for memU, the oldest for {age_s / 60:,.0f} min" if waiting else "nothing waits"]
    if refused:
        parts.append(f"{refused:,} refused by memU")
    remedy = _WHY_OUTBOX if age_s > OUTBOX_TOO_OLD_S else None
    if refused:
        remedy = "claude-memory outbox list --refused says why; outbox retry or outbox drop decides"
    return [Finding("outbox", ", ".join(parts), remedy)]


def _backup(numbers: Mapping[str, float], *, by_schedule: bool) -> Finding:
    succeeded_at = numbers["backup_last_success"]
    if not succeeded_at:
        to_lose = by_schedule and numbers.get("memories", 0) > 0
        return Finding("last backup", "none was ever made", _BACK_UP if to_lose else None)
    age_s = time.time() - succeeded_at
    found = f"{datetime.fromtimestamp(succeeded_at, UTC):%Y-%m-%d %H:%M} UTC, {_age(age_s)} ago"
    if by_schedule and age_s > BACKUP_TOO_OLD_HOURS * _HOUR_S:
        return Finding("last backup", f"{found}: older than {BACKUP_TOO_OLD_HOURS} hours", _BACK_UP)
    return Finding("last backup", found)


def _age(seconds: float) -> str:
    return f"{seconds / _DAY_S:.0f} days" if seconds >= 3 * _DAY_S else f"{seconds / _HOUR_S:.1f} hours"
