"""One request over HTTP: sent once, answered or failed in a typed way, with the key on it and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.auth import AuthBase
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import ConnectTimeout, InvalidJSONError, ProxyError, RequestException, SSLError, Timeout
from urllib3.exceptions import MaxRetryError, NewConnectionError

from infra.render.api.access import Access
from infra.render.api.errors import BadAnswer, TimedOut, Unavailable
from infra.render.api.hiding import hidden

# Long enough for a slow network; an address that does not answer is found out quickly.
CONNECT_TIMEOUT_S = 10.0
# Creating a service took up to 2 s where it was recorded.
READ_TIMEOUT_S = 60.0

Params = Mapping[str, str | list[str]]


class _NoBody:
    """Stands for "no body", as None is a body: null."""


NO_BODY = _NoBody()


@dataclass(frozen=True)
class Call:
    """A request. Its body may hold secrets, so it is not shown."""

    method: str
    path: str
    params: Params = field(default_factory=dict)
    body: Any = field(default=NO_BODY, repr=False)


@dataclass(frozen=True)
class Answer:
    """body: the parsed JSON, None if there was none. sent_at_s: when Render answered, by its own clock."""

    status: int
    headers: Mapping[str, str]
    body: Any = field(repr=False)

    @property
    def request_id(self) -> str | None:
        """The id under which Render's support finds the call."""
        in_body = self.body.get("id") if isinstance(self.body, dict) and self.status >= 400 else None
        return self.headers.get("x-request-id") or (in_body if isinstance(in_body, str) else None)

    @property
    def sent_at_s(self) -> float | None:
        try:
            return parsedate_to_datetime(self.headers["Date"]).timestamp()
        except (KeyError, ValueError):
            return None


class _Told(dict[str, Any]):
    """An object of an answer. What it lacks is a fault of the answer, and raised as such."""

    def __init__(self, call: Call, values: dict[str, Any]) -> None:
        super().__init__(values)
        self._call = call

    def __missing__(self, name: str) -> Any:
        said = f"the answer has no {name}, which it should have"
        raise BadAnswer(self._call.method, self._call.path, said, sent=True)


class _Bearer(AuthBase):
    """Puts the key on a request. As `auth` of the session, so that no ~/.netrc replaces it."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.key}"
        return request


class Transport:
    """Sends calls to one address with one key."""

    def __init__(
        self, access: Access, *, connect_timeout_s: float = CONNECT_TIMEOUT_S, read_timeout_s: float = READ_TIMEOUT_S
    ) -> None:
        self._url = access.url
        self._timeouts_s = (connect_timeout_s, read_timeout_s)
        self._session = requests.Session()
        self._session.auth = self._bearer = _Bearer(access.key)
        self._session.headers["Accept"] = "application/json"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def send(self, call: Call) -> Answer:
        """Send once and return whatever status comes back. Raises Unavailable, TimedOut, BadAnswer.

        The causes are left out of the errors: those of `requests` hold the request, and the key with it.
        """
        body = None if call.body is NO_BODY else json.dumps(call.body).encode()
        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            response = self._session.request(
                call.method,
                self._url + call.path,
                params=call.params,
                data=body,
                headers=headers,
                timeout=self._timeouts_s,
                allow_redirects=False,
            )
        except RequestException as error:
            raise self._failure(call, error) from None
        return self._answer(call, response)

    def hide(self, said: str, call: Call) -> str:
        """Return Render's words without the key and without the secrets that the call sent."""
        return hidden(said, self._bearer.key, call.body)

    def _failure(self, call: Call, error: RequestException) -> Unavailable:
        cause = error.args[0] if error.args else None
        reason = cause.reason if isinstance(cause, MaxRetryError) else cause
        where = f"{self._url} "
        if isinstance(error, ConnectTimeout):
            said = f"{where}did not accept a connection within {self._timeouts_s[0]:g} s"
            return TimedOut(call.method, call.path, said, sent=False)
        if isinstance(error, Timeout):
            said = f"{where}did not answer within {self._timeouts_s[1]:g} s"
            return TimedOut(call.method, call.path, said, sent=True)
        if isinstance(error, SSLError | ProxyError) or isinstance(reason, NewConnectionError):
            why = "no connection"
            if isinstance(error, SSLError | ProxyError):
                why = "its certificate is not trusted" if isinstance(error, SSLError) else "the proxy does not answer"
            said = f"{where}cannot be reached: {why}"
            return Unavailable(call.method, call.path, said, sent=False)
        if isinstance(error, NoConnection):
            return Unavailable(call.method, call.path, f"{where}closed the connection without an answer", sent=True)
        said = f"{where}sent an answer that was cut off ({type(error).__name__})"
        return BadAnswer(call.method, call.path, said, sent=True)

    def _answer(self, call: Call, response: requests.Response) -> Answer:
        body, status = None, response.status_code

        def bad(what: str) -> BadAnswer:
            id_ = response.headers.get("x-request-id")
            return BadAnswer(
                call.method, call.path, f"{self._url} sent {what}", sent=True, status=status, request_id=id_
            )

        if response.content.strip():
            try:
                body = response.json(object_hook=partial(_Told, call))
            except (InvalidJSONError, ValueError, RecursionError):
                if status < 400:
                    raise bad(f"{response.headers.get('Content-Type', 'something')} that is no JSON") from None
        elif status == 200 and call.method in ("GET", "PATCH", "PUT"):
            raise bad("an empty answer")
        return Answer(status, response.headers, body)
