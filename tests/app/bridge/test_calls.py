"""A call over the socket: answered, refused, not answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.bridge.calls import call_tool
from app.errors import Unavailable
from tests.support.bridges import Machine, Peer, StandIn, echo, machine_at

PATIENCE_S = 5.0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "data").mkdir()
    with machine_at(tmp_path / "data") as machine:
        yield machine


def test_the_structured_result_comes_back_for_the_user_of_the_environment(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFAULT_USER_ID", "ann")

    def play(peer: Peer) -> None:
        peer.reply(peer.line(), structuredContent={"whose": peer.said[0]["bridge"]["identity"]})

    with StandIn(machine, play):
        told = call_tool(machine.data_dir, "memory_stats", {}, PATIENCE_S)

    assert told == {"whose": {"default_user_id": "ann"}}


def test_where_nobody_listens_it_is_an_error(machine: Machine) -> None:
    with pytest.raises(Unavailable, match="no answer over the socket"):
        call_tool(machine.data_dir, "memory_health", {}, PATIENCE_S)


def test_an_answer_without_a_result_of_the_tool_is_an_error(machine: Machine) -> None:
    with StandIn(machine, echo), pytest.raises(Unavailable, match="memory_health"):
        call_tool(machine.data_dir, "memory_health", {}, PATIENCE_S)


def test_a_client_that_is_refused_learns_why(machine: Machine) -> None:
    refuses = StandIn(machine, echo, refused="1 wrong setting: DEFAULT_USER_ID")
    with refuses, pytest.raises(Unavailable, match="refuses this client: 1 wrong setting: DEFAULT_USER_ID"):
        call_tool(machine.data_dir, "memory_health", {}, PATIENCE_S)


def test_one_that_goes_away_is_an_error(machine: Machine) -> None:
    with StandIn(machine, lambda peer: None), pytest.raises(Unavailable, match=r"before it answered|no answer"):
        call_tool(machine.data_dir, "memory_health", {}, PATIENCE_S)
