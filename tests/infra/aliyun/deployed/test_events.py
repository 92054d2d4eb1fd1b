"""Server-sent events are read from lines."""

from __future__ import annotations

from infra.aliyun.deployed.events import Event, events


def test_events_are_told_apart_and_comments_left_out() -> None:
    lines = ["event: endpoint", "data: /messages/?id=1", "", ": ping", "", "data: a", "data:b", "", "retry: 1000", ""]

    assert list(events(lines)) == [Event("endpoint", "/messages/?id=1"), Event("message", "a\nb")]


def test_an_event_that_was_cut_off_is_none() -> None:
    assert list(events(["data: half"])) == []
