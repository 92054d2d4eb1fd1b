"""Health: the worst component's state is the state of the whole."""

from __future__ import annotations

import time

import pytest

from app.runtime.components import Component, Status
from app.runtime.health import health


class Parts:
    """Something made of components."""

    started_at = time.monotonic()

    def __init__(self, *states: Status) -> None:
        self._states = states

    def components(self) -> list[Component]:
        return [Component(name=f"part {number}", status=state) for number, state in enumerate(self._states)]


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ((Status.OK, Status.OK), "ok"),
        ((Status.OK, Status.DEGRADED), "degraded"),
        ((Status.DEGRADED, Status.STARTING), "starting"),
    ],
)
def test_the_worst_state_is_that_of_the_whole(states: tuple[Status, ...], whole: str) -> None:
    assert health(Parts(*states))["status"] == whole


def test_each_component_is_shown_with_its_detail() -> None:
    body = health(Parts(Status.OK))

    assert body["components"] == {"part 0": {"status": "ok", "detail": None}}
    assert body["uptime_seconds"] >= 0


def test_a_problem_makes_a_component_degraded() -> None:
    assert Component.of("index", None) == Component(name="index", status=Status.OK)
    assert Component.of("index", "away") == Component(name="index", status=Status.DEGRADED, detail="away")
