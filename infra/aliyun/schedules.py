"""Cron expressions: the app's, of five fields, and Function Compute's, of six, with the time zone in front."""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.settings.fields import Settings
from app.settings.values import OFF

_FIELDS = 5
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")  # Function Compute counts days from another one
_VALUE = r"(\*|[0-9]+|[A-Za-z]{3})"
_RANGE = rf"{_VALUE}(-{_VALUE})?(/[0-9]+)?"
_FIELD = re.compile(rf"{_RANGE}(,{_RANGE})*")


def schedule_of(given: Mapping[str, str], setting: str) -> str | None:
    """Return the cron expression of a schedule as the app has it; None for one that is off."""
    schedule = str(given.get(setting) or Settings.model_fields[setting.lower()].default)
    return None if schedule == OFF else schedule


def timezone_of(given: Mapping[str, str]) -> str:
    """Return the time zone of the app's schedules."""
    return str(given.get("SCHEDULE_TIMEZONE") or Settings.model_fields["schedule_timezone"].default)


def timer(schedule: str, timezone: str) -> str:
    """Return a schedule of the app as Function Compute writes it. Raises ValueError when it cannot be written so."""
    fields = schedule.split()
    if len(fields) != _FIELDS or not all(_FIELD.fullmatch(field) for field in fields):
        raise ValueError(
            f"got {schedule}, Function Compute's timers take five fields of numbers, names and * , - /:"
            " minute, hour, day, month, weekday"
        )
    *times, weekday = fields
    return f"CRON_TZ={timezone} 0 {' '.join(times)} {_named(weekday)}"


def _named(weekday: str) -> str:
    """Return the field of the weekday with names for numbers. A step, after /, is no day."""
    whole, slash, step = weekday.partition("/")
    return re.sub(r"\b[0-7]\b", lambda day: _DAYS[int(day[0])], whole) + slash + step
