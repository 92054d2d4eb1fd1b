"""What is reported of a database that is not looked after."""

from __future__ import annotations

import time
from typing import Any

import pytest

from app.ops.upkeep import upkeep
from app.settings.fields import BACKUP_TOO_OLD_HOURS, OUTBOX_TOO_OLD_S

HOUR_S = 3_600


def judged(*, memu: bool = False, **numbers: float) -> dict[str, tuple[str, str | None]]:
    return {one.name: (one.found, one.remedy) for one in upkeep(numbers, memu=memu)}


def test_without_numbers_nothing_is_told() -> None:
    assert upkeep({}) == []


def test_a_server_database_wants_a_worker_and_a_backup() -> None:
    found = judged(worker_leads=0, backup_last_success=0, memories=1)

    assert found["worker"][0].startswith("none leads")
    assert "claude-memory worker" in str(found["worker"][1])
    assert found["last backup"][0] == "none was ever made"
    assert "BACKUP_TO" in str(found["last backup"][1])


def test_an_empty_database_has_nothing_to_lose() -> None:
    assert judged(worker_leads=1, backup_last_success=0, memories=0) == {
        "worker": ("one leads", None),
        "last backup": ("none was ever made", None),
    }


@pytest.mark.parametrize(("hours", "good"), [(BACKUP_TOO_OLD_HOURS - 0.1, True), (BACKUP_TOO_OLD_HOURS + 0.1, False)])
def test_a_backup_is_too_old_at_the_age_that_the_settings_name(hours: float, good: bool) -> None:
    found, mend = judged(worker_leads=1, backup_last_success=time.time() - hours * HOUR_S)["last backup"]

    assert f"{hours:.1f} hours ago" in found
    assert (mend is None) == good
    assert (f"older than {BACKUP_TOO_OLD_HOURS} hours" in found) == (not good)


def test_of_the_embedded_database_the_age_is_told_and_nothing_asked_for() -> None:
    found, mend = judged(backup_last_success=time.time() - 40 * 24 * HOUR_S)["last backup"]

    assert found.endswith("UTC, 40 days ago")
    assert mend is None


EMPTY: dict[str, Any] = {"outbox_waiting": 0, "outbox_age_seconds": 0.0, "outbox_refused": 0}


def test_an_empty_outbox_is_told_only_where_memu_is_used() -> None:
    assert judged(**EMPTY) == {}
    assert judged(memu=True, **EMPTY) == {"outbox": ("nothing waits", None)}


def test_a_young_outbox_is_no_trouble() -> None:
    found, mend = judged(memu=True, **{**EMPTY, "outbox_waiting": 3, "outbox_age_seconds": 120.0})["outbox"]

    assert (found, mend) == ("3 waiting for memU, the oldest for 2 min", None)


@pytest.mark.parametrize("memu", [True, False], ids=["in use", "left behind by another backend"])
def test_an_old_outbox_is(memu: bool) -> None:
    old = {**EMPTY, "outbox_waiting": 1, "outbox_age_seconds": OUTBOX_TOO_OLD_S + 60}

    assert "claude-memory outbox list" in str(judged(memu=memu, **old)["outbox"][1])


def test_what_memu_refused_waits_for_a_person() -> None:
    found, mend = judged(**{**EMPTY, "outbox_refused": 2})["outbox"]

    assert found == "nothing waits, 2 refused by memU"
    assert "outbox list --refused" in str(mend)
