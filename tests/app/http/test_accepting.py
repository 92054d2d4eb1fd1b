"""Accepting many connections at once, and what happens when the system has no file for one."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from app.fair_loop import new_event_loop
from app.http.accepting import AT_MOST, AT_ONCE, MANY, OF_AN_ADDRESS, PAUSE_S, Acceptor, waiting
from tests.support.waiting import until

Connect = Callable[[], socket.socket]
Test = Callable[..., Coroutine[Any, Any, None]]


def on_both_loops(test: Test) -> Callable[..., None]:
    """Run a test on the loop of our servers and on Python's."""

    @pytest.mark.parametrize("loop_factory", [new_event_loop, asyncio.new_event_loop], ids=["fair", "asyncio"])
    def on_a_loop(
        listener: socket.socket, connect: Connect, loop_factory: Callable[[], asyncio.AbstractEventLoop]
    ) -> None:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            runner.run(test(listener, connect))

    on_a_loop.__name__ = test.__name__
    return on_a_loop


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=1_000) as made:
        yield made


@pytest.fixture
def connect(listener: socket.socket) -> Iterator[Connect]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection(listener.getsockname()))


class Made(asyncio.Protocol):
    """Notes the round in which each connection began."""

    def __init__(self, begun: list[asyncio.BaseTransport]) -> None:
        self.begun = begun

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.begun.append(transport)


class Rounds:
    """Counts the rounds of the loop."""

    def __init__(self) -> None:
        self.count, self._loop = 0, asyncio.get_running_loop()
        self._next()

    def _next(self) -> None:
        self.count += 1
        self._handle = self._loop.call_soon(self._next)

    def end(self) -> None:
        self._handle.cancel()


@on_both_loops
async def test_all_connections_that_wait_are_accepted_in_a_few_rounds(
    listener: socket.socket, connect: Connect
) -> None:
    begun: list[asyncio.BaseTransport] = []
    for _ in range(2 * AT_ONCE):
        connect()
    rounds, made_in = Rounds(), list[int]()

    def make() -> Made:
        made_in.append(rounds.count)
        return Made(begun)

    acceptor = Acceptor(listener, make)
    await until(lambda: len(begun) == 2 * AT_ONCE, "the connections")
    rounds.end()
    acceptor.close()
    for transport in begun:
        transport.abort()  # type: ignore[attr-defined]

    assert max(made_in) - min(made_in) < AT_ONCE


@on_both_loops
async def test_none_is_accepted_after_the_last_one_until_that_has_begun(
    listener: socket.socket, connect: Connect
) -> None:
    begun: list[asyncio.BaseTransport] = []
    asked: list[int] = []

    def is_last(descriptor: int) -> bool:
        asked.append(len(begun))
        return True

    for _ in range(3):
        connect()
    acceptor = Acceptor(listener, lambda: Made(begun), is_last)
    await until(lambda: len(begun) == 3, "the connections")
    acceptor.close()
    for transport in begun:
        transport.abort()  # type: ignore[attr-defined]

    assert asked == sorted(asked)
    assert asked[-1] > 0, "each made the room that the next one needs"


