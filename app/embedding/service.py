"""Reads from the settings which embedding service to use, and its limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.settings.rules import is_dashscope

if TYPE_CHECKING:
    from app.settings.fields import Settings

_DASHSCOPE_TEXTS, _USUAL_TEXTS = 10, 64  # in one call, from its documentation; others accept 64 or more


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingService:
    """An OpenAI-compatible embedding service with one of its models.

    url: the base to which `/embeddings` is added. name: the name under which vectors are stored; another size or
    prefix gives another name. texts: maximum per call. prefixes: put before questions and memories.
    """

    url: str
    key: str | None = field(repr=False)
    model: str
    dimensions: int | None
    query_prefix: str
    passage_prefix: str
    texts: int

    @property
    def host(self) -> str:
        """The service's name in messages."""
        return urlsplit(self.url).hostname or self.url

    @property
    def name(self) -> str:
        parts = (self.model, self.dimensions, self.passage_prefix.strip())
        return "/".join(str(part) for part in parts if part)


def service_of(settings: Settings) -> EmbeddingService | None:
    """Return the configured service, or None without EMBEDDING_MODEL.

    EMBEDDING_BASE_URL names any service; without it, DashScope is used. DashScope's key is sent only to DashScope.
    """
    if settings.embedding_model is None:
        return None
    url = settings.embedding_base_url or settings.dashscope_base_url
    at_dashscope = is_dashscope(settings.embedding_base_url, settings.dashscope_base_url)
    key = settings.embedding_api_key or (settings.dashscope_api_key if at_dashscope else None)
    return EmbeddingService(
        url=url,
        key=key.get_secret_value() if key else None,
        model=settings.embedding_model,
        dimensions=settings.embedding_dimensions,
        query_prefix=settings.embedding_query_prefix,
        passage_prefix=settings.embedding_passage_prefix,
        texts=_DASHSCOPE_TEXTS if at_dashscope else _USUAL_TEXTS,
    )
