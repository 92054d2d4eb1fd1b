"""A stand-in for Render's API: stateful, on loopback, with faults by switch.

python -m tests.standins.render.server [--port N] [--key KEY] [--owner ID] [--stage-seconds S] [--no-limits]

Prints the port it listens on; the API is under /v1. Held to recorded answers of Render by test_recordings.py.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import time
from collections.abc import Callable, Iterable
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.standins.render import (
    deploys,
    fields,
    groups,
    observed,
    scaling,
    services,
    sockets,
    stores,
    variables,
    workspace,
)
from tests.standins.render.faults import Fault, Faults
from tests.standins.render.limits import Limits
from tests.standins.render.state import NOTHING, OWNER, Refused, Reply, Request, State

KEY = "rnd_standin"
_SUBJECTS = (services, scaling, deploys, variables, stores, groups, workspace, observed)
_ROUTES: list[tuple[str, str, Callable[..., Reply]]] = [route for subject in _SUBJECTS for route in subject.ROUTES]


class Handler(BaseHTTPRequestHandler):
    """Reads a call, answers as Render does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def __init__(self, standin: Server, *args: Any) -> None:
        self.standin = standin
        super().__init__(*args)

    def handle_one_call(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(size)
        url = urlsplit(self.path)
        path = url.path.removeprefix("/v1")
        if len(content) < size or not url.path.startswith("/v1/"):
            self.close_connection = True
            return
        if self.headers.get("Authorization") != f"Bearer {self.standin.key}":
            self.reply(401, {"message": "Unauthorized"})
            return
        within, told = self.standin.limits.count(self.command, path, self.standin.state.now())
        fault = self.standin.faults.next(self.command, path)
        try:
            request = Request(self.command, path, parse_qs(url.query), json.loads(content) if content else None)
        except ValueError:
            self.reply(400, {"message": "invalid JSON"}, told)
            return
        self.standin.requests.append(request)
        if not within:
            request.status = 429
            self.reply(429, {"message": "rate limit exceeded"}, told)
            return
        self.answer(request, fault, told)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one_call

    def answer(self, request: Request, fault: Fault | None, told: dict[str, str]) -> None:
        """Make the change, or not, and answer, or not."""
        kind = fault.kind if fault else None
        if fault and kind in ("fail", "throttle", "drop") and not fault.after:
            self.fail(request, fault, told)
            return
        if fault and kind == "late" and not fault.after:
            time.sleep(fault.seconds)
        if request.path == "/logs/subscribe" and self.headers.get("Upgrade") == "websocket":
            self.subscribe(request)
            return
        status, body = self.standin.call(request)
        if fault and kind == "late" and fault.after:
            time.sleep(fault.seconds)
        if fault and kind in ("fail", "throttle", "drop"):
            self.fail(request, fault, told)
        elif fault and kind == "empty":
            self.reply(202 if fault.status == 503 else fault.status, NOTHING, told)
        elif kind == "malformed":
            self.send(status, b"<html>Bad gateway</html>", told, "text/html")
        elif kind == "truncated":
            self.send(status, json.dumps(body).encode(), told, cut=True)
        else:
            self.reply(status, body, told)

    def subscribe(self, request: Request) -> None:
        """Turn the connection into a WebSocket that sends log lines."""
        self.close_connection = True
        number, sent = self.standin.sockets_broken, len(self.standin.state.logs)
        self.wfile.write(sockets.accepted(self.headers["Sec-WebSocket-Key"]))
        self.wfile.flush()
        with contextlib.suppress(OSError):
            sockets.serve(
                self.connection,
                self.rfile,
                self.standin.state,
                request,
                sent,
                go_on=lambda: number == self.standin.sockets_broken,
            )

    def fail(self, request: Request, fault: Fault, told: dict[str, str]) -> None:
        if fault.kind == "drop":
            self.close_connection = True
            return
        request.status = status = 429 if fault.kind == "throttle" else fault.status
        self.reply(status, {"id": "req-standin", "message": fault.message}, told | fault.headers)

    def reply(self, status: int, body: Any, told: dict[str, str] | None = None) -> None:
        nothing = body is NOTHING or (status == 202 and body is None)
        self.send(status, b"" if nothing else json.dumps(body).encode(), told or {})

    def send(
        self,
        status: int,
        content: bytes,
        told: dict[str, str],
        kind: str = "application/json; charset=utf-8",
        cut: bool = False,
    ) -> None:
        self.send_response_only(status)
        self.send_header("Date", formatdate(self.standin.state.now(), usegmt=True))
        for name, value in told.items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Answers until it is closed. `state`, `faults`, `limits` and `requests` are for tests to set and read."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int = 0, key: str = KEY, owner: str = OWNER, now: Callable[[], float] = time.time) -> None:
        self.key, self.state = key, State(now, owner)
        self.faults, self.limits = Faults(), Limits()
        self.requests: list[Request] = []
        self.sockets_broken = 0  # how often all open ones were
        super().__init__(("127.0.0.1", port), partial(Handler, self))

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def call(self, request: Request) -> Reply:
        """Do what a request asks; return status and body."""
        with self.state.lock:
            request.undocumented = fields.undocumented(self.state, request)
            try:
                status, body = self._routed(request)
            except Refused as refused:
                status, body = refused.status, {"message": refused.message}
            request.status = status
            # As text, so that what a later call changes does not change what this one answers.
            return status, body if body is NOTHING else json.loads(json.dumps(body))

    def _routed(self, request: Request) -> Reply:
        for method, pattern, call in _ROUTES:
            match = re.fullmatch(pattern, request.path)
            if method == request.method and match:
                return call(self.state, request, *match.groups())
        raise Refused(404, "Not Found")

    @property
    def undocumented(self) -> list[str]:
        """Fields that were sent and that the API does not document for that kind, with where they were sent."""
        return [f"{one.method} {one.path}: {name}" for one in self.requests for name in one.undocumented]

    def break_sockets(self) -> None:
        """Break off every open WebSocket."""
        self.sockets_broken += 1

    def server_close(self) -> None:
        self.break_sockets()
        super().server_close()

    def changes(self) -> list[Request]:
        """Return the calls that could change something."""
        return [one for one in self.requests if one.method != "GET"]


def main(arguments: Iterable[str] | None = None) -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default=KEY)
    parser.add_argument("--owner", default=OWNER)
    parser.add_argument("--stage-seconds", type=float)
    parser.add_argument("--no-limits", action="store_true")
    args = parser.parse_args(None if arguments is None else list(arguments))
    server = Server(args.port, args.key, args.owner)
    server.state.stage_s, server.limits.enforced = args.stage_seconds, not args.no_limits
    print(server.server_port, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main()
