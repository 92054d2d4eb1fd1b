"""Runs uvicorn on a port that is already bound, takes over waiting connections, and leaves none open at the end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from typing import Any

import uvicorn

from app.http.accepting import begin, waiting
from app.http.uvicorn_server import Uvicorn
from app.process.begun import Boot


class OpenPortServer(Uvicorn):
    """Serves the port that `app.process.boot` bound, once `may_listen` is set; then sets `listening`."""

    def __init__(self, config: uvicorn.Config, boot: Boot, on_shutdown: Callable[[], Any]) -> None:
        super().__init__(config)
        self._boot, self._on_shutdown = boot, on_shutdown
        self.may_listen, self.listening = asyncio.Event(), asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.may_listen.wait()
        if self.should_exit:
            return
        doorman = self._boot.doorman
        early = doorman.hand_over() if doorman is not None else []
        await super().startup(sockets)
        await begin(early, self.protocol)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        winding_down = asyncio.create_task(self._on_shutdown())
        # Do not await anything until the listeners are closed: later connections are then refused, and none is left in
        # the kernel's queue, where closing the listener would break it.
        rest = asyncio.create_task(begin(_in_queue(sockets or []), self.protocol))
        await super().shutdown(sockets)
        await rest
        winding_down.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await winding_down

    def end(self) -> None:
        """Close the port and end, even if it was never opened."""
        self.should_exit = True
        self.may_listen.set()

    def close_idle(self) -> None:
        """Close idle connections now, and others after their answer."""
        for connection in list(self.server_state.connections):
            connection.shutdown()

    def cancel_requests(self) -> None:
        """Cancel all requests, which then answer 503."""
        for task in list(self.server_state.tasks):
            task.cancel()

    def force(self) -> None:
        """Stop waiting for requests and connections."""
        self.force_exit = True
        self.cancel_requests()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


def _in_queue(listeners: Iterable[socket.socket]) -> list[socket.socket]:
    """Accept and return the connections that wait in the system's queue."""
    connections: list[socket.socket] = []
    for listener in listeners:
        with contextlib.suppress(OSError):  # there is no file for more
            connections.extend(waiting(listener))
    return connections
