"""Which daemon a session uses: older ones, newer ones, those that refuse it, and none."""

from __future__ import annotations

import os

import pytest

from app import __version__
from app.bridge.connector import DaemonConnector
from app.bridge.protocol import BridgeError
from app.datadir.lock import DataDirectoryLock
from tests.support.bridges import Machine, StandIn, echo
from tests.support.serving import INITIALIZE, PATIENCE_S


def test_an_older_daemon_is_asked_to_leave(machine: Machine) -> None:
    class Older(StandIn):
        def leave(self) -> None:
            super().leave()
            newer.append(StandIn(machine, echo, version=__version__))

    newer: list[StandIn] = []
    try:
        with Older(machine, echo, version="0.0.1") as older:
            client = machine.client()

            assert client.answer(client.request("x"))["result"]
            assert older.asked == ["leave"]
            assert len(newer[0].peers) == 1
    finally:
        for daemon in newer:
            daemon.__exit__()


def test_an_older_one_that_does_not_leave_is_named(machine: Machine) -> None:
    class Stubborn(StandIn):
        def leave(self) -> None:
            pass

    with Stubborn(machine, echo, version="0.0.1", pid=4_711):
        client = machine.client(initialized=False)
        client.send(INITIALIZE)

        assert "end it: kill 4711" in client.answer(INITIALIZE["id"])["error"]["message"]
        assert client.process.wait(PATIENCE_S) == 1


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param({"version": "99.0.0"}, id="a newer daemon"),
        pytest.param({"version": "0.0.1", "mode": "serve"}, id="an older server run by hand"),
    ],
)
def test_newer_daemons_and_servers_are_taken_as_they_are(machine: Machine, greeting: dict[str, str]) -> None:
    with StandIn(machine, echo, **greeting) as daemon:
        client = machine.client()

        assert client.answer(client.request("x"))["result"]
        assert daemon.asked == []


def test_a_server_that_knows_of_no_identity_must_not_take_a_users_memories(machine: Machine) -> None:
    with StandIn(machine, echo, version="0.0.1", mode="serve", pid=4_711) as daemon:
        client = machine.client(initialized=False, DEFAULT_USER_ID="ann")
        client.send(INITIALIZE)

        told = client.answer(INITIALIZE["id"])["error"]["message"]
        assert "version 0.0.1 (pid 4711) does not accept DEFAULT_USER_ID from its clients; restart it" in told
        assert client.process.wait(PATIENCE_S) == 1
        assert [list(said) for peer in daemon.peers for said in peer.said] == [["bridge"]], "no call went there"


def test_a_command_that_holds_the_data_directory_is_named(machine: Machine) -> None:
    """The holder has no socket: nobody answers, and no daemon after the other is started in vain."""
    lock = DataDirectoryLock(machine.data_dir)
    lock.acquire("", "restore")
    try:
        with pytest.raises(BridgeError, match=rf"in use by `claude-memory restore` \(pid {os.getpid()}\)"):
            DaemonConnector(str(machine.data_dir), start_timeout_s=0.5).connect()
        assert not (machine.data_dir / "daemon.log").exists()
    finally:
        lock.release()
