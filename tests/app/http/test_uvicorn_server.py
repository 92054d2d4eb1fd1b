"""uvicorn as our processes run it."""

from __future__ import annotations

import signal

from app.http.uvicorn_server import Uvicorn, config


async def application(scope: object, receive: object, send: object) -> None:
    """Do nothing."""


def test_it_leaves_the_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with Uvicorn(config(application)).capture_signals():
        assert signal.getsignal(signal.SIGTERM) is before


def test_it_says_nothing_of_itself_and_believes_no_proxy() -> None:
    made = config(application, backlog=7)

    assert (made.server_header, made.proxy_headers, made.access_log, made.log_config) == (False, False, False, None)
    assert made.backlog == 7
