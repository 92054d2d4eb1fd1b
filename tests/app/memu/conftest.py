"""The stand-in for memU, and clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from app.backoff import Backoff
from app.memu.client import MemuClient
from app.memu.service import Generation
from tests.standins.memu import StandIn, memu_service

Make = Callable[..., MemuClient]


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A service on loopback."""
    with memu_service() as service:
        yield service


@pytest.fixture
async def client_of(standin: StandIn) -> AsyncIterator[Make]:
    """Make clients that do not wait long before they try again."""
    made: list[MemuClient] = []

    def make(generation: str = "v3", **different: Any) -> MemuClient:
        options: dict[str, Any] = {
            "base_url": standin.url,
            "key": standin.key,
            "timeout_s": 10.0,
            "backoff": Backoff(first_s=0.001, longest_s=0.01),
        }
        made.append(MemuClient(generation=Generation(generation), **options | different))
        return made[-1]

    yield make
    for client in made:
        await client.close()
