"""Which service the settings mean, and which key goes where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from app.embedding.service import service_of
from app.settings.fields import Settings

OURS, DASHSCOPES = SecretStr("our-key"), SecretStr("dashscope-key")


@pytest.fixture
def service(plain_settings: Settings) -> Callable[..., Any]:
    return lambda **given: service_of(plain_settings.model_copy(update={"embedding_model": "m", **given}))


def test_without_a_model_there_is_none_whatever_else_is_set(service: Callable[..., Any]) -> None:
    assert service(embedding_model=None, dashscope_api_key=DASHSCOPES, embedding_base_url="http://other/v1") is None


def test_dashscope_is_meant_where_no_address_is_given(service: Callable[..., Any]) -> None:
    found = service(dashscope_api_key=DASHSCOPES)

    assert (found.url, found.key, found.texts) == (
        "https://dashscope.aliyuncs.com/compatible-mode/v1",
        "dashscope-key",
        10,
    )


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"embedding_base_url": "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"}, id="its others"),
        pytest.param({"dashscope_base_url": "http://gateway/v1"}, id="behind a gateway"),
    ],
)
def test_dashscope_at_another_address_is_dashscope(service: Callable[..., Any], given: dict[str, str]) -> None:
    found = service(dashscope_api_key=DASHSCOPES, **given)

    assert (found.key, found.texts) == ("dashscope-key", 10)


def test_our_own_key_goes_before_dashscopes(service: Callable[..., Any]) -> None:
    assert service(dashscope_api_key=DASHSCOPES, embedding_api_key=OURS).key == "our-key"


@pytest.mark.parametrize("host", ["localhost", "api.openai.com", "aliyuncs.com.evil.example", "notaliyuncs.com"])
def test_dashscopes_key_goes_to_nobody_else(service: Callable[..., Any], host: str) -> None:
    found = service(dashscope_api_key=DASHSCOPES, embedding_base_url=f"https://{host}/v1")

    assert (found.key, found.texts) == (None, 64)


def test_vectors_of_another_size_or_prefix_have_another_name(service: Callable[..., Any]) -> None:
    same = {"embedding_base_url": "http://localhost/v1"}

    names = [
        service(**same, **more).name
        for more in ({}, {"embedding_dimensions": 512}, {"embedding_passage_prefix": "passage: "})
    ]
    assert names == ["m", "m/512", "m/passage:"]
    assert service(**same, embedding_query_prefix="query: ").name == "m", "memories are not touched by it"


def test_the_key_is_not_shown(service: Callable[..., Any]) -> None:
    assert "dashscope-key" not in repr(service(dashscope_api_key=DASHSCOPES))
