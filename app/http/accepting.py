"""Accepts the connections of a listening socket, many in a round of the event loop.

With one in each round, others would stay in the system's queue while many connections are busy, and be lost when it is
full. With a hundred, as asyncio's own server does it, everyone else waits for a long round. Each connection begins at
the expense of its address (`app.fair_loop`). While very many have not begun, an address that connects faster than its
share lets it begin is cut off, or they would become more and more.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

from app.fair_loop import work_for_address

AT_ONCE = 8  # more would make a round long for everyone else
# Connections that were accepted and have not begun, each of some 15 KB. Unless addresses without a token use more than
# their share of the loop, there are hardly any. While they are many, one address may have so many of them; a proxy's
# hundreds at once are not that many.
MANY, OF_AN_ADDRESS, AT_MOST = 1_024, 32, 2_048
PAUSE_S = 0.1  # after the system had no file for a connection; whoever owns the listener logs it

Make = Callable[[], asyncio.BaseProtocol]


class Acceptor:
    """Of one listening socket, which it doesn't close. It begins at once, in the running loop."""

    def __init__(
        self,
        listener: socket.socket,
        make: Make,
        is_last: Callable[[int], bool] = lambda descriptor: False,
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        """make: returns the protocol of a connection. is_last: whether to accept no other until one has begun.

        on_refused: called when one was closed at once.
        """
        self._loop = asyncio.get_running_loop()
        self.listener, self._make, self._is_last, self._on_refused = listener, make, is_last, on_refused
        self._beginning: set[asyncio.Task[None]] = set()
        self._of_address: Counter[str] = Counter()
        self._pause: asyncio.TimerHandle | None = None
        self._closed = False
        self._resume()

    def close(self) -> None:
        """Accept no more. Connections that were accepted begin, and go on."""
        self._closed = True
        self._loop.remove_reader(self.listener)
        if self._pause is not None:
            self._pause.cancel()

    async def wait_closed(self) -> None:
        """Wait until all connections have begun."""
        await asyncio.gather(*self._beginning)

    def _resume(self, _: object = None) -> None:
        self._pause = None
        if not self._closed:
            self._loop.add_reader(self.listener, self._accept)

    def _accept(self) -> None:
        try:
            for accepted in waiting(self.listener, AT_ONCE):
                address = address_of(accepted)
                if address is None:
                    continue
                if len(self._beginning) >= MANY and self._of_address[address] >= OF_AN_ADDRESS:
                    accepted.close()
                    self._on_refused()
                    continue
                task = self._start(accepted, address)
                if self._is_last(accepted.fileno()) or len(self._beginning) >= AT_MOST:
                    self._loop.remove_reader(self.listener)
                    task.add_done_callback(self._resume)
                    break
        except OSError:  # no file for one
            self._loop.remove_reader(self.listener)
            self._pause = self._loop.call_later(PAUSE_S, self._resume)

    def _start(self, accepted: socket.socket, address: str) -> asyncio.Task[None]:
        """Begin a connection, and count it until it has begun."""

        def begun(task: asyncio.Task[None]) -> None:
            self._beginning.discard(task)
            self._of_address[address] -= 1
            if not self._of_address[address]:
                del self._of_address[address]

        task = self._loop.create_task(_begin(accepted, address, self._make), name="connection")
        self._beginning.add(task)
        self._of_address[address] += 1
        task.add_done_callback(begun)
        return task


def waiting(listener: socket.socket, limit: int | None = None) -> Iterator[socket.socket]:
    """Accept and yield the connections in the system's queue. Raises OSError when there is no file for one."""
    listener.setblocking(False)
    for _ in repeat(None) if limit is None else range(limit):
        try:
            accepted, _ = listener.accept()
        except BlockingIOError:
            return
        except ConnectionAbortedError:
            continue
        accepted.setblocking(False)
        yield accepted


def address_of(accepted: socket.socket) -> str | None:
    """Return where a connection comes from; close one whose client has left already, and return None."""
    try:
        address: str = accepted.getpeername()[0]
    except OSError:
        accepted.close()
        return None
    return address


async def begin(connections: Iterable[socket.socket], make: Make) -> None:
    """Give accepted connections their protocols."""
    for connection in connections:
        address = address_of(connection)
        if address is not None:
            await asyncio.create_task(_begin(connection, address, make), name="connection")


async def _begin(connection: socket.socket, address: str, make: Make) -> None:
    """Begin one connection; the task this runs in is its own, for whoever pays for it."""
    try:
        work_for_address(address)
        await asyncio.get_running_loop().connect_accepted_socket(make, connection)
    except OSError:  # the client left while it waited
        connection.close()
