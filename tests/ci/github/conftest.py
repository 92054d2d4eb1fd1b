"""A stand-in of GitHub, and our client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ci.github.api import Api
from tests.standins.github.server import REPOSITORY, TOKEN, GitHub, github


@pytest.fixture
def hub() -> Iterator[GitHub]:
    with github() as running:
        yield running


@pytest.fixture
def pauses() -> list[float]:
    """How long the client waited, in seconds; it does not really."""
    return []


@pytest.fixture
def api(hub: GitHub, pauses: list[float]) -> Api:
    return Api(REPOSITORY, TOKEN, hub.url, sleep=pauses.append)
