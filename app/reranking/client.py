"""Asks a rerank service over HTTP how relevant texts are to a question, once: the search waits for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus

import httpx

from app.backoff import asked_wait_s
from app.errors import RerankRefused, RerankUnavailable
from app.reranking.service import RerankService
from app.reranking.shapes import WrongShape, body_of, relevances_in, shape_of, tokens_in

ANSWER_LIMIT_BYTES = 4 * 2**20  # some services repeat the texts
_KEPT_OPEN_S = 60.0  # between two searches, because a new TLS connection may take a third of the time there is
_OUT_OF_QUOTA = "insufficient_quota"
_BUSY_STATUS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_ACCOUNT_STATUS = (HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN)
_NOWHERE_STATUS = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE)


class RerankClient:
    """A client of one service. Opens connections when needed; `close` closes them."""

    def __init__(self, service: RerankService, on_tokens: Callable[[int], None] = lambda tokens: None) -> None:
        """on_tokens: called with each call's number of tokens, as the service counts them."""
        self._service = service
        self._shape = shape_of(service.url)
        self._on_tokens = on_tokens
        self._http = httpx.AsyncClient(
            timeout=None,  # noqa: S113 - the caller has one for the whole call
            follow_redirects=False,  # it would carry key and texts elsewhere
            limits=httpx.Limits(keepalive_expiry=_KEPT_OPEN_S),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def relevances(self, question: str, texts: Sequence[str]) -> dict[int, float]:
        """Return the relevance of texts by their places: of all, or of those that the service tells.

        Raises RerankUnavailable, and RerankRefused when only an operator can help; neither message holds the key or a
        text. It has no time limit of its own.
        """
        body = body_of(self._shape, self._service.model, question, texts)
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")  # JSON has no lone surrogates
        try:
            async with self._http.stream(
                "POST", self._service.url, content=content, headers=self._headers()
            ) as response:
                said = await self._content(response)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RerankUnavailable(f"{self._service.host} does not answer ({type(error).__name__})") from None
        if not response.is_success:
            raise self._failure(response, said)
        try:
            answer = json.loads(said)
            found = relevances_in(answer, len(texts))
        except (WrongShape, ValueError, RecursionError):
            raise RerankUnavailable(
                f"{self._service.host} answered without the relevance of texts; check RERANK_URL"
            ) from None
        self._on_tokens(tokens_in(answer))
        return found

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        key = self._service.key
        if key is None:
            return headers
        if not (key.isascii() and key.isprintable()):
            raise RerankRefused("the key of the rerank service holds characters that no key has; copy it again")
        return {**headers, "Authorization": f"Bearer {key}"}

    async def _content(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > ANSWER_LIMIT_BYTES:
                raise RerankUnavailable(
                    f"{self._service.host} answers with more than {ANSWER_LIMIT_BYTES // 2**20} MB; check RERANK_URL"
                )
        return bytes(content)

    def _failure(self, response: httpx.Response, content: bytes) -> RerankUnavailable:
        """Return the error for a status, without the service's message, which may repeat the key or a text."""
        host, status, code = self._service.host, response.status_code, _error_code(content)
        answer = f"{status} {code}" if code and code != self._service.key else str(status)
        if status == HTTPStatus.TOO_MANY_REQUESTS and code == _OUT_OF_QUOTA:
            return RerankRefused(f"the quota at {host} is used up ({answer}); raise it in the service's console")
        if status in _BUSY_STATUS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            asked_s = asked_wait_s(response.headers.get("retry-after", ""))
            return RerankUnavailable(f"{host} is busy or failing ({answer})", asked_s)
        if status == HTTPStatus.UNAUTHORIZED:
            return RerankRefused(
                f"{host} refuses the key ({answer}); check RERANK_API_KEY, or DASHSCOPE_API_KEY for DashScope"
            )
        if status in _ACCOUNT_STATUS:
            return RerankRefused(
                f"{host} refuses the account ({answer}): it is in arrears or may not use the model; see its console"
            )
        if status in _NOWHERE_STATUS:
            return RerankRefused(
                f"{host} has no model {self._service.model!r}, or nothing at that address ({answer});"
                " check RERANK_MODEL and RERANK_URL"
            )
        if status < HTTPStatus.BAD_REQUEST:
            return RerankRefused(f"{host} redirects ({answer}); set RERANK_URL to the address it redirects to")
        return RerankRefused(f"{host} does not take the request ({answer}); check RERANK_MODEL and RERANK_URL")


def _error_code(content: bytes) -> str:
    """Return the short code of an error, or '' if it has none that looks like a code.

    DashScope gives `{"code": …}`, OpenAI's imitators `{"error": {"code": …}}`, Cohere and Jina none.
    """
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    for holder in (told, told.get("error")) if isinstance(told, dict) else ():
        if isinstance(holder, dict):
            for name in ("code", "type"):
                code = holder.get(name)
                if isinstance(code, str) and re.fullmatch(r"[A-Za-z][A-Za-z_.]{0,50}", code):
                    return code
    return ""
