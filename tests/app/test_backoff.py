"""Waits between tries, and what a Retry-After header asks for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.backoff import LONGEST_ASKED_S, Backoff, asked_wait_s

NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


def test_waits_double_with_each_failure_up_to_the_longest() -> None:
    backoff = Backoff(first_s=0.5, longest_s=8.0, chance=lambda: 0.0)

    assert [backoff.wait_s(failures) for failures in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]
    assert backoff.wait_s(100_000) == 8


@pytest.mark.parametrize(("chance", "wait_s"), [(0.0, 4.0), (0.5, 3.0), (1.0, 2.0)])
def test_up_to_half_of_a_wait_is_left_off_at_random(chance: float, wait_s: float) -> None:
    assert Backoff(first_s=4.0, longest_s=4.0, chance=lambda: chance).wait_s(1) == wait_s


def test_two_processes_do_not_come_back_at_the_same_moment() -> None:
    backoff = Backoff(first_s=1.0, longest_s=60.0)

    waits = {backoff.wait_s(3) for _ in range(20)}

    assert len(waits) > 1
    assert all(2 <= wait_s <= 4 for wait_s in waits)


def test_a_service_that_asks_for_more_gets_it_and_one_that_asks_for_less_does_not() -> None:
    backoff = Backoff(first_s=1.0, longest_s=2.0, chance=lambda: 0.0)

    assert (backoff.wait_s(1, 600.0), backoff.wait_s(1, 0.01)) == (600.0, 1.0)


async def test_waiting_is_done_by_the_sleep_that_was_given() -> None:
    slept: list[float] = []

    async def sleep(wait_s: float) -> None:
        slept.append(wait_s)

    backoff = Backoff(first_s=1.0, longest_s=10.0, sleep=sleep, chance=lambda: 0.0)
    for failures in (1, 2, 3):
        await backoff.wait(failures)
    await backoff.wait(1, asked_s=30.0)

    assert slept == [1, 2, 4, 30]


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        pytest.param("3", 3.0, id="seconds"),
        pytest.param("0.25", 0.25, id="a part of a second"),
        pytest.param("0", 0.0, id="none"),
        pytest.param("86400", LONGEST_ASKED_S, id="a day"),
        pytest.param("9" * 500, LONGEST_ASKED_S, id="longer than a float has"),
        pytest.param("Sat, 28 Nov 2026 12:00:30 GMT", 30.0, id="a date to come"),
        pytest.param("Sat, 28 Nov 2026 12:00:30 -0000", 30.0, id="a date without a zone"),
        pytest.param("Sat, 28 Nov 2026 14:00:30 +0200", 30.0, id="a date of another zone"),
        pytest.param("Saturday, 28-Nov-26 12:00:30 GMT", 30.0, id="a date as RFC 850 writes it"),
        pytest.param("Sun, 29 Nov 2026 12:00:00 GMT", LONGEST_ASKED_S, id="tomorrow"),
        pytest.param("Fri, 27 Nov 2026 12:00:00 GMT", 0.0, id="a date gone by"),
        pytest.param("", 0.0, id="empty"),
        pytest.param("soon", 0.0, id="a word"),
        pytest.param("-5", 0.0, id="less than none"),
        pytest.param("nan", 0.0, id="not a number"),
        pytest.param("inf", 0.0, id="for ever"),
        pytest.param("1_000", 0.0, id="a number as Python writes it"),
        pytest.param("٣", 0.0, id="another script's digit"),
        pytest.param("Thu, 99 Foo 2026", 0.0, id="no date"),
        pytest.param("Sat, 28 Nov 99999 12:00:30 GMT", 0.0, id="a year there is not"),
        pytest.param(f"Sat, 28 Nov {'9' * 20} 12:00:30 GMT", 0.0, id="a year too long for a number"),
        pytest.param(f"Sat, 28 Nov 2026 12:00:30 +{'9' * 20}", 0.0, id="a zone too long for a number"),
    ],
)
def test_retry_after_is_seconds_or_a_date_at_most_an_hour(header: str, wait_s: float) -> None:
    assert asked_wait_s(header, NOW) == wait_s


def test_a_date_counts_from_now() -> None:
    assert asked_wait_s("Sat, 28 Nov 2099 12:00:30 GMT") == LONGEST_ASKED_S
