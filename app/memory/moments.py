"""Times as people give and read them: ISO 8601 in, days of the place where something was said out.

A time without an offset is in a zone that the settings choose, by default the machine's. An offset is kept, so that a
day can be told as it was there. UTC tells no place: programs write it (as Z or +00:00) wherever they run.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from app.memory.patterns import late

_CHANGES_S = 900  # the offset of a zone changes at a full quarter of an hour
_ZONES_KEPT = 4_096

# What ISO 8601 and RFC 3339 allow and Python does not read: the end of a day, a leap second, a space and U+2212. RFC
# 9557 adds the zone's name after the offset, and programs write UTC in letters.
_END_OF_DAY = late(r"(?<=[T ])24(?=(?::?00){0,2}(?:[.,]0+)?(?:Z|[+-]|$))")
_ZONE_BESIDE_OFFSET = late(r"(?<=Z|\d)(?:\[!?[^\[\]]{1,100}\])+$")
_UTC_IN_LETTERS = late(r"(?<=\d) ?(?:UTC|GMT)$")
_OFFSET = late(r"[T ].*(?:Z|[+-]\d\d(?::?\d\d)?)$")
_LEAP_SECOND = late(r"(?<=:\d\d:)60(?!\d)")
_SPACE_BEFORE_OFFSET = late(r"(?<=\d) +(?=(?:Z|[+-]\d\d(?::?\d\d)?)$)")


def parsed(text: str) -> datetime:
    """Return the moment an ISO 8601 text gives, without a zone if it has none. Raises ValueError, OverflowError."""
    form = text.strip().upper().replace("\u2212", "-")
    if form.endswith(("]", "C", "T")):
        form = _UTC_IN_LETTERS.sub("Z", _without_zone(form))
    form = _SPACE_BEFORE_OFFSET.sub("", form)
    form, days = _END_OF_DAY.subn("00", form, count=1)
    form, seconds = _LEAP_SECOND.subn("59", form, count=1)
    return datetime.fromisoformat(form) + timedelta(days=days, seconds=seconds)


def _without_zone(form: str) -> str:
    """Return a time without the name of a zone after its offset; alone the name is no offset, and stays."""
    plain = _ZONE_BESIDE_OFFSET.sub("", form)
    return plain if _OFFSET.search(plain) else form


def in_zone(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return a moment with a zone: its own, or the given one. zone: None for the machine's."""
    if moment.tzinfo is not None:
        return moment
    try:
        local = moment.replace(tzinfo=zone) if zone is not None else moment.astimezone()
        local.astimezone(UTC)
    except (OverflowError, ValueError, OSError):  # the first and the last day that there are
        return moment.replace(tzinfo=UTC)
    return local


def offset_minutes(moment: datetime | None) -> int | None:
    """Return the offset to store beside a moment, None if it tells no place."""
    offset = None if moment is None else moment.utcoffset()
    return round(offset.total_seconds() / 60) or None if offset is not None else None


def at_place(moment: datetime, offset: int | None, zone: tzinfo | None) -> datetime:
    """Return a moment in the time of its place: by its own offset in minutes, or else in a zone as for `in_zone`."""
    try:
        if offset is not None:
            return moment.astimezone(timezone(timedelta(minutes=offset)))
        return moment.astimezone(zone if zone is not None else _machine_zone(moment.timestamp() // _CHANGES_S))
    except (OverflowError, ValueError, OSError):
        return moment


@lru_cache(_ZONES_KEPT)
def _machine_zone(since_epoch: float) -> tzinfo | None:
    """Return the machine's offset at a moment in units of _CHANGES_S; to ask the system each time takes 3 µs."""
    return datetime.fromtimestamp(since_epoch * _CHANGES_S, UTC).astimezone().tzinfo


def zone_of(name: str | None) -> tzinfo | None:
    """Return the zone of a setting; None for the machine's."""
    if name is None or name == "UTC":  # UTC works without files of time zones
        return None if name is None else UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
