"""Reads from the settings which rerank service to use: its address, its key, its model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.settings.rules import is_dashscope

if TYPE_CHECKING:
    from app.settings.fields import Settings

# DashScope's addresses beside the one that DASHSCOPE_BASE_URL holds: https://help.aliyun.com/zh/model-studio/text-rerank-api
_EMBEDDING_PATH = "/compatible-mode/v1"
_QWEN, _QWEN_PATH = "qwen3-rerank", "/compatible-api/v1/reranks"
_OTHERS_PATH = "/api/v1/services/rerank/text-rerank/text-rerank"


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankService:
    """A rerank service with one of its models. url: where requests go, with its path, which tells their shape."""

    url: str
    key: str | None = field(repr=False)
    model: str

    @property
    def host(self) -> str:
        """The service's name in messages."""
        return urlsplit(self.url).hostname or self.url


def service_of(settings: Settings) -> RerankService | None:
    """Return the configured service, or None without RERANK_MODEL.

    RERANK_URL names any service; without it, DashScope is used. DashScope's key is sent only to DashScope.
    """
    if settings.rerank_model is None:
        return None
    at_dashscope = is_dashscope(settings.rerank_url, settings.dashscope_base_url)
    key = settings.rerank_api_key or (settings.dashscope_api_key if at_dashscope else None)
    return RerankService(
        url=settings.rerank_url or _dashscope_url(settings.dashscope_base_url, settings.rerank_model),
        key=key.get_secret_value() if key else None,
        model=settings.rerank_model,
    )


def _dashscope_url(base_url: str, model: str) -> str:
    path = _QWEN_PATH if model.startswith(_QWEN) else _OTHERS_PATH
    return base_url.rstrip("/").removesuffix(_EMBEDDING_PATH) + path
