"""What all connections hold together: bodies, lines of the log, open files."""

from __future__ import annotations

import logging
import os

import pytest

from app.http.bounds import Bodies, Bounds, Descriptors, SparseLog


class Upload:
    """A body that can be refused."""

    def __init__(self, last_byte_at: float) -> None:
        self.last_byte_at, self.held, self.refused = last_byte_at, 0, False

    def refuse(self) -> None:
        self.refused = True


def test_over_the_bound_the_body_that_stands_still_is_refused_or_else_the_last() -> None:
    bodies = Bodies(Bounds(bodies_bytes=100, stalled_s=2), now=lambda: 10.0)
    old, new, newest = Upload(5.0), Upload(9.5), Upload(10.0)
    bodies.take(old, 60)
    bodies.take(new, 60)
    assert (old.refused, new.refused) == (True, False)
    bodies.release(old)
    bodies.release(old)
    assert bodies.held_bytes == 60

    bodies.take(newest, 60)
    assert (new.refused, newest.refused) == (False, True)


def test_a_whole_body_is_not_refused_but_counts() -> None:
    bodies = Bodies(Bounds(bodies_bytes=100, stalled_s=2), now=lambda: 10.0)
    whole, last = Upload(1.0), Upload(10.0)
    bodies.take(whole, 90)
    bodies.complete(whole)
    bodies.take(last, 20)

    assert (whole.refused, last.refused) == (False, True)


def test_one_line_a_second_says_how_many_were_left_out(caplog: pytest.LogCaptureFixture) -> None:
    at = 100.0
    log = SparseLog(logging.getLogger("test"), now=lambda: at)
    for _ in range(5):
        log.warn("refused")
    log.warn("no token", "not_authenticated")
    at = 101.5
    log.warn("refused")
    at = 102.7
    log.warn("refused")

    assert caplog.messages == [
        "refused",
        "refused (left out before this: 4 connections, 1 not_authenticated)",
        "refused",
    ]


@pytest.mark.parametrize(
    ("limit", "first_kept", "streams"),
    [(256, 224, 112), (1_024, 896, 448), (65_536, 65_280, 32_640), (-1, None, None)],
)
def test_some_files_stay_free_and_streams_take_half(limit: int, first_kept: int | None, streams: int | None) -> None:
    descriptors = Descriptors(limit)

    assert descriptors.for_streams == streams
    if first_kept is None:
        assert not descriptors.is_kept(10**9)
    else:
        assert [descriptors.is_kept(first_kept - 1), descriptors.is_kept(first_kept)] == [False, True]


@pytest.mark.skipif(os.name != "posix", reason="the system has no such limit")
def test_it_notices_that_no_file_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    descriptors = Descriptors()
    assert descriptors.limit > 0 or descriptors.limit == -1
    assert not descriptors.exhausted()

    def full(_: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "dup", full)
    assert descriptors.exhausted()
