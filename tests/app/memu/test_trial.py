"""Trying memU: who answered, and which generation does when the configured one does not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

import pytest

from app.errors import MemuKeyRefused, MemuUnavailable
from app.memu.client import MemuClient
from app.memu.service import Generation
from app.memu.trial import speaking
from tests.standins.memu import StandIn, memu_service


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with memu_service(key="the-key") as service:
        yield service


@pytest.fixture
async def services(standin: StandIn) -> AsyncIterator[Mapping[Generation, MemuClient]]:
    clients = {
        generation: MemuClient(standin.url, "the-key", generation, timeout_s=10.0, tries=1) for generation in Generation
    }
    yield clients
    for client in clients.values():
        await client.close()


async def test_the_configured_generation_says_who_answered(services: Mapping[Generation, MemuClient]) -> None:
    assert "v3 and takes the key" in await speaking(services, Generation.V3, "ann", "claude")


async def test_another_generation_that_answers_is_named_with_the_setting(
    services: Mapping[Generation, MemuClient], standin: StandIn
) -> None:
    standin.speaks = ("v1", "v4")

    with pytest.raises(MemuUnavailable, match=r"v1 and v4 answers there: set MEMU_API_VERSION=v1$"):
        await speaking(services, Generation.V3, "ann", "claude")


async def test_a_refused_key_is_no_matter_of_generations(
    services: Mapping[Generation, MemuClient], standin: StandIn
) -> None:
    standin.key = "another key"

    with pytest.raises(MemuKeyRefused):
        await speaking(services, Generation.V3, "ann", "claude")
    assert len(standin.requests) == 1


async def test_where_no_generation_answers_the_first_failure_is_told(
    services: Mapping[Generation, MemuClient], standin: StandIn
) -> None:
    standin.speaks = ()

    with pytest.raises(MemuUnavailable, match=r"^127\.0\.0\.1 .*v2"):
        await speaking(services, Generation.V2, "ann", "claude")
