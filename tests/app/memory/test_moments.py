"""Times as people give them, and days as they were where something was said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory.moments import at_place, in_zone, offset_minutes, parsed, zone_of

TOKYO, LIMA = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/Lima")
ZONES: list[tzinfo | None] = [None, UTC, TOKYO, LIMA, ZoneInfo("Asia/Kathmandu")]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        pytest.param("2024-02-28t07:30:00z", "2024-02-28T07:30:00+00:00", id="lower case"),
        pytest.param("2024-02-28T24:00", "2024-02-29T00:00:00", id="the end of a day"),
        pytest.param("2024-02-28T24", "2024-02-29T00:00:00", id="the end of a day in hours"),
        pytest.param("2024-02-28T19:00+01:00[Europe/Rome]", "2024-02-28T19:00:00+01:00", id="a zone beside its offset"),
        pytest.param("2024-02-28 19:00:00 utc", "2024-02-28T19:00:00+00:00", id="UTC in letters"),
        pytest.param("2024-12-31t24:00:00.000+05:45", "2025-01-01T00:00:00+05:45", id="the end of a year"),
        pytest.param("20240228T240000Z", "2024-02-29T00:00:00+00:00", id="the end of a day, in the basic form"),
        pytest.param("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00", id="a leap second"),
        pytest.param("2024-02-28 07:30:00 -05:00", "2024-02-28T07:30:00-05:00", id="a space before the offset"),
        pytest.param("2024-02-28T07:30\u221205:00", "2024-02-28T07:30:00-05:00", id="a minus sign"),
        pytest.param(" 2024-w09-3 ", "2024-02-28T00:00:00", id="a day of a week"),
    ],
)
def test_every_form_of_iso_8601_is_read(text: str, same: str) -> None:
    assert parsed(text) == datetime.fromisoformat(same)
    assert parsed(text).utcoffset() == datetime.fromisoformat(same).utcoffset()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-02-30",
        "2024-02-28T24:01",
        "2024-02-28T25:00",
        "24:00",
        "2024-02-28T19:00[Europe/Rome]",
        "2024-02-28 UTC",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parsed(text)


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_what_python_writes_is_read_back(moment: datetime) -> None:
    written = moment.isoformat()

    assert parsed(written) == parsed(written.lower()) == datetime.fromisoformat(written)


@given(st.datetimes(), st.sampled_from(ZONES))
def test_a_time_without_an_offset_is_one_in_the_zone(moment: datetime, zone: tzinfo | None) -> None:
    local = in_zone(moment, zone)

    assert local.tzinfo is not None
    assert local.replace(tzinfo=None) == moment
    assert local.astimezone(UTC)


def test_a_time_with_an_offset_keeps_it() -> None:
    moment = datetime(2024, 2, 28, 7, 30, tzinfo=timezone(timedelta(hours=-5)))

    assert in_zone(moment, TOKYO).isoformat() == "2024-02-28T07:30:00-05:00"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("2024-02-28T07:30-05:00", -300),
        ("2024-02-28T07:30+05:45", 345),
        ("1850-02-28T07:30+02:30:17", 150),
        ("2024-02-28T07:30Z", None),
        ("2024-02-28T07:30+00:00", None),
    ],
)
def test_an_offset_is_kept_in_minutes_and_utc_tells_no_place(text: str, minutes: int | None) -> None:
    assert offset_minutes(parsed(text)) == minutes


@given(st.datetimes(timezones=st.just(UTC)), st.none() | st.integers(-1_439, 1_439), st.sampled_from(ZONES))
def test_a_moment_stays_the_same_wherever_it_is_told(moment: datetime, offset: int | None, zone: tzinfo | None) -> None:
    assert at_place(moment, offset, zone) == moment


def test_a_moment_is_told_by_its_own_offset_and_else_in_the_zone() -> None:
    moment = datetime(2024, 2, 28, 20, 0, tzinfo=UTC)

    assert at_place(moment, 345, TOKYO).isoformat() == "2024-02-29T01:45:00+05:45"
    assert at_place(moment, None, TOKYO).isoformat() == "2024-02-29T05:00:00+09:00"
    assert at_place(moment, None, LIMA).isoformat() == "2024-02-28T15:00:00-05:00"


def test_a_zone_has_a_name_and_the_machines_has_none() -> None:
    assert zone_of("Asia/Tokyo") == TOKYO
    assert zone_of("UTC") is UTC
    assert zone_of(None) is None
