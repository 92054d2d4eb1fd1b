"""The server of timer events within its bounds."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from app.http.bounds import SparseLog
from app.worker import bounded_server
from app.worker.bounded_server import BoundedHandler, BoundedServer

POST = b"POST / HTTP/1.1\r\nContent-Length: %d\r\n"


class Handler(BoundedHandler):
    """Answers the size of the body."""

    def do_POST(self) -> None:
        size = len(self.body(int(self.headers["Content-Length"])))
        self.send_response(200, str(size))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[BoundedServer]:
    with BoundedServer(("127.0.0.1", 0), Handler) as server:
        server.head_s = server.body_s = 0.4
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def connect(server: BoundedServer) -> socket.socket:
    return socket.create_connection(server.server_address[:2], 5)  # type: ignore[arg-type]


def answer(client: socket.socket) -> bytes:
    try:
        return b"".join(iter(lambda: client.recv(65_536), b""))
    except ConnectionError:  # it closed with bytes unread
        return b"reset"


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"POST /" + b"a" * 65_600, id="a request line without end"),
        pytest.param(POST % 0 + b"X: a\r\n" * 101 + b"\r\n", id="too many headers"),
        pytest.param(POST % 0 + (b"X: " + b"a" * 8_000 + b"\r\n") * 9, id="headers too long together"),
    ],
)
def test_a_head_is_bounded(server: BoundedServer, sent: bytes) -> None:
    with connect(server) as client:
        client.sendall(sent)
        reply = answer(client)
    assert reply == b"reset" or b" 431 " in reply or b" 414 " in reply


@pytest.mark.parametrize("sent", [b"", b"POST /", POST % 10 + b"\r\n12345"], ids=["nothing", "half a head", "a body"])
def test_a_request_has_its_time(server: BoundedServer, sent: bytes) -> None:
    begun = time.monotonic()
    with connect(server) as client:
        client.sendall(sent)
        assert answer(client) == b""
    assert time.monotonic() - begun < 30


def test_a_byte_now_and_then_does_not_prolong_it(server: BoundedServer) -> None:
    with connect(server) as client, pytest.raises(ConnectionError):
        for _ in range(30):
            client.sendall(b"P")
            time.sleep(0.1)


def test_silent_connections_make_room(server: BoundedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded_server, "CONNECTIONS", 3)
    silent = [connect(server) for _ in range(6)]

    with connect(server) as client:
        client.sendall(POST % 60_000 + b"\r\n" + b"x" * 60_000)
        assert b" 200 60000" in answer(client)
    for one in silent:
        one.close()


def test_without_a_descriptor_it_waits_and_says_so(
    server: BoundedServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: object) -> tuple[socket.socket, object]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(server, "log", SparseLog())
    with monkeypatch.context() as patched, pytest.raises(OSError, match="Too many"):
        patched.setattr("http.server.ThreadingHTTPServer.get_request", full)
        server.get_request()
    assert "no connection can be accepted: Too many open files" in caplog.text
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=5)  # type: ignore[arg-type]
    connection.request("POST", "/", b"x")
    assert connection.getresponse().reason == "1"
    connection.close()
