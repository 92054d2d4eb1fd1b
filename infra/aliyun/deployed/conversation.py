"""MCP spoken with a server at an address, over /mcp or /sse: JSON-RPC over `requests`.

The SDK's own client is not among the packages of a stack's environment.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Protocol
from urllib.parse import urljoin

import requests
from requests.exceptions import RequestException, Timeout

from app.endpoints import MCP, SSE
from infra.aliyun.api.transport import open_session
from infra.aliyun.deployed.events import Event, events
from infra.command_errors import CannotDo
from infra.reaching import Bearer

CONNECT_S = 10.0
CALL_S = 60.0  # a function that starts needs some seconds; its health check may take up to 120
Json = dict[str, Any]

_REMEDIES = {
    401: "give a valid token: --token-file FILE, CLAUDE_MEMORY_TOKEN, or the stack's adminToken",
    403: "the token does not allow this; take one with the scopes read and write",
    404: "is this the address of a claude-memory? The output `url` of the stack is",
    412: "`python -m infra.aliyun check` tries the causes one by one",
    429: "try again later: the app's RATE_LIMIT_PER_MINUTE, function.reserved or the account's quota is used up",
    502: "the process ended while it answered: `python -m infra.aliyun logs` says why",
    504: "the function timed out: `python -m infra.aliyun check`",
}
_ANY_REMEDY = "`python -m infra.aliyun check` looks for the cause"


class NoConversation(CannotDo):
    """A server did not answer as ours does. status: of its HTTP answer; None when there was none."""

    def __init__(self, said: str, status: int | None = None) -> None:
        super().__init__(said)
        self.status = status


class Conversation(Protocol):
    """MCP with one server."""

    def call(self, method: str, params: Json) -> Json:
        """Return the result of a method. Raises NoConversation."""

    def notify(self, method: str) -> None:
        """Send a notification. Raises NoConversation."""

    def close(self) -> None:
        """End it."""


class _Connection:
    """What both ways have in common: one HTTP session with the token, and errors in one line."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self.http = open_session()
        if token:
            self.http.auth = Bearer(token)
        self._ids = itertools.count(1)

    def message(self, method: str, params: Json | None, *, answered: bool) -> Json:
        message: Json = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            message["params"] = params
        return message | ({"id": next(self._ids)} if answered else {})

    def send(self, verb: str, url: str, *, accept: str, body: Json | None = None, stream: bool = False) -> Any:
        """Return the HTTP answer. Raises NoConversation."""
        try:
            answer = self.http.request(
                verb,
                url,
                json=body,
                headers={"Accept": accept},
                stream=stream,
                timeout=(CONNECT_S, CALL_S),
                allow_redirects=False,  # it would carry the token elsewhere
            )
        except Timeout:
            raise NoConversation(f"{url} does not answer within {CALL_S:.0f} s; {_ANY_REMEDY}") from None
        except RequestException as error:
            raise NoConversation(f"{url} cannot be reached ({type(error).__name__}); check the address") from None
        if answer.status_code >= 300:
            raise NoConversation(f"{url} answered {answer.status_code}{_told(answer)}", answer.status_code)
        return answer


class OverHttp:
    """Over /mcp: each message is a request of its own, since the server keeps no session."""

    def __init__(self, url: str, token: str | None) -> None:
        self._connection = _Connection(f"{url}{MCP}", token)

    def call(self, method: str, params: Json) -> Json:
        """Return the result of a method. Raises NoConversation."""
        connection = self._connection
        message = connection.message(method, params, answered=True)
        answer = connection.send("POST", connection.url, accept=_BOTH, body=message)
        if "event-stream" in answer.headers.get("Content-Type", ""):
            for event in events([*answer.text.splitlines(), ""]):
                told = _parsed(event.data, connection.url)
                if told.get("id") == message["id"]:
                    return _result(told, method)
            raise NoConversation(f"{connection.url} did not answer {method}")
        return _result(_parsed(answer.text, connection.url), method)

    def notify(self, method: str) -> None:
        """Send a notification. Raises NoConversation."""
        message = self._connection.message(method, None, answered=False)
        self._connection.send("POST", self._connection.url, accept=_BOTH, body=message)

    def close(self) -> None:
        """Close the connections."""
        self._connection.http.close()


