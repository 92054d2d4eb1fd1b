"""A call over the socket: answered, refused, not answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.bridge.calls import (
    ServerRefuses,
    StartedServer,
    arguments_of,
    call_tool,
    read_resource,
    result_of,
    structured,
)
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


def test_the_arguments_of_a_tool_are_those_that_the_server_lists(machine: Machine) -> None:
    offered = [{"name": "other", "inputSchema": {}}, {"name": "recall", "inputSchema": {"properties": {"query": {}}}}]

    def play(peer: Peer) -> None:
        peer.reply(peer.line(), tools=offered)

    with StandIn(machine, play):
        assert arguments_of(machine.data_dir, "recall", PATIENCE_S) == {"query"}
        with pytest.raises(Unavailable, match="forget: the server does not offer it"):
            arguments_of(machine.data_dir, "forget", PATIENCE_S)


def test_a_resource_comes_back_as_the_object_it_is(machine: Machine) -> None:
    def play(peer: Peer) -> None:
        peer.reply(peer.line(), contents=[{"uri": "claude://memory/stats", "text": '{"memories": 3}'}])

    with StandIn(machine, play):
        assert read_resource(machine.data_dir, "claude://memory/stats", PATIENCE_S) == {"memories": 3}


def test_a_resource_that_is_no_object_is_an_error(machine: Machine) -> None:
    with StandIn(machine, echo), pytest.raises(Unavailable, match="claude://memory/stats"):
        read_resource(machine.data_dir, "claude://memory/stats", PATIENCE_S)


def test_several_requests_go_over_one_connection_and_answers_to_others_are_passed_over(machine: Machine) -> None:
    def play(peer: Peer) -> None:
        for text in ("one", "two"):
            request = peer.line()
            peer.send({"jsonrpc": "2.0", "method": "notifications/message"})
            peer.reply(request, text=text, asked=request["method"])

    with StandIn(machine, play):
        server = StartedServer(machine.data_dir)
        answers = [server.ask("resources/read", {}, PATIENCE_S) for _ in range(2)]
        server.close()

    assert answers == [{"text": text, "asked": "resources/read"} for text in ("one", "two")]


def test_a_daemon_that_does_not_start_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable, match=r"data directory .*file/data: Not a directory"):
        StartedServer(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("result", "says"),
    [
        pytest.param(
            {"isError": True, "content": [{"type": "text", "text": "not_found: no\nmemory"}]},
            "^not_found: no memory$",
            id="an error",
        ),
        pytest.param({"content": []}, "^list: the answer has no result$", id="nothing"),
        pytest.param({"structuredContent": [1]}, "^list: the answer has no result$", id="no object"),
    ],
)
def test_the_words_of_a_refusal_are_the_servers(result: dict[str, Any], says: str) -> None:
    with pytest.raises(ServerRefuses, match=says):
        structured("list", result)


def test_the_words_of_an_error_of_the_protocol_are_the_servers() -> None:
    with pytest.raises(ServerRefuses, match=r"^no such resource$"):
        result_of({"error": {"code": -1, "message": "no such resource"}})
    with pytest.raises(ServerRefuses, match="the server answered null"):
        result_of({})
