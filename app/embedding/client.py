"""Requests vectors from an OpenAI-compatible service: `POST /embeddings`, in batches, retrying where that helps.

The API: https://platform.openai.com/docs/api-reference/embeddings, and DashScope's documentation of its compatible
mode (at most 10 texts per call, 8,192 tokens each).
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Literal

import httpx

from app.backoff import Backoff, asked_wait_s
from app.embedding.service import EmbeddingService
from app.errors import EmbeddingRefused, EmbeddingUnavailable, first_of
from app.fair_loop import shared

TEXT_LIMIT_CHARACTERS = 8_000  # within 8,192 tokens in every common script: a character is rarely more than one token
_SHORTEST_CHARACTERS = 1_000  # a rejected text is not cut below this; every model accepts some 250 tokens
_CALLS_AT_ONCE = {"passage": 4, "query": 8}  # separate, so that a question does not wait for memories
_CALL_CHARACTERS = 32_000  # a service on a laptop needs some ten seconds for this many
_CONNECT_TIMEOUT_S, _ANSWER_TIMEOUT_S = 5.0, 120.0
BACKOFF = Backoff(first_s=0.5, longest_s=8.0)
_LONGEST_ASKED_WAIT_S = 30.0  # if a service asks for more, do not retry
_TEXT_STATUS = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
_TEMPORARY_STATUS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
_OUT_OF_QUOTA = "insufficient_quota"
_PLAIN_TEXT = "hello"

Vector = tuple[float, ...]


class _TextsRejected(Exception):
    """The service rejects these texts, so many at once, or so long ones."""


class EmbeddingClient:
    """An app.memory.ports.Embedder. Opens connections when needed; `close` closes them."""

    def __init__(
        self,
        service: EmbeddingService,
        tries: int,
        on_tokens: Callable[[int], None] = lambda tokens: None,
        backoff: Backoff = BACKOFF,
        *,
        answer_timeout_s: float = _ANSWER_TIMEOUT_S,
    ) -> None:
        """tries: attempts at a call that fails temporarily. on_tokens: called with each call's number of tokens.

        answer_timeout_s: seconds that the service may take to answer one call.
        """
        self._service = service
        self._tries = max(1, tries)
        self._on_tokens = on_tokens
        self._backoff = backoff
        self._slots = {kind: asyncio.Semaphore(calls) for kind, calls in _CALLS_AT_ONCE.items()}
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(answer_timeout_s, connect=_CONNECT_TIMEOUT_S),
            headers={"Authorization": f"Bearer {service.key}"} if service.key else {},
        )

    @property
    def model(self) -> str:
        """The name under which the vectors are stored."""
        return self._service.name

    @property
    def at_once(self) -> int:
        """The best number of texts for one call of `embed`."""
        return self._service.texts * _CALLS_AT_ONCE["passage"]

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def embed(self, texts: Sequence[str], kind: Literal["query", "passage"]) -> list[Vector | None]:
        """Return the unit vector of each text; None for a text that the service rejects.

        Texts are cut to TEXT_LIMIT_CHARACTERS. Raises EmbeddingUnavailable, and EmbeddingRefused when only an
        operator can help; neither message holds the key or a text.
        """
        prefix = self._service.query_prefix if kind == "query" else self._service.passage_prefix
        calls = _calls([prefix + _sendable(text) for text in texts], self._service.texts)
        try:
            async with asyncio.TaskGroup() as group:
                parts = [group.create_task(self._part(call, self._slots[kind])) for call in calls]
        except ExceptionGroup as errors:
            raise first_of(errors) from None
        return [vector for part in parts for vector in part.result()]

    async def _part(self, texts: Sequence[str], slots: asyncio.Semaphore) -> list[Vector | None]:
        async with slots:
            try:
                return await self._call(texts)
            except _TextsRejected as rejection:
                await self._check_that_it_accepts_any_text(rejection)
                return await self._piecewise(texts)

    async def _check_that_it_accepts_any_text(self, rejection: _TextsRejected) -> None:
        try:
            await self._call([_PLAIN_TEXT])
        except _TextsRejected:
            raise EmbeddingRefused(
                f"{self._service.host} rejects every text ({rejection}); check EMBEDDING_MODEL and EMBEDDING_DIMENSIONS"
            ) from None

    async def _piecewise(self, texts: Sequence[str]) -> list[Vector | None]:
        """Embed texts that were rejected together: half by half, then shorter and shorter, to leave out the fewest."""
        if len(texts) > 1:
            middle = len(texts) // 2
            halves = [texts[:middle], texts[middle:]]
        elif len(texts[0]) > _SHORTEST_CHARACTERS:
            halves = [[texts[0][: len(texts[0]) // 2]]]
        else:
            return [None]
        vectors: list[Vector | None] = []
        for half in halves:
            try:
                vectors += await self._call(half)
            except _TextsRejected:
                vectors += await self._piecewise(half)
        return vectors

    async def _call(self, texts: Sequence[str]) -> list[Vector | None]:
        """Make one call; after a temporary failure, wait and try again."""
        for attempt in range(1, self._tries + 1):
            try:
                return await self._once(texts)
            except EmbeddingRefused:
                raise
            except EmbeddingUnavailable as error:
                wait_s = self._backoff.wait_s(attempt, error.retry_after_s)
                if attempt == self._tries or wait_s > _LONGEST_ASKED_WAIT_S:
                    raise
            await self._backoff.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, texts: Sequence[str]) -> list[Vector | None]:
        body: dict[str, Any] = {"model": self._service.model, "input": list(texts), "encoding_format": "float"}
        if self._service.dimensions is not None:
            body["dimensions"] = self._service.dimensions
        try:
            response = await shared(self._http.post(f"{self._service.url}/embeddings", json=body))
        except httpx.TimeoutException:
            raise EmbeddingUnavailable(f"{self._service.host} did not answer in time") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise EmbeddingUnavailable(f"{self._service.host} does not answer ({type(error).__name__})") from None
        if response.status_code != HTTPStatus.OK:
            raise self._failure(response)
        try:
            answer = response.json()
            vectors = _vectors(answer["data"], len(texts))
        except (ValueError, KeyError, TypeError):
            raise EmbeddingUnavailable(f"{self._service.host} answered without a vector for each text") from None
        self._on_tokens(_tokens(answer))
        return vectors

    def _failure(self, response: httpx.Response) -> Exception:
        """Return the error for a status, without the service's message, which may repeat the key."""
        host, status, code = self._service.host, response.status_code, _error_code(response)
        answer = f"{status} {code}" if code else str(status)
        if status in _TEXT_STATUS:
            return _TextsRejected(answer)
        if status == HTTPStatus.TOO_MANY_REQUESTS and code == _OUT_OF_QUOTA:
            return EmbeddingRefused(f"the quota at {host} is used up ({answer}); raise it in the service's console")
        if status in _TEMPORARY_STATUS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            asked_s = asked_wait_s(response.headers.get("retry-after", ""))
            return EmbeddingUnavailable(f"{host} is busy or failing ({answer})", asked_s)
        if status == HTTPStatus.UNAUTHORIZED:
            return EmbeddingRefused(
                f"{host} does not know the key ({answer}); set EMBEDDING_API_KEY, or DASHSCOPE_API_KEY for DashScope"
            )
        if status in (HTTPStatus.FORBIDDEN, HTTPStatus.PAYMENT_REQUIRED):
            return EmbeddingRefused(
                f"{host} denies access ({answer}): the account is in arrears or may not use the model; see its console"
            )
        if status == HTTPStatus.NOT_FOUND:
            return EmbeddingRefused(
                f"{host} has no model {self._service.model!r} ({answer}); check EMBEDDING_MODEL and EMBEDDING_BASE_URL"
            )
        return EmbeddingRefused(f"{host} answered {answer}; check EMBEDDING_BASE_URL")


