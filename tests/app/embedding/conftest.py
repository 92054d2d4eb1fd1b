"""The stand-in for an embedding service, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from app.backoff import Backoff
from app.embedding.client import EmbeddingClient
from app.embedding.service import EmbeddingService
from tests.standins.embeddings import StandIn, embedding_service


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A service on loopback."""
    with embedding_service() as service:
        yield service


@pytest.fixture
def service(standin: StandIn) -> EmbeddingService:
    """How to reach it."""
    return EmbeddingService(
        url=standin.url,
        key=standin.key,
        model=standin.model,
        dimensions=None,
        query_prefix="",
        passage_prefix="",
        texts=10,
    )


@pytest.fixture
async def client(service: EmbeddingService) -> AsyncIterator[EmbeddingClient]:
    """A client that does not wait long before it tries again."""
    client = EmbeddingClient(service, tries=3, backoff=Backoff(first_s=0.01, longest_s=8.0))
    yield client
    await client.close()