class Held:
    """Accepts on a loop whose callbacks for new connections do not come to their turn until `turn` is set."""

    def __init__(self, listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
        self.turn, self.refused = asyncio.Event(), 0
        self.begun: list[str] = []
        monkeypatch.setattr("app.http.accepting._begin", self._begin)
        self.acceptor = Acceptor(listener, asyncio.Protocol, on_refused=self._refuse)

    def _refuse(self) -> None:
        self.refused += 1

    async def _begin(self, connection: socket.socket, address: str, make: object) -> None:
        await self.turn.wait()
        self.begun.append(address)
        connection.close()


def connect_from(address: str, listener: socket.socket) -> socket.socket:
    return socket.create_connection(listener.getsockname(), source_address=(address, 0))


async def test_an_address_that_connects_faster_than_its_connections_begin_is_cut_off(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.accepting.MANY", OF_AN_ADDRESS)
    with ExitStack() as opened:
        held = Held(listener, monkeypatch)
        for _ in range(OF_AN_ADDRESS + 5):
            opened.enter_context(connect_from("127.0.6.1", listener))
        await until(lambda: held.refused == 5, "the refusals")
        opened.enter_context(connect_from("127.0.6.2", listener))
        held.turn.set()
        await until(lambda: "127.0.6.2" in held.begun, "the connection of another address")
        assert held.begun.count("127.0.6.1") == OF_AN_ADDRESS

        opened.enter_context(connect_from("127.0.6.1", listener))
        await until(lambda: held.begun.count("127.0.6.1") == OF_AN_ADDRESS + 1, "the next, when those have begun")
        held.acceptor.close()


async def test_when_very_many_have_not_begun_others_wait_in_the_systems_queue(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.accepting.AT_MOST", 3 * AT_ONCE)
    with ExitStack() as opened:
        held = Held(listener, monkeypatch)
        for number in range(4 * AT_ONCE):
            opened.enter_context(connect_from(f"127.0.7.{number + 1}", listener))
        await until(lambda: len(held.acceptor._beginning) >= 3 * AT_ONCE, "the first ones")
        await asyncio.sleep(0.05)
        assert len(held.acceptor._beginning) == 3 * AT_ONCE
        held.turn.set()
        await until(lambda: len(held.begun) == 4 * AT_ONCE, "all of them")
        held.acceptor.close()

    assert held.refused == 0


async def test_a_proxy_may_open_hundreds_at_once(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as opened:
        held = Held(listener, monkeypatch)
        for _ in range(10 * OF_AN_ADDRESS):
            opened.enter_context(connect_from("127.0.8.1", listener))
        await until(lambda: len(held.acceptor._beginning) == 10 * OF_AN_ADDRESS, "all of them")
        held.turn.set()
        await until(lambda: len(held.begun) == 10 * OF_AN_ADDRESS, "their beginning")
        held.acceptor.close()

    assert held.refused == 0
    assert 10 * OF_AN_ADDRESS < MANY < AT_MOST


@on_both_loops
async def test_without_a_file_for_a_connection_it_waits_and_goes_on(listener: socket.socket, connect: Connect) -> None:
    begun: list[asyncio.BaseTransport] = []
    full = Full(listener)
    loop = asyncio.get_running_loop()
    connect()
    began = loop.time()
    acceptor = Acceptor(full, lambda: Made(begun))  # type: ignore[arg-type]  # it behaves as one
    await until(lambda: full.refused == 1, "the first try")
    await until(lambda: begun, "the connection")
    acceptor.close()
    begun[0].abort()  # type: ignore[attr-defined]

    assert full.refused == 1
    assert loop.time() - began >= PAUSE_S


class Full:
    """A listening socket that gets a file on the second try only."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener, self.refused = listener, 0

    def fileno(self) -> int:
        return self._listener.fileno()

    def setblocking(self, flag: bool) -> None:
        self._listener.setblocking(flag)

    def accept(self) -> tuple[socket.socket, Any]:
        if not self.refused:
            self.refused += 1
            raise OSError(errno.EMFILE, "too many open files")
        return self._listener.accept()


@on_both_loops
async def test_closed_it_accepts_no_more(listener: socket.socket, connect: Connect) -> None:
    begun: list[asyncio.BaseTransport] = []
    acceptor = Acceptor(listener, lambda: Made(begun))
    acceptor.close()
    connect()
    await asyncio.sleep(0.05)
    await acceptor.wait_closed()

    assert begun == []
    [left] = waiting(listener)
    left.close()


def test_what_waits_is_accepted_up_to_a_limit(listener: socket.socket, connect: Connect) -> None:
    for _ in range(3):
        connect()

    counts = []
    for _ in range(3):
        accepted = list(waiting(listener, 2))
        counts.append(len(accepted))
        for one in accepted:
            one.close()

    assert counts == [2, 1, 0]
