"""Answers at the open port before the server is there."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator

import pytest

from app.process import doorman
from app.process.doorman import Doorman
from app.process.listening import bind
from app.process.timeline import Timeline
from tests.support.waiting import wait_until


@pytest.fixture
def door() -> Iterator[Doorman]:
    with bind("127.0.0.1", 0) as listener:
        listener.listen(100)
        door = Doorman(listener, Timeline())
        door.start()
        yield door
        for connection in door.hand_over():
            connection.close()


def connect(door: Doorman) -> socket.socket:
    return socket.create_connection(door._listener.getsockname(), 5)


def ask(door: Doorman, request: bytes) -> tuple[int, bytes]:
    """Send a request; return the status and the body."""
    with connect(door) as client:
        client.sendall(request)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_health_is_answered_and_ready_says_not_yet(door: Doorman) -> None:
    status, body = ask(door, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (status, json.loads(body)["status"]) == (200, "starting")
    assert ask(door, b"GET /ready?x=1 HTTP/1.1\r\nHost: x\r\n\r\n")[0] == 503
    assert ask(door, b"HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n") == (200, b"")


@pytest.mark.parametrize(
    "request_", [b"POST /mcp HTTP/1.1\r\nHost: x\r\n\r\nbody", b"GET /health HTTP/1.1\r\nHost:", b"GET /info HTTP/1.1"]
)
def test_all_else_is_kept_for_the_server_unread(door: Doorman, request_: bytes) -> None:
    with connect(door) as client:
        client.sendall(request_)
        wait_until(lambda: door._held, "the connection to be kept")

        [kept] = door.hand_over()

        with kept:
            assert kept.recv(1_000) == request_
    assert door.hand_over() == [], "a second time there is nothing"


def test_one_that_says_nothing_is_handed_over_too(door: Doorman) -> None:
    with connect(door):
        wait_until(lambda: door._silent, "the connection")

        [kept] = door.hand_over()
        kept.close()


@pytest.mark.skipif(os.name != "posix", reason="the system has no such limit")
def test_it_holds_at_most_half_of_the_files_that_the_process_may_open(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (20, 4_096))
    with bind("127.0.0.1", 0) as listener:
        listener.listen(100)
        door = Doorman(listener, Timeline())
        door.start()
        clients = [connect(door) for _ in range(15)]
        wait_until(lambda: len(door._silent) == 10, "the last ten")
        assert clients[4].recv(1) == b"", "the earliest were dropped"
        for connection in [*door.hand_over(), *clients]:
            connection.close()


def test_of_too_many_the_silent_ones_go_first_and_then_all_are_told(
    door: Doorman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorman, "HELD_LIMIT", 2)
    silent = connect(door)
    wait_until(lambda: door._silent, "the silent one")
    kept = [connect(door) for _ in range(2)]
    for number, client in enumerate(kept, 1):
        client.sendall(b"POST /mcp HTTP/1.1\r\n")
        wait_until(lambda number=number: len(door._held) == number, "one more")

    status, body = ask(door, b"POST /mcp HTTP/1.1\r\n")

    assert (status, json.loads(body)["error"]["code"]) == (503, "unavailable")
    assert silent.recv(1) == b"", "it was dropped"
    for client in (silent, *kept):
        client.close()
