"""Probes: a real round trip to each component, and what is said when there is none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from app.errors import MemuKeyRefused, MemuUnavailable, RerankRefused, RerankUnavailable
from app.runtime import probes
from app.runtime.runtime import Runtime
from app.settings.fields import Settings
from tests.standins import rerank
from tests.standins.memu import Misdeed, StandIn, memu_service


@pytest.mark.parametrize(
    ("name", "counts", "detail"),
    [("postgres", True, "answered"), ("index", True, "0 points"), ("index", False, "answered")],
)
async def test_a_component_that_answers_is_ok(runtime: Runtime, name: str, counts: bool, detail: str) -> None:
    answer = await runtime.probe(name, counts=counts)

    assert (answer["ok"], answer["detail"]) == (True, detail)
    assert answer["milliseconds"] > 0


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("postgres", "PostgreSQL is not connected yet"),
        ("index", "the index is not open yet"),
        ("embeddings", "no embedding model is set (EMBEDDING_MODEL); search goes by words alone"),
        ("rerank", "no rerank model is set (RERANK_MODEL); results stay in the order of the search"),
        ("memu", "memU is not configured: set MEMU_API_KEY"),
    ],
)
async def test_what_is_not_there_says_so(plain_settings: Settings, name: str, why: str) -> None:
    answer = await probes.probe(name, plain_settings, None, None, counts=True)

    assert (answer["ok"], answer["detail"]) == (False, why)


async def test_a_component_that_hangs_is_given_up(runtime: Runtime) -> None:
    running = runtime.running
    answer = await probes.probe("postgres", runtime.settings, running.opened.db, running, counts=True, timeout_s=0.0)

    assert answer["detail"] == "no answer within 0 s"


async def test_a_rerank_service_is_asked_within_the_time_of_a_search(plain_settings: Settings) -> None:
    with rerank.rerank_service() as service:
        given = {"rerank_model": service.model, "rerank_url": service.url(), "rerank_api_key": SecretStr(service.key)}
        settings = plain_settings.model_copy(update={**given, "rerank_seconds": 30.0})
        assert await probes.rerank(settings) == "127.0.0.1 orders texts"

        service.fail += [rerank.INVALID_KEY, 5.0]
        with pytest.raises(RerankRefused, match="refuses the key"):
            await probes.rerank(settings)
        with pytest.raises(RerankUnavailable, match=r"took longer than 0.05 s \(RERANK_SECONDS\)"):
            await probes.rerank(settings.model_copy(update={"rerank_seconds": 0.05}))


@pytest.fixture
def memu() -> Iterator[StandIn]:
    """A service in the place of memU."""
    with memu_service(key="the-key") as service:
        yield service


@pytest.fixture
def settings(plain_settings: Settings, memu: StandIn) -> Settings:
    """Settings that lead to it."""
    return plain_settings.model_copy(update={"memu_base_url": memu.url, "memu_api_key": SecretStr("the-key")})


async def test_memu_is_asked_with_the_key_and_says_what_it_speaks(settings: Settings) -> None:
    assert await probes.memu(settings) == "127.0.0.1 speaks memU's API v3 and takes the key"


async def test_a_generation_that_memu_does_not_speak_is_told_with_one_that_it_does(
    settings: Settings, memu: StandIn
) -> None:
    memu.speaks = ("v4",)

    with pytest.raises(MemuUnavailable, match=r"set MEMU_API_VERSION=v4$"):
        await probes.memu(settings)


async def test_a_refused_key_is_told_without_the_key(settings: Settings, memu: StandIn) -> None:
    memu.key = "another"

    with pytest.raises(MemuKeyRefused) as told:
        await probes.memu(settings)
    assert "the-key" not in str(told.value)


async def test_a_service_that_is_not_there_is_one_line_without_the_key(settings: Settings) -> None:
    away = settings.model_copy(update={"memu_base_url": "http://127.0.0.1:9"})

    with pytest.raises(MemuUnavailable, match="does not answer") as told:
        await probes.memu(away)
    assert "the-key" not in str(told.value)


async def test_a_service_that_says_nothing_is_not_waited_for_long(settings: Settings, memu: StandIn) -> None:
    memu.always = Misdeed.HANG

    with pytest.raises(MemuUnavailable):
        await probes.memu(settings, answer_s=0.05)
