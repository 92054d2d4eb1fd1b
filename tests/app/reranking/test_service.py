"""Which rerank service the settings mean, and which key goes where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from app.reranking.service import service_of
from app.settings.fields import Settings

OURS, DASHSCOPES = SecretStr("our-key"), SecretStr("dashscope-key")
NATIVE = "/api/v1/services/rerank/text-rerank/text-rerank"


@pytest.fixture
def service(plain_settings: Settings) -> Callable[..., Any]:
    return lambda **given: service_of(plain_settings.model_copy(update={"rerank_model": "m", **given}))


def test_without_a_model_there_is_none_whatever_else_is_set(service: Callable[..., Any]) -> None:
    assert service(rerank_model=None, dashscope_api_key=DASHSCOPES, rerank_url="http://other/v1/rerank") is None


@pytest.mark.parametrize(
    ("model", "base", "url"),
    [
        pytest.param("gte-rerank-v2", None, f"https://dashscope.aliyuncs.com{NATIVE}", id="its own shape"),
        pytest.param("qwen3-rerank", None, "https://dashscope.aliyuncs.com/compatible-api/v1/reranks", id="qwen"),
        pytest.param(
            "qwen3-rerank",
            "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
            "https://dashscope-intl.aliyuncs.com/compatible-api/v1/reranks",
            id="outside China",
        ),
        pytest.param("gte-rerank-v2", "http://gateway/x", f"http://gateway/x{NATIVE}", id="behind a gateway"),
    ],
)
def test_dashscope_is_meant_where_no_address_is_given(
    service: Callable[..., Any], model: str, base: str | None, url: str
) -> None:
    more = {} if base is None else {"dashscope_base_url": base}
    found = service(rerank_model=model, dashscope_api_key=DASHSCOPES, **more)

    assert (found.url, found.key, found.model) == (url, "dashscope-key", model)


def test_our_own_key_goes_before_dashscopes(service: Callable[..., Any]) -> None:
    assert service(dashscope_api_key=DASHSCOPES, rerank_api_key=OURS).key == "our-key"
    assert service(rerank_url="https://x.aliyuncs.com/v2/rerank", dashscope_api_key=DASHSCOPES).key == "dashscope-key"


@pytest.mark.parametrize("host", ["localhost", "api.cohere.com", "aliyuncs.com.evil.example", "notaliyuncs.com"])
def test_dashscopes_key_goes_to_nobody_else(service: Callable[..., Any], host: str) -> None:
    found = service(dashscope_api_key=DASHSCOPES, rerank_url=f"https://{host}/v2/rerank")

    assert (found.key, found.host) == (None, host)


def test_the_key_is_not_shown(service: Callable[..., Any]) -> None:
    assert "dashscope-key" not in repr(service(dashscope_api_key=DASHSCOPES))
