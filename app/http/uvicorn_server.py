"""Configures uvicorn for our processes: we bring the loop, the signals, the log and the headers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import uvicorn


class Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process before its parts are closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the process."""
        yield


def config(application: Any, **more: Any) -> uvicorn.Config:
    """Return the uvicorn configuration for an ASGI application; `more`: further arguments of uvicorn.Config."""
    return uvicorn.Config(
        application,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        **more,
    )
