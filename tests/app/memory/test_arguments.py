"""What is taken is put in order: dates, names, tags."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.memory import requests
from app.memory.requests import checked


@pytest.mark.parametrize(
    ("given_time", "moment"),
    [
        ("2026-05-08", datetime(2026, 5, 8)),  # noqa: DTZ001  # the domain gives it the zone of the settings
        ("2026-05-08T13:56:00Z", datetime(2026, 5, 8, 13, 56, tzinfo=UTC)),
        ("2026-05-08T13:56:00+02:00", datetime(2026, 5, 8, 11, 56, tzinfo=UTC)),
        (" 2026-05-08 13:56z ", datetime(2026, 5, 8, 13, 56, tzinfo=UTC)),
        ("2026-05-08T24:00:00Z", datetime(2026, 5, 9, tzinfo=UTC)),
        (datetime(2026, 5, 8, 12, tzinfo=timezone(timedelta(hours=8))), datetime(2026, 5, 8, 4, tzinfo=UTC)),
    ],
)
def test_dates_are_read_as_iso_8601(given_time: str | datetime, moment: datetime) -> None:
    assert checked(requests.Search, {"query": "a", "since": given_time}).since == moment


def test_names_are_trimmed_and_tags_kept_once() -> None:
    request = checked(requests.Memorize, {"text": " a ", "project": " p\n", "tags": ["x", " x", "y"]})

    assert (request.project, request.tags) == ("p", ["x", "y"])
    assert request.text == " a ", "a text is kept as it is"


def test_names_are_composed_and_texts_and_ids_of_clients_stay_as_they_are() -> None:
    said = {"role": "user", "content": "e\u0301", "name": "e\u0301", "id": "e\u0301"}
    request = checked(requests.MemorizeConversation, {"messages": [said], "conversation_id": "e\u0301"})

    [message] = request.messages
    assert message.name == "\u00e9"
    assert (message.content, message.id, request.conversation_id) == ("e\u0301", "e\u0301", "e\u0301")


def test_a_name_is_as_long_as_its_form_that_is_stored() -> None:
    assert checked(requests.Memorize, {"text": "a", "project": "e\u0301" * 200 + " "}).project == "\u00e9" * 200


def test_metadata_may_hold_backslashes_that_look_like_an_escape() -> None:
    value = {"a": "the escape \\u0000 is written \\ud800 in JSON"}

    assert checked(requests.Memorize, {"text": "a", "metadata": value}).metadata == value
