"""Speaks with a memU service over HTTP, in any generation of its API."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from app.backoff import Backoff, asked_wait_s
from app.errors import MemuKeyRefused, MemuRefused, MemuUnavailable
from app.memory.outbox import OutboxEntry
from app.memu.generations import Request, api_of
from app.memu.reading import WrongShape, categories_in, entries_in, progress_in
from app.memu.service import Category, Found, Generation, Item, Task

BACKOFF = Backoff(first_s=0.5, longest_s=8.0)
ANSWER_LIMIT_BYTES = 16 * 1024 * 1024
_LONGEST_ASKED_WAIT_S = 30.0  # if a service asks for more, the call does not try again
_CONNECT_TIMEOUT_S = 10.0
_PROBLEM_CHARACTERS = 200
_KEY_STATUS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN)
_NOWHERE_STATUS = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE)
_GONE_STATUS = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
_BUSY_STATUS = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)

Read = TypeVar("Read")


class _WrongAddress(MemuUnavailable):
    """What answers there is no such API, so the same request would fail again."""


class MemuClient:
    """An app.memu.service.MemuService. Opens connections when needed; `close` closes them."""

    def __init__(
        self,
        base_url: str,
        key: str,
        generation: Generation,
        *,
        timeout_s: float = 60.0,
        tries: int = 3,
        backoff: Backoff = BACKOFF,
    ) -> None:
        """timeout_s: seconds that an answer may take in all, except for `retrieve`.

        tries: attempts at a call that only reads and fails temporarily. `memorize` is tried once, because the outbox
        repeats it, and so is `retrieve`, for which a person waits.
        """
        self.generation = generation
        self._api = api_of(generation)
        self.offers = self._api.offers
        self._base = base_url.rstrip("/")
        self._host = urlsplit(base_url).hostname or "memU"
        self._key = key
        self._timeout_s = timeout_s
        self._tries = max(1, tries)
        self._backoff = backoff
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S)),
            follow_redirects=False,  # it would carry the key elsewhere
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def memorize(self, entry: OutboxEntry) -> Task:
        """Hand an entry over, once: the same bytes and the same Idempotency-Key each time it is repeated."""
        task = await self._once(
            self._api.memorize(entry),
            lambda answer: self._api.memorized(entry, answer),
            self._timeout_s,
            idempotency_key=str(entry.key),
        )
        return self._fit_to_show(task)

    async def task(self, task_id: str) -> Task:
        """Ask how far a task is. Raises MemuRefused when the service does not know it."""
        task = await self._repeated(
            self._api.task(task_id), lambda answer: progress_in(answer, task_id), about_task=True
        )
        return self._fit_to_show(task)

    async def retrieve(self, user: str, agent: str, query: str, limit: int, *, within_s: float) -> Found:
        """Return what the service finds for a question, or raise MemuUnavailable after `within_s` seconds."""
        request = self._api.retrieve(user, agent, query, limit)
        return await self._once(request, lambda answer: self._api.retrieved(answer, limit), within_s)

    async def categories(self, user: str, agent: str | None) -> list[Category]:
        """Return the subjects that the service keeps. Raises NotOffered where the generation lists none."""
        request = self._api.categories(user, agent)
        return await self._repeated(request, lambda answer: categories_in(entries_in(answer, "categories")))

    async def listed(self, user: str, agent: str | None) -> AsyncIterator[Item]:
        """Yield all that the API lists of a user: single memories, or summaries of subjects where it lists only these.

        Raises NotOffered where the generation cannot list all agents at once and none is named.
        """
        cursor: str | None = None
        seen: set[str] = set()
        while True:
            items, cursor = await self._repeated(self._api.page(user, agent, cursor), self._api.paged)
            for item in items:
                yield item
            if cursor is None:
                return
            if cursor in seen:
                raise MemuUnavailable(f"{self._host} lists the same page again and again")
            seen.add(cursor)

    async def check(self, user: str, agent: str) -> str:
        """Make a harmless round trip with the key and return one line about who answered."""
        await self._repeated(self._api.check(user, agent), self._api.paged)
        return f"{self._host} speaks memU's API {self.generation} and takes the key"

    async def _repeated(self, request: Request, read: Callable[[Any], Read], *, about_task: bool = False) -> Read:
        """Make a request; after a temporary failure, wait and try again."""
        for attempt in range(1, self._tries + 1):
            try:
                return await self._once(request, read, self._timeout_s, about_task=about_task)
            except (MemuKeyRefused, _WrongAddress):
                raise
            except MemuUnavailable as error:
                wait_s = self._backoff.wait_s(attempt, error.retry_after_s)
                if attempt == self._tries or wait_s > _LONGEST_ASKED_WAIT_S:
                    raise
            await self._backoff.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self,
        request: Request,
        read: Callable[[Any], Read],
        within_s: float,
        *,
        idempotency_key: str | None = None,
        about_task: bool = False,
    ) -> Read:
        """Make a request and read its answer, all within a time.

        read: may raise WrongShape. about_task: a 404 means that the task is gone, not that nobody speaks this API.
        """
        status, headers, content = await self._answer(request, within_s, idempotency_key)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._failure(status, headers, content, about_task)
        try:
            return read(json.loads(content))
        except WrongShape as problem:
            raise MemuUnavailable(
                f"{self._host} answers in an unknown form ({problem}); check MEMU_API_VERSION"
            ) from None
        except (ValueError, RecursionError):
            raise MemuUnavailable(f"{self._host} answers with something other than JSON; check MEMU_BASE_URL") from None

    async def _answer(
        self, request: Request, within_s: float, idempotency_key: str | None
    ) -> tuple[int, httpx.Headers, bytes]:
        """Return the status, the headers and the body of an answer. Raises MemuUnavailable."""
        try:
            async with (
                asyncio.timeout(within_s),
                self._http.stream(
                    request.method,
                    f"{self._base}{request.path}",
                    params=request.parameters or None,
                    content=None if request.body is None else _bytes_of(request.body),
                    headers=self._headers(request, idempotency_key),
                ) as response,
            ):
                return response.status_code, response.headers, await self._content(response)
        except (TimeoutError, httpx.TimeoutException):
            raise MemuUnavailable(f"{self._host} did not answer within {within_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MemuUnavailable(f"{self._host} does not answer ({type(error).__name__})") from None

    def _headers(self, request: Request, idempotency_key: str | None) -> dict[str, str]:
        if not (self._key.isascii() and self._key.isprintable()):
            raise MemuKeyRefused("MEMU_API_KEY holds characters that no key has; copy it again")
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        if idempotency_key is not None:
            headers["Idempotency-Key"] = idempotency_key
        return headers

    async def _content(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > ANSWER_LIMIT_BYTES:
                raise MemuUnavailable(f"{self._host} answers with more than {ANSWER_LIMIT_BYTES // 1024**2} MB")
        return bytes(content)

    def _failure(
        self, status: int, headers: httpx.Headers, content: bytes, about_task: bool
    ) -> MemuUnavailable | MemuRefused:
        """Return the error for a status, without the service's message, which may repeat the key or a memory."""
        host, code = self._host, _error_code(content)
        answer = f"{status} {code}" if code and self._key not in code else str(status)
        if status in _KEY_STATUS:
            return MemuKeyRefused(
                f"{host} refuses the key ({answer}); check MEMU_API_KEY, and the account in its console"
            )
        if about_task and status in _GONE_STATUS:
            return MemuRefused(f"{host} does not know the task any more ({answer})")
        if status in _NOWHERE_STATUS:
            return _WrongAddress(
                f"{host} does not speak memU's API {self.generation} ({answer});"
                " check MEMU_API_VERSION and MEMU_BASE_URL"
            )
        if status in _BUSY_STATUS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            asked_s = asked_wait_s(headers.get("retry-after", ""))
            return MemuUnavailable(f"{host} is busy or failing ({answer})", asked_s)
        if status < HTTPStatus.BAD_REQUEST:
            return _WrongAddress(f"{host} redirects ({answer}); set MEMU_BASE_URL to the address it redirects to")
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return MemuRefused(
                f"{host} takes nothing that long ({answer}); a lower MAX_CONVERSATION_LENGTH cuts sooner"
            )
        return MemuRefused(f"{host} does not take what it was sent ({answer})")

    def _fit_to_show(self, task: Task) -> Task:
        """Make the service's reason one short line without the key."""
        if task.problem is None:
            return task
        line = " ".join("".join(c if c.isprintable() else " " for c in task.problem).split())
        line = line.replace(self._key, "***") if self._key else line
        short = line if len(line) <= _PROBLEM_CHARACTERS else f"{line[: _PROBLEM_CHARACTERS - 1]}…"
        return replace(task, problem=short)


def _bytes_of(body: dict[str, Any]) -> bytes:
    """Return the same bytes for the same body; a lone surrogate, which JSON cannot carry, is replaced."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _error_code(content: bytes) -> str:
    """Return the short code of an error, or '' if it has none that looks like a code.

    v4 gives `{"details": [{"code": …}]}`, and FastAPI, with which v1 and v2 are written, `{"detail": [{"type": …}]}`.
    """
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    for holder in (told, told.get("error"), *_within(told.get("details")), *_within(told.get("detail"))):
        if isinstance(holder, dict):
            for name in ("code", "type"):
                code = holder.get(name)
                if isinstance(code, str) and re.fullmatch(r"[A-Za-z][A-Za-z_.]{0,50}", code):
                    return code
    return ""


def _within(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
