"""A server that gives one answer to everything, as Function Compute does for a function that cannot start."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def answering(status: int, body: bytes, kind: str = "application/json", stream: Sequence[bytes] = ()) -> Iterator[str]:
    """Serve one answer to everything, and to GET a stream of pieces, if there are any; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if stream:
                self.do_stream()
            else:
                self.do_POST()

        def do_stream(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):  # the client may leave
                for piece in stream:
                    self.wfile.write(piece)
                    time.sleep(0.02)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