def _calls(texts: Sequence[str], most: int) -> list[list[str]]:
    """Divide texts into calls of at most `most` texts, and few enough characters for a slow service."""
    calls: list[list[str]] = []
    characters = 0
    for text in texts:
        characters += len(text)
        if not calls or len(calls[-1]) == most or characters > _CALL_CHARACTERS:
            calls.append([])
            characters = len(text)
        calls[-1].append(text)
    return calls


def _sendable(text: str) -> str:
    """Cut a text to the limit, and replace NULs, which end it for some models, and lone surrogates, invalid in JSON."""
    return text[:TEXT_LIMIT_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode()


def _vectors(data: Any, texts: int) -> list[Vector | None]:
    """Return the unit vectors of an answer in the order of the texts. Raises ValueError, KeyError or TypeError."""
    by_index = {int(entry["index"]): entry["embedding"] for entry in data}
    if sorted(by_index) != list(range(texts)) or len({len(vector) for vector in by_index.values()}) != 1:
        raise ValueError("not one vector of one size for each text")
    return [_unit(by_index[at]) for at in range(texts)]


def _unit(numbers: Sequence[float]) -> Vector | None:
    """Return a vector of length 1; None for a zero vector."""
    length = math.hypot(*numbers)
    if not math.isfinite(length):
        raise ValueError("not a number")
    return tuple(number / length for number in numbers) if length > 0 else None


def _tokens(answer: Any) -> int:
    usage = answer.get("usage")
    tokens = usage.get("total_tokens", 0) if isinstance(usage, dict) else 0
    return tokens if isinstance(tokens, int) else 0


def _error_code(response: httpx.Response) -> str:
    """Return the short code of an error, or '' if it has none that looks like a code."""
    try:
        error = response.json()["error"]
        code = str(error.get("code") or error.get("type") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return code if re.fullmatch(r"[A-Za-z][A-Za-z_.]{0,50}", code) else ""
