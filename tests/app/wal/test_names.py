"""What follows from names: what a restore needs, what is lacking, what is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.wal.names import Base, Contents, contents_of, missing, needed, number, outdated, time_of

NOON = datetime(2026, 5, 8, 12, tzinfo=UTC)


def segment(place: int, timeline: int = 1) -> str:
    return f"{timeline:08X}{place // 256:08X}{place % 256:08X}"


def contents(*places: int, bases: dict[int, int], timeline: int = 1) -> Contents:
    """Return the segments at these places. bases: the place at which each begins, by its age in days."""
    made = (Base(NOON - timedelta(days=age), segment(begin, timeline)) for age, begin in bases.items())
    return Contents("1", tuple(sorted(made)), {segment(place, timeline): NOON for place in places})


def test_names_in_the_bucket_are_read_back_and_strangers_left_out() -> None:
    base = Base(NOON, segment(300))
    logs = [segment(1), "00000002.history", f"{segment(1)}.00000028.backup", f"{segment(2)}.partial"]
    paths = [base.path, *(f"wal/{name}.gz.age" for name in logs), "key.age", "wal/notes.txt", "base/x.tar", "other/a"]

    found = contents_of("1", [(path, NOON) for path in paths])

    assert found == Contents("1", (base,), dict.fromkeys(logs, NOON))
    assert base.path == "base/20260508T120000Z-00000001000000010000002C.tar.gz.age"
    assert found.until == NOON
    assert contents_of("1", []).until is None


def test_the_last_segment_of_a_log_is_followed_by_the_first_of_the_next() -> None:
    assert number(segment(256)) == number("0000000100000000000000FF") + 1


@pytest.mark.parametrize(
    ("places", "lacking"),
    [
        pytest.param(range(10, 300), [], id="whole"),
        pytest.param([*range(10, 200), *range(202, 300)], [200, 201], id="two are gone"),
        pytest.param(range(11, 300), [10], id="the first is gone"),
        pytest.param([], [10], id="all are gone"),
        pytest.param([1, 2, *range(10, 12)], [], id="older ones do not matter"),
    ],
)
def test_what_is_lacking_between_a_base_backup_and_the_end(places: range | list[int], lacking: list[int]) -> None:
    found = contents(*places, bases={0: 10})

    assert missing(found, found.bases[0]) == lacking


def test_a_restore_needs_the_log_from_its_base_backup_on_of_every_timeline() -> None:
    found = contents(*range(1, 9), bases={3: 4})
    found.logs.update({segment(7, 2): NOON, "00000002.history": NOON, f"{segment(4)}.00000028.backup": NOON})

    assert needed(found, found.bases[0], None) == sorted(
        [
            *(segment(place) for place in range(4, 9)),
            segment(7, 2),
            "00000002.history",
            f"{segment(4)}.00000028.backup",
        ]
    )


def test_what_was_written_after_the_second_base_backup_from_then_is_not_needed() -> None:
    found = contents(*range(1, 50), bases={4: 1, 3: 11, 2: 21, 1: 31})

    names = needed(found, found.bases[0], NOON - timedelta(days=3, hours=12))

    assert (names[0], names[-1]) == (segment(1), segment(21))


def test_what_no_restore_within_the_days_needs_is_too_old() -> None:
    found = contents(*range(1, 50), bases={9: 1, 8: 11, 7: 21, 1: 31})
    found.logs["00000002.history"] = NOON

    old = outdated(found, 7, NOON)

    assert old[:2] == [base.path for base in found.bases[:2]]
    assert old[2:] == [f"wal/{segment(place)}.gz.age" for place in range(1, 21)]


def test_the_only_base_backup_stays_however_old_it_is() -> None:
    assert outdated(contents(1, 2, 3, bases={100: 2}), 7, NOON) == [f"wal/{segment(1)}.gz.age"]
    assert outdated(contents(1, 2, 3, bases={1: 2}), 7, NOON) == [], "moments before it may be asked for"
    assert outdated(contents(1, 2, 3, bases={}), 7, NOON) == []


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="does not match"):
        time_of("yesterday")
