"""What is taken is put in order: dates, names, tags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.memory import requests
from app.memory.requests import checked


@pytest.mark.parametrize(
    ("given_time", "moment"),
    [
        ("2026-05-08", datetime(2026, 5, 8, tzinfo=UTC)),
        ("2026-05-08T13:56:00Z", datetime(2026, 5, 8, 13, 56, tzinfo=UTC)),
        ("2026-05-08T13:56:00+02:00", datetime(2026, 5, 8, 11, 56, tzinfo=UTC)),
        (" 2026-05-08 13:56 ", datetime(2026, 5, 8, 13, 56, tzinfo=UTC)),
        (datetime(2026, 5, 8, 12, tzinfo=timezone(timedelta(hours=8))), datetime(2026, 5, 8, 4, tzinfo=UTC)),
    ],
)
def test_dates_are_read_as_iso_8601_and_as_utc_where_they_say_nothing(
    given_time: str | datetime, moment: datetime
) -> None:
    assert checked(requests.Search, {"query": "a", "since": given_time}).since == moment


def test_names_are_trimmed_and_tags_kept_once() -> None:
    request = checked(requests.Memorize, {"text": " a ", "project": " p ", "tags": ["x", " x", "y"]})

    assert (request.project, request.tags) == ("p", ["x", "y"])
    assert request.text == " a ", "a text is kept as it is"


def test_metadata_may_hold_backslashes_that_look_like_an_escape() -> None:
    value = {"a": "the escape \\u0000 is written \\ud800 in JSON"}

    assert checked(requests.Memorize, {"text": "a", "metadata": value}).metadata == value
