"""Cron expressions as Function Compute writes them."""

from __future__ import annotations

import pytest

from infra.aliyun.schedules import schedule_of, timer, timezone_of


@pytest.mark.parametrize(
    ("schedule", "written"),
    [
        ("15 3 * * *", "CRON_TZ=UTC 0 15 3 * * *"),
        ("0 2 1,15 * *", "CRON_TZ=UTC 0 0 2 1,15 * *"),
        ("0 2 * * 0", "CRON_TZ=UTC 0 0 2 * * SUN"),
        ("0 2 * * 1-5", "CRON_TZ=UTC 0 0 2 * * MON-FRI"),
        ("0 2 * * 7", "CRON_TZ=UTC 0 0 2 * * SUN"),
        ("0 2 * * MON,3", "CRON_TZ=UTC 0 0 2 * * MON,WED"),
        ("*/30 * * * */2", "CRON_TZ=UTC 0 */30 * * * */2"),
    ],
)
def test_seconds_and_time_zone_are_put_in_front_and_weekdays_get_names(schedule: str, written: str) -> None:
    assert timer(schedule, "UTC") == written


@pytest.mark.parametrize("schedule", ["@daily", "0 2 L * *", "0 2 * * 5#3", "0 0 2 * * *"])
def test_what_cannot_be_written_so_is_refused(schedule: str) -> None:
    with pytest.raises(ValueError, match="Function Compute's timers take five fields"):
        timer(schedule, "UTC")


def test_defaults_are_the_apps() -> None:
    assert schedule_of({}, "MAINTENANCE_SCHEDULE")
    assert schedule_of({"MAINTENANCE_SCHEDULE": "off"}, "MAINTENANCE_SCHEDULE") is None
    assert timezone_of({}) == "UTC"
    assert timezone_of({"SCHEDULE_TIMEZONE": "Asia/Shanghai"}) == "Asia/Shanghai"
