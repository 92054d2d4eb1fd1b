"""Asks a server elsewhere over HTTP, with MEMORY_TOKEN when it is set."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from app.errors import NotPermitted, Unavailable
from app.settings.fields import Settings
from app.settings.forms import is_loopback

_CONNECT_TIMEOUT_S, _READ_TIMEOUT_S = 5.0, 30.0
_HINTS = {
    401: "; set MEMORY_TOKEN, or give --token-file, with a token of that server: claude-memory token create",
    403: "; it needs a token with that scope: claude-memory token create --user NAME --scope admin",
    404: "; the server there is older than this version, or the address must end before its path",
}


def get(settings: Settings, url: str, path: str, *, read_timeout_s: float = _READ_TIMEOUT_S) -> bytes:
    """Return the body at a path; wait at most `read_timeout_s` for data.

    Raises Unavailable, and NotPermitted rather than send a token in the clear.
    """
    return _body(settings, "GET", url, path, None, read_timeout_s)


def post(settings: Settings, url: str, path: str, message: Any, *, read_timeout_s: float = _READ_TIMEOUT_S) -> bytes:
    """Post a message as JSON and return the body of the answer; see `get`."""
    return _body(settings, "POST", url, path, message, read_timeout_s)


def _body(settings: Settings, method: str, url: str, path: str, message: Any, read_timeout_s: float) -> bytes:
    import httpx  # takes a while to load, and most commands make no request

    token = settings.memory_token
    parts = urlsplit(url)
    if token is not None and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise NotPermitted(f"{url}: the token would cross the network in the clear; use https://, or an SSH tunnel")
    headers = {} if token is None else {"Authorization": f"Bearer {token.get_secret_value()}"}
    if message is not None:
        headers["Accept"] = "application/json, text/event-stream"  # what MCP asks of its clients
    try:
        answer = httpx.request(
            method,
            f"{url}{path}",
            json=message,
            headers=headers,
            timeout=httpx.Timeout(read_timeout_s, connect=_CONNECT_TIMEOUT_S),
            follow_redirects=False,  # it would carry the token elsewhere
        )
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{url} does not answer ({type(error).__name__}); check the address") from error
    if answer.status_code != 200:
        raise Unavailable(f"{url}{path} answered {answer.status_code}: {_reason(answer)}")
    return answer.content


def _reason(answer: Any) -> str:
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = "no reason given"
    return message + _HINTS.get(answer.status_code, "")
