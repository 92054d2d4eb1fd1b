"""Times of the API are read and written."""

from __future__ import annotations

import pytest

from infra.render.api.clock import seconds, text


@pytest.mark.parametrize(
    ("written", "when_s"),
    [
        ("1970-01-01T00:00:10Z", 10),
        ("1970-01-01T00:00:10.5Z", 10.5),
        ("1970-01-01T00:00:10.123456789Z", 10.123456),
        ("1970-01-01T01:00:10+01:00", 10),
    ],
)
def test_a_time_is_read_with_any_number_of_digits(written: str, when_s: float) -> None:
    assert seconds(written) == pytest.approx(when_s, abs=1e-6)


def test_a_time_is_written_in_utc_and_read_back() -> None:
    assert text(10.25) == "1970-01-01T00:00:10.250000Z"
    assert seconds(text(1_700_000_000.5)) == 1_700_000_000.5
