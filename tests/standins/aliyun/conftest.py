"""The stand-in, running, and a caller of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.standins.aliyun.server import Server, serving
from tests.support.aliyun import Caller


@pytest.fixture
def aliyun() -> Iterator[Server]:
    """The stand-in, with a bucket that holds a function's code."""
    with serving(Server()) as server:
        caller = Caller(server)
        caller.oss("PUT")
        caller.oss("PUT", "/code.zip", b"code")
        server.requests.clear()
        yield server


@pytest.fixture
def caller(aliyun: Server) -> Caller:
    return Caller(aliyun)
