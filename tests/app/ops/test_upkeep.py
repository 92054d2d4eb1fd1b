"""What is reported of a database that is not looked after."""

from __future__ import annotations

import time

import pytest

from app.ops.upkeep import upkeep
from app.settings.fields import BACKUP_TOO_OLD_HOURS

HOUR_S = 3_600


def judged(**numbers: float) -> dict[str, tuple[str, str | None]]:
    return {one.name: (one.found, one.remedy) for one in upkeep(numbers)}


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