class OverSse:
    """Over /sse: answers come on one stream, messages go to the address that its first event names."""

    def __init__(self, url: str, token: str | None) -> None:
        self._connection = _Connection(f"{url}{SSE}", token)
        with ExitStack() as opened:  # closes what is open, unless all of it succeeds
            opened.callback(self._connection.http.close)
            self._stream: requests.Response = self._connection.send(
                "GET", self._connection.url, accept="text/event-stream", stream=True
            )
            opened.callback(self._stream.close)
            self._until_s, self._what = time.monotonic() + CALL_S, "its first event"
            self._events = events(self._lines())
            self.messages = self._endpoint(url)
            opened.pop_all()

    def call(self, method: str, params: Json) -> Json:
        """Return the result of a method. Raises NoConversation."""
        message = self._connection.message(method, params, answered=True)
        self._connection.send("POST", self.messages, accept=_BOTH, body=message)
        until_s = time.monotonic() + CALL_S
        while True:
            told = _parsed(self._next(until_s, method).data, self._connection.url)
            if told.get("id") == message["id"]:
                return _result(told, method)

    def notify(self, method: str) -> None:
        """Send a notification. Raises NoConversation."""
        message = self._connection.message(method, None, answered=False)
        self._connection.send("POST", self.messages, accept=_BOTH, body=message)

    def close(self) -> None:
        """End the stream, and the session with it."""
        self._stream.close()
        self._connection.http.close()

    def _endpoint(self, url: str) -> str:
        """Return the address that the first event names. Raises NoConversation."""
        first = self._next(self._until_s, self._what)
        if first.kind != "endpoint":
            found = f"the first event is {first.kind}, not endpoint"
            raise NoConversation(f"{self._connection.url}: {found}; {_ANY_REMEDY}")
        messages = urljoin(self._connection.url, first.data)
        if not messages.startswith(f"{url}/"):
            raise NoConversation(f"{self._connection.url}: sends messages to another host, {messages}")
        return messages

    def _lines(self) -> Iterator[str]:
        """Yield the stream's lines; heartbeats among them, so that a wait for an event sees its limit."""
        line = bytearray()
        # Bytes one by one: larger pieces would be waited for, and the line ends of the stream are two bytes.
        for byte in self._stream.iter_content(1):
            if byte == b"\n":
                self._check_limit()
                yield line.decode("utf-8", "replace").removesuffix("\r")
                line.clear()
            else:
                line += byte

    def _next(self, until_s: float, what: str) -> Event:
        self._until_s, self._what = until_s, what
        try:
            event = next(self._events, None)
        except RequestException as error:
            raise NoConversation(f"{self._connection.url}: the stream broke off ({type(error).__name__})") from None
        if event is None:
            raise NoConversation(f"{self._connection.url}: the stream ended before {what}; {_ANY_REMEDY}")
        return event

    def _check_limit(self) -> None:
        if time.monotonic() > self._until_s:
            raise NoConversation(f"{self._connection.url}: no answer to {self._what} within {CALL_S:.0f} s")


_BOTH = "application/json, text/event-stream"


def _parsed(text: str, url: str) -> Json:
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise NoConversation(f"{url} answered something that is no MCP; is it a claude-memory?")
    return told


def _result(told: Mapping[str, Any], method: str) -> Json:
    error = told.get("error")
    if isinstance(error, Mapping):
        raise NoConversation(f"{method}: {' '.join(str(error.get('message')).split())[:300]}")
    result = told.get("result")
    return result if isinstance(result, dict) else {}


def _told(answer: requests.Response) -> str:
    """Return what an HTTP answer says of its reason, and what to do."""
    try:
        body = answer.json()
    except (ValueError, RequestException):
        body = {}
    body = body if isinstance(body, dict) else {}
    nested = body.get("error")
    code = body.get("Code") or body.get("errorCode") or body.get("ErrorCode") or ""
    said = body.get("Message") or body.get("errorMessage") or body.get("ErrorMessage") or ""
    if isinstance(nested, dict):
        said = said or nested.get("message", "")
    text = " ".join(f"{code} {said}".split())[:300]
    remedy = _REMEDIES.get(answer.status_code, _ANY_REMEDY)
    return f"{f' ({text})' if text else ''}; {remedy}"
