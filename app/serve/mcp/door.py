"""Lets requests to /mcp through in the forms in which clients send them, and refuses the others in plain words.

The SDK wants an Accept header with both types, ids of one kind, and parameters as an object; it knows no batches, and
would take the spaces around a header's value, or a byte order mark, for a part of what follows. Who sends what it does
not take:

An event stream alone in Accept: Claude.ai's proxy (modelcontextprotocol/python-sdk#2349), ElevenLabs
(ComposioHQ/composio#2152). JSON alone: Claude Code (anthropics/claude-code#45368) and validators
(modelcontextprotocol/typescript-sdk#1944).
`"params": []`: PHP and .NET, whose empty collections are lists (elgorro/aiquila#442, afrise/MCPSharp#6).
A byte order mark: VS Code's REST client (Badgerati/Pode#1604). RFC 8259 lets a reader pass over it.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any, Protocol

from mcp.server.transport_security import RequestBodyLimitMiddleware
from mcp_types import INVALID_REQUEST
from starlette.types import Message, Receive, Scope, Send

from app.errors import MemoryServerError, rpc_error_body, shown
from app.http.reply import Header, send_json
from app.memory.json_values import check_values

logger = logging.getLogger(__name__)

BATCH_VERSION = "2025-03-26"  # the one version of the protocol with batches, and the one of a request that names none
BATCH_LIMIT = 32  # messages; each counts as a request
_JSON = b"application/json"
_BOTH = b"application/json, text/event-stream"
_BLANK = b" \t"  # what RFC 9110 lets stand around a value
_NOT_AT_ALL = re.compile(r"q\s*=\s*0(\.0*)?")  # of a type in Accept
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Parameters that are an empty list, and an id that is neither a text nor a whole number as most write it. They are
# found in arguments too, so it is only a hint.
_ODD = re.compile(rb'"(?:params"\s*:\s*\[\s*\]|id"\s*:\s*(?:null|true|false|NaN|-?Infinity|\[|\{|-?[0-9]{1,400}[.eE]))')
_EDGE_BYTES = 2_048  # a message's own id stands before its parameters or after them


class Endpoint(Protocol):
    """Answers requests to /mcp."""

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class NotAcceptable(MemoryServerError):
    """The client takes neither form of the answer."""

    code = "not_acceptable"
    status = 406


class WrongContentType(MemoryServerError):
    """The body is said to be something else than JSON. A web page could send that without asking first."""

    code = "wrong_content_type"
    status = 415


class Door:
    """Wraps the SDK's endpoint, and reads a request's whole body before it passes anything on."""

    def __init__(self, endpoint: Endpoint, body_limit_bytes: int) -> None:
        self._endpoint = endpoint
        self._bounded = RequestBodyLimitMiddleware(self._handle, body_limit_bytes)

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on in the SDK's form, or answer what it may not be."""
        await self._bounded(scope, receive, send)

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()  # the whole body: the limit's middleware has read it
        if first["type"] != "http.request" or first["more_body"]:
            logger.debug("the client left before its request was whole")
            return
        try:
            headers, wants_events = _as_the_sdk_takes(scope["headers"])
        except MemoryServerError as error:
            await _refuse(send, error)
            return
        body: bytes = first["body"].removeprefix(_BYTE_ORDER_MARK)
        try:
            await check_values(body)
        except MemoryServerError as error:
            await _refuse(send, error)
            return
        scope = {**scope, "headers": headers if body is first["body"] else _with_length(headers, len(body))}
        if wants_events:
            send = _as_events(send)
        if body.lstrip()[:1] == b"[":
            await self._batch(scope, body, send)
        else:
            await self._one(scope, {**first, "body": body}, receive, send)

    async def _one(self, scope: Scope, message: Message, receive: Receive, send: Send) -> None:
        body: bytes = message["body"]
        if _ODD.search(body[:_EDGE_BYTES]) or _ODD.search(body[-_EDGE_BYTES:]):
            try:
                body = in_plain_form(body)
            except MemoryServerError as error:
                await _refuse(send, error)
                return
        if body is not message["body"]:
            message = {**message, "body": body}
            scope = {**scope, "headers": _with_length(scope["headers"], len(body))}
        await self._endpoint.handle_request(scope, _first(message, receive), send)

    async def _batch(self, scope: Scope, body: bytes, send: Send) -> None:
        """Answer the messages of a batch one after another; each counts as a request."""
        try:
            messages = _messages(body, _value(scope["headers"], b"mcp-protocol-version") or BATCH_VERSION)
        except MemoryServerError as error:
            await _refuse(send, error)
            return
        take: Callable[[], Awaitable[None]] | None = scope.get("state", {}).get("count_request")
        answers: list[Any] = []
        for at, (message, part) in enumerate(messages):
            try:
                if at and take is not None:
                    await take()
            except MemoryServerError as error:  # this message is over the limit; those before it were done
                answers.append({**rpc_error_body(error), "id": _id_of(message)})
                continue
            collected = _Collected()
            given: Message = {"type": "http.request", "body": part, "more_body": False}
            headers = _with_length(scope["headers"], len(part))
            await self._one({**scope, "headers": headers}, given, _nothing_more, collected.send)
            if collected.body:
                answers.append(json.loads(collected.body))
        if answers:
            await send_json(send, 200, answers)
        else:
            await send_json(send, 202, None)


class NoRequest(MemoryServerError):
    """A message is none that this endpoint takes."""

    code = "invalid_request"
    status = 400


