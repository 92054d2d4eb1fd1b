"""The stand-in for a rerank service, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from app.reranking.client import RerankClient
from app.reranking.service import RerankService
from tests.standins.rerank import StandIn, rerank_service


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A service on loopback."""
    with rerank_service() as service:
        yield service


@pytest.fixture
def service(standin: StandIn) -> RerankService:
    """How to reach it."""
    return RerankService(url=standin.url(), key=standin.key, model=standin.model)


@pytest.fixture
async def client(service: RerankService) -> AsyncIterator[RerankClient]:
    """A client of it."""
    client = RerankClient(service)
    yield client
    await client.close()
