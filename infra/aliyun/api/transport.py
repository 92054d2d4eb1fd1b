"""Requests over HTTPS: proxy and CA from the environment, retried when throttled, failures typed, keys never shown.

HTTPS_PROXY and NO_PROXY count as everywhere; a CA of one's own is in SSL_CERT_FILE, as for the provider.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.auth import AuthBase
from requests.exceptions import ConnectionError as NotConnected
from requests.exceptions import RequestException, SSLError, Timeout

from app.backoff import Backoff
from infra.aliyun.api.errors import NoConnection, failed

TIMEOUTS_S = (10.0, 60.0)  # to connect, and to read
_TRIES = 5
_WAITS = Backoff(first_s=1.0, longest_s=15.0)

Headers = Callable[[], Mapping[str, str]]


class _AsSigned(AuthBase):
    """Leaves the signed headers alone, where a ~/.netrc would replace them."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Session(requests.Session):
    """Trusts the CA in SSL_CERT_FILE before that of REQUESTS_CA_BUNDLE, to trust what the provider trusts."""

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Return the settings of a request with those of the environment."""
        own_ca = os.environ.get("SSL_CERT_FILE") or None
        return super().merge_environment_settings(url, proxies, stream, own_ca if verify is None else verify, cert)


def open_session() -> requests.Session:
    """Return a session that takes proxy and CA from the environment."""
    return _Session()


class Transport:
    """Sends requests that are safe to repeat. sleep: waits that many seconds."""

    def __init__(self, *, sleep: Callable[[float], object] = time.sleep, scheme: str = "https") -> None:
        self._session, self._sleep, self._scheme = open_session(), sleep, scheme

    def get(self, what: str, host: str, target: str, headers: Headers) -> tuple[Any, Mapping[str, str]]:
        """Return the answer's JSON and headers. Raises ApiError.

        what: names the call in errors. target: path and query, as they were signed. headers: makes them anew for each
        try, since signatures expire.
        """
        answer = self.send("GET", what, host, target, headers)
        return json_of(host, answer), answer.headers

    def send(
        self, method: str, what: str, host: str, target: str, headers: Headers, content: bytes = b""
    ) -> requests.Response:
        """Send a request that is safe to repeat, with arguments as those of `get`. Raises ApiError."""
        for failures in range(1, _TRIES):
            answer = self._once(method, host, target, headers(), content)
            if answer.status_code not in (429, 500, 502, 503):
                break
            self._sleep(_WAITS.wait_s(failures))
        else:
            answer = self._once(method, host, target, headers(), content)
        if answer.status_code >= 400:
            raise _failure(what, answer, _json(answer))
        return answer

    def _once(
        self, method: str, host: str, target: str, headers: Mapping[str, str], content: bytes
    ) -> requests.Response:
        """Send once. The causes are left out of the errors: those of `requests` hold the request."""
        try:
            return self._session.request(
                method,
                f"{self._scheme}://{host}{target}",
                data=content or None,
                headers=dict(headers),
                auth=_AsSigned(),
                timeout=TIMEOUTS_S,
                allow_redirects=False,
            )
        except Timeout:
            raise NoConnection(host, "does not answer in time") from None
        except SSLError:
            raise NoConnection(host, "has a certificate that is not trusted (SSL_CERT_FILE)") from None
        except (NotConnected, RequestException) as error:
            raise NoConnection(host, f"cannot be reached ({type(error).__name__})") from None


def json_of(host: str, answer: requests.Response) -> Any:
    """Return the JSON that a host answered. Raises NoConnection when it is none."""
    body = _json(answer)
    if body is None:
        raise NoConnection(host, "answered something that is no JSON")
    return body


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _failure(what: str, answer: requests.Response, body: Any) -> Exception:
    told: Mapping[str, Any] = body if isinstance(body, dict) else {}
    code = str(told.get("errorCode") or told.get("Code") or told.get("ErrorCode") or answer.reason)
    said = str(told.get("errorMessage") or told.get("Message") or told.get("ErrorMessage") or "no reason given")
    id_ = answer.headers.get("x-fc-request-id") or answer.headers.get("x-log-requestid") or told.get("RequestId") or ""
    return failed(what, answer.status_code, code, said, str(id_))
