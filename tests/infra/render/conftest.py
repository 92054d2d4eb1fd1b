"""A stand-in of Render's API for each test, and a client of it whose time is the test's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from tests.standins.render.server import Server
from tests.support.render import FakeTime, serving


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def render(fake_time: FakeTime) -> Iterator[Server]:
    """The stand-in, running."""
    with serving(Server(now=fake_time.now)) as server:
        yield server


@pytest.fixture
def access(render: Server) -> Access:
    return Access(key=render.key, url=render.url, owner=render.state.owner)


@pytest.fixture
def api(access: Access, fake_time: FakeTime) -> RenderApi:
    """A client of the stand-in."""
    return RenderApi(access, clock=fake_time.clock, read_timeout_s=5)