def in_plain_form(body: bytes) -> bytes:
    """Return a message whose id is a text or a whole number, without parameters that are an empty list.

    Raises NoRequest when the id is neither.
    """
    try:
        message = json.loads(body)
        if not isinstance(message, dict) or "method" not in message:
            return body
        plain = _plain(message)
        return body if plain is message else _written(plain)
    except (ValueError, RecursionError):
        return body  # the SDK says what is wrong with it


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    if message.get("params") == []:
        message = {name: value for name, value in message.items() if name != "params"}
    if "id" not in message:
        return message
    given = message["id"]
    if isinstance(given, float) and given.is_integer():  # JSON does not tell 2.0 from 2
        return {**message, "id": int(given)}
    if isinstance(given, str) or (isinstance(given, int) and not isinstance(given, bool)):
        return message
    raise NoRequest(f"id: got {shown(given)}, takes a text or a whole number; a notification has no id at all")


def _written(message: Any) -> bytes:
    """Return a message as JSON no longer than it came, or it might be over the limit now."""
    try:
        return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(message, separators=(",", ":")).encode()


def _messages(body: bytes, version: str) -> list[tuple[Any, bytes]]:
    """Return the messages of a batch, each with its JSON. Raises NoRequest."""
    if version != BATCH_VERSION:
        raise NoRequest(f"a batch: MCP {version[:20]} takes one message a request; send them one by one")
    try:
        messages = json.loads(body)
    except (ValueError, RecursionError):
        raise NoRequest("a batch that is not JSON; nothing of it was done") from None
    if not 1 <= len(messages) <= BATCH_LIMIT:
        raise NoRequest(f"a batch: got {len(messages)} messages, takes 1 to {BATCH_LIMIT}; nothing of it was done")
    if any(isinstance(message, dict) and message.get("method") == "initialize" for message in messages):
        raise NoRequest("a batch: initialize has to be a request of its own; nothing of it was done")
    try:
        return [(message, _written(message)) for message in messages]
    except RecursionError:
        raise NoRequest("a batch that is nested too deep; nothing of it was done") from None


def _id_of(message: Any) -> Any:
    given = message.get("id") if isinstance(message, dict) else None
    return given if isinstance(given, str | int) and not isinstance(given, bool) else None


async def _refuse(send: Send, error: MemoryServerError) -> None:
    body = rpc_error_body(error)
    body["error"]["code"] = INVALID_REQUEST
    await send_json(send, error.status, body)


def _as_the_sdk_takes(headers: Iterable[Header]) -> tuple[list[Header], bool]:
    """Return headers as the SDK takes them, and whether the caller takes nothing but an event stream.

    Raises NotAcceptable or WrongContentType.
    """
    kept: list[Header] = []
    accepted: list[str] = []
    content_type = b""
    for name, value in headers:
        if name == b"accept":
            accepted.append(value.decode("latin-1"))
            continue
        if name == b"content-type":
            content_type = value
            continue
        kept.append((name, value.strip(_BLANK) if name.startswith(b"mcp-") else value))
    if content_type.partition(b";")[0].strip(_BLANK).lower() != _JSON:
        raise WrongContentType(f"Content-Type: got {shown(content_type)}, takes application/json")
    takes_json, takes_events = _takes(",".join(accepted))
    if not takes_json and not takes_events:
        raise NotAcceptable(f"Accept: got {shown(','.join(accepted))}, takes application/json or text/event-stream")
    return [*kept, (b"accept", _BOTH), (b"content-type", _JSON)], not takes_json


@lru_cache(maxsize=32)  # clients always send the same
def _takes(accept: str) -> tuple[bool, bool]:
    """Return whether an Accept header takes JSON, and whether it takes an event stream."""
    ranges: dict[str, bool] = {}
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        if kind:
            ranges[kind] = ranges.get(kind, False) or not any(_NOT_AT_ALL.fullmatch(one) for one in parameters)
    if not ranges:
        return True, True

    def takes(*fitting: str) -> bool:  # the most precise range that fits decides (RFC 9110, 12.5.1)
        return next((ranges[one] for one in fitting if one in ranges), False)

    return takes("application/json", "application/*", "*/*"), takes("text/event-stream", "text/*", "*/*")


def _value(headers: Iterable[Header], wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == wanted), "")


def _with_length(headers: Iterable[Header], length: int) -> list[Header]:
    kept = [(name, value) for name, value in headers if name not in (b"content-length", b"transfer-encoding")]
    return [*kept, (b"content-length", str(length).encode())]


def _first(message: Message, receive: Receive) -> Receive:
    """Return a `receive` that gives a message before what else comes."""
    waiting = [message]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}


class _Collected:
    """Keeps the body of one answer."""

    def __init__(self) -> None:
        self.body = b""

    async def send(self, message: Message) -> None:
        self.body += message.get("body", b"")


def _as_events(send: Send) -> Send:
    """Return a `send` that turns a JSON answer into an event stream with one event."""
    start: Message | None = None
    body = b""

    async def convert(message: Message) -> None:
        nonlocal start, body
        if message["type"] == "http.response.start":
            start = message
            return
        body += message.get("body", b"")
        if message.get("more_body", False) or start is None:
            return
        if start["status"] == 200 and body:
            body = b"event: message\r\ndata: " + body + b"\r\n\r\n"
            headers = [
                (name, value) for name, value in start["headers"] if name not in (b"content-type", b"content-length")
            ]
            length = (b"content-length", str(len(body)).encode())
            start = {**start, "headers": [*headers, (b"content-type", b"text/event-stream"), length]}
        await send(start)
        await send({"type": "http.response.body", "body": body})

    return convert
