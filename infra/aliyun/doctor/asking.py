"""Asks a function from outside what its causes of 412 would show: its health, and the first event on its SSE stream."""

from __future__ import annotations

import time
from dataclasses import dataclass

import requests
from requests.exceptions import RequestException

from app.endpoints import SSE
from infra.aliyun.api.transport import open_session
from infra.reaching import Bearer

CONNECT_S, READ_S = 10.0, 130.0  # the platform waits 120 s for a start before it answers 412
_FIRST_BYTES = 2_000  # an endpoint event is far shorter


@dataclass(frozen=True)
class Answer:
    """What came back. status: 0 without an answer. code: Function Compute's own word for an error of its own."""

    status: int
    seconds: float
    code: str = ""
    said: str = ""


@dataclass(frozen=True)
class Answers:
    """sse: of a stream without a query. first: what came first on it."""

    health: Answer
    sse: Answer
    first: str


def ask(url: str, token: str | None) -> Answers:
    """Ask at an address without a path. Errors are answers, too."""
    with open_session() as session:
        if token:
            session.auth = Bearer(token)
        health, _ = _get(session, f"{url}/health", stream=False)
        sse, first = _get(session, f"{url}{SSE}", stream=True)
    return Answers(health, sse, first)


def _get(session: requests.Session, url: str, *, stream: bool) -> tuple[Answer, str]:
    began_s = time.monotonic()
    headers = {"Accept": "text/event-stream"} if stream else {}
    try:
        with session.get(
            url, headers=headers, stream=stream, timeout=(CONNECT_S, READ_S), allow_redirects=False
        ) as response:
            first = _beginning(response) if stream and response.status_code == 200 else ""
            seconds = time.monotonic() - began_s
            code, said = ("", "") if response.status_code < 400 else _told(response)
            return Answer(response.status_code, seconds, code, said), first
    except RequestException as error:
        return Answer(0, time.monotonic() - began_s, said=type(error).__name__), ""


def _beginning(response: requests.Response) -> str:
    """Return a stream's first event."""
    read = bytearray()
    for byte in response.iter_content(1):
        read += byte
        if read.replace(b"\r", b"").endswith(b"\n\n") or len(read) > _FIRST_BYTES:
            break
    return read.decode("utf-8", "replace").replace("\r", "").strip()


def _told(response: requests.Response) -> tuple[str, str]:
    try:
        body = response.json()
    except ValueError:
        return response.headers.get("X-Fc-Error-Type", ""), ""
    body = body if isinstance(body, dict) else {}
    code = body.get("Code") or body.get("errorCode") or body.get("ErrorCode") or body.get("errorType") or ""
    said = body.get("Message") or body.get("errorMessage") or body.get("ErrorMessage") or ""
    return str(code), " ".join(str(said).split())[:300]
