"""Who makes room for whom."""

from __future__ import annotations

import time

import pytest

from app.http.bounds import Descriptors
from app.http.state import State


class Connection:
    """A connection that can give way."""

    def __init__(self, state: State, stalled_s: float = 0.0) -> None:
        self.closed, self.stalled_s = False, stalled_s
        state.connections.add(self)  # type: ignore[arg-type]

    def look(self, now: float) -> None:
        """Do nothing."""

    def stalled(self, now: float) -> float:
        return self.stalled_s

    def give_way(self) -> None:
        self.closed = True


def test_silent_ones_give_way_before_idle_ones_and_those_before_bodies_that_stand_still() -> None:
    state = State(descriptors=Descriptors(256))
    stalled, busy, idle, first, second, newcomer = (Connection(state, 5.0), *(Connection(state) for _ in range(5)))
    state.idle[idle] = None
    for one in (first, second, newcomer):
        state.silent[one] = None

    order = []
    for _ in range(4):
        assert state.make_room(newcomer)
        order.append(next(one for one in (first, second, idle, stalled) if one.closed and one not in order))
        state.connections.discard(order[-1])

    assert order == [first, second, idle, stalled]
    assert not state.make_room(newcomer)
    assert not busy.closed
    assert not newcomer.closed


def test_it_says_when_no_connection_can_be_accepted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state = State(descriptors=Descriptors(256))
    monkeypatch.setattr(Descriptors, "exhausted", lambda _: True)
    for _ in range(3):
        state.look(time.monotonic())

    [line] = caplog.messages
    assert "no connection can be accepted: all 256 files are open" in line


def test_a_connection_that_fails_ends_itself_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Connection):
        def look(self, now: float) -> None:
            raise AttributeError("no request")

    state = State()
    broken, other = Broken(state), Connection(state)
    state.look(time.monotonic())

    assert (broken.closed, other.closed) == (True, False)
    assert "a connection failed and is closed" in caplog.text
