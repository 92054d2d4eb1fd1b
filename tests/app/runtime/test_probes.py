"""Probes: a real round trip to each component, and what is said when there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from app.errors import Unavailable
from app.runtime import probes
from app.runtime.runtime import Runtime
from app.settings.fields import Settings
from tests.support.answering import Answering, answering


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


@pytest.fixture
def memu() -> Iterator[Answering]:
    """A service in the place of memU."""
    with answering() as server:
        yield server


@pytest.fixture
def settings(plain_settings: Settings, memu: Answering) -> Settings:
    """Settings that lead to it."""
    return plain_settings.model_copy(update={"memu_base_url": memu.url, "memu_api_key": SecretStr("the-key")})


async def test_memu_is_asked_with_the_key(settings: Settings, memu: Answering) -> None:
    assert await probes.memu(settings) == "answered"
    [asked] = memu.asked
    assert (asked.method, asked.path) == ("POST", "/api/v3/memory/retrieve")
    assert asked.headers["authorization"] == "Bearer the-key"
    assert json.loads(asked.body)["query"] == "hello"


async def test_a_redirect_does_not_carry_the_key_elsewhere(settings: Settings, memu: Answering) -> None:
    memu.status, memu.headers = 307, {"location": f"{memu.url}/elsewhere"}

    with pytest.raises(Unavailable, match="answered 307; check the key and the address"):
        await probes.memu(settings)
    assert len(memu.asked) == 1


async def test_an_answer_that_is_no_json_is_no_answer(settings: Settings, memu: Answering) -> None:
    memu.body = b"<html>"

    with pytest.raises(Unavailable, match=r"does not answer \(JSONDecodeError\); check the address"):
        await probes.memu(settings)


async def test_a_service_that_is_not_there_is_one_line_without_the_key(settings: Settings) -> None:
    away = settings.model_copy(update={"memu_base_url": "http://127.0.0.1:9"})

    with pytest.raises(Unavailable, match=r"does not answer \(ConnectError\); check the address") as told:
        await probes.memu(away)
    assert "the-key" not in str(told.value)


async def test_a_service_that_says_nothing_is_not_waited_for_long(settings: Settings, memu: Answering) -> None:
    memu.silent = True

    with pytest.raises(Unavailable, match="ReadTimeout"):
        await probes.memu(settings, read_timeout_s=0.05)
