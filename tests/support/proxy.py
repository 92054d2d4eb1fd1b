"""A reverse proxy in a thread, as one stands before every deployment: its address is known before any server runs.

With several servers behind it, each request goes to the next one.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

_PATIENCE_S = 30.0
_OWN = {"transfer-encoding", "connection", "keep-alive", "content-length"}  # of a connection, not of an answer


class Proxy:
    """Where clients connect. `asked` is what came, method and path."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.ports: list[int] = []
        self.asked: list[tuple[str, str]] = []
        self._number = count()

    def next_port(self) -> int:
        """Return the port of the server whose turn it is."""
        return self.ports[next(self._number) % len(self.ports)]


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.proxy.asked.append((self.command, self.path.partition("?")[0]))
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy.next_port(), timeout=_PATIENCE_S)
        try:
            connection.request(self.command, self.path, body or None, dict(self.headers.items()))
            answer = connection.getresponse()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            self.end_headers()
            while piece := answer.read1():
                self.wfile.write(piece)
                self.wfile.flush()
        except ConnectionError:
            self.close_connection = True  # one side has gone, the other learns it so
        finally:
            connection.close()

    do_GET = do_POST = do_DELETE = do_OPTIONS = forward

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def proxy() -> Iterator[Proxy]:
    """Run a proxy as long as the block lasts; the block adds the servers' ports."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.proxy = Proxy(server)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield handler.proxy  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
