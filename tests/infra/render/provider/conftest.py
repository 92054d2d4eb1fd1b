"""The provider's real gRPC server against the stand-in, whose time is the test's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine, engine
from tests.support.render import FakeTime


@pytest.fixture
def stack(render: Server, fake_time: FakeTime) -> Iterator[Engine]:
    """A stack of the provider."""
    render.limits.enforced = False
    config = {"renderApiKey": render.key, "renderApiUrl": render.url, "owner": render.state.owner}
    with engine(config, fake_time.clock) as found:
        yield found
