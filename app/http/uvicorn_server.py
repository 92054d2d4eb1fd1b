"""Configures uvicorn for our processes: we bring the loop, the signals, the log, the headers and the bounds."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from app.http.accepting import OF_AN_ADDRESS, Acceptor
from app.http.bounds import BOUNDS, Bounds, Descriptors
from app.http.connection import BoundedConnection
from app.http.state import State

LOOK_EVERY_TICKS = 5  # of uvicorn's tenths of a second


class Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process before its parts are closed, and with bounds."""

    server_state: State

    def __init__(self, config: uvicorn.Config, bounds: Bounds = BOUNDS, descriptors: Descriptors | None = None) -> None:
        super().__init__(config)
        self.server_state = State(bounds, descriptors)
        self.acceptors: list[Acceptor] = []

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen on bound sockets, and accept their connections."""
        if os.name != "posix" or sockets is None:
            await super().startup(sockets)
            return
        await super().startup([])
        is_kept, log = self.server_state.descriptors.is_kept, self.server_state.log

        def tell() -> None:
            log.warn(f"closed a connection: {OF_AN_ADDRESS} others of its address wait to begin")

        for listener in sockets:
            listener.listen(self.config.backlog)
        self.acceptors = [Acceptor(listener, self.protocol, is_kept, tell) for listener in sockets]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more, and wait for the answers of what runs."""
        for acceptor in self.acceptors:
            acceptor.close()
        await super().shutdown(sockets)
        for acceptor in self.acceptors:
            await acceptor.wait_closed()

    def protocol(self) -> asyncio.Protocol:
        """Return the protocol of a new connection."""
        return self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does ten times a second, and look after the connections."""
        if counter % LOOK_EVERY_TICKS == 0:
            self.server_state.look(asyncio.get_running_loop().time())
        return await super().on_tick(counter)


def config(application: Any, **more: Any) -> uvicorn.Config:
    """Return the uvicorn configuration for an ASGI application; `more`: further arguments of uvicorn.Config."""
    return uvicorn.Config(
        application,
        http=BoundedConnection,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        **more,
    )
