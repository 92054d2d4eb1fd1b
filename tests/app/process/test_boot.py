"""The first milliseconds: the port, /health, and what must not get lost meanwhile."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.process import begun, boot, early_postgres, listening
from app.process import doorman as doorman_module
from app.process.doorman import Doorman
from app.process.timeline import Timeline
from app.settings.fields import Settings
from app.settings.given import with_defaults
from tests.support.serving import INITIALIZE, MCP_HEADERS, Server, SlowServer, refused, serving
from tests.support.waiting import wait_until


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def doorman(listener: socket.socket) -> Iterator[Doorman]:
    doorman = Doorman(listener, Timeline())
    doorman.start()
    yield doorman
    for connection in doorman.hand_over():
        connection.close()


def connect(listener: socket.socket) -> socket.socket:
    return socket.create_connection(listener.getsockname(), timeout=10)


def ask(listener: socket.socket, request: bytes) -> bytes:
    with connect(listener) as client:
        client.sendall(request)
        received = b""
        while more := client.recv(65_536):
            received += more
        return received


def test_health_is_answered_before_the_server_is_there(listener: socket.socket, doorman: Doorman) -> None:
    head, _, body = ask(listener, b"GET /health?x=1 HTTP/1.1\r\nHost: anything\r\n\r\n").partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Connection: close" in head
    assert f"Content-Length: {len(body)}".encode() in head
    report = json.loads(body)
    assert report["status"] == "starting"
    assert set(report) == {"status", "version", "uptime_seconds", "components"}, "the shape it has later"


def test_ready_says_no_and_head_sends_no_body(listener: socket.socket, doorman: Doorman) -> None:
    assert ask(listener, b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 503 ")
    assert ask(listener, b"HEAD /health HTTP/1.1\r\nHost: x\r\n\r\n").endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", id="a call"),
        pytest.param(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n", id="another path"),
        pytest.param(b"POST /health HTTP/1.1\r\nHost: x\r\n\r\n", id="another method"),
        pytest.param(b"GET /healthy HTTP/1.1\r\nHost: x\r\n\r\n", id="a longer path"),
        pytest.param(b"GET /hea", id="half a line"),
        pytest.param(b"\x16\x03\x01\x00", id="TLS"),
        pytest.param(b"\r\n\r\n", id="nothing"),
    ],
)
def test_everything_else_is_kept_with_every_byte_unread(
    listener: socket.socket, doorman: Doorman, request_: bytes
) -> None:
    with connect(listener) as client:
        client.sendall(request_)
        wait_until(lambda: doorman._held, "the connection to be kept")

        [kept] = doorman.hand_over()
        with kept:
            assert kept.recv(1_000) == request_


def test_silent_connections_are_handed_over_and_do_not_hold_up_health(
    listener: socket.socket, doorman: Doorman
) -> None:
    silent = [connect(listener) for _ in range(20)]
    slow = connect(listener)
    slow.sendall(b"G")
    try:
        assert b"200 OK" in ask(listener, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        kept = doorman.hand_over()
        assert len(kept) == 21
        for connection in kept:
            connection.close()
    finally:
        for client in [*silent, slow]:
            client.close()


def test_who_left_is_not_kept(listener: socket.socket, doorman: Doorman) -> None:
    for _ in range(5):
        connect(listener).close()
    ask(listener, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")

    wait_until(lambda: not doorman._silent, "the connections to be dropped")
    assert doorman.hand_over() == []


def test_kept_connections_are_bounded_and_health_is_still_answered(
    listener: socket.socket, doorman: Doorman, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doorman_module, "HELD_LIMIT", 3)
    clients = [connect(listener) for _ in range(3)]
    try:
        for client in clients:
            client.sendall(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: len(doorman._held) == 3, "three to be kept")

        busy = ask(listener, b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert busy.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in busy
        assert b"200 OK" in ask(listener, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (None, None, None, False)),
        (["--port", "1", "--host=::1", "--data-dir", "/x", "--debug"], ("::1", "1", "/x", True)),
    ],
)
def test_flags_are_read(arguments: list[str], expected: tuple[str | None, str | None, str | None, bool]) -> None:
    flags = boot.read_flags(arguments)

    assert flags is not None
    assert (flags.host, flags.port, flags.data_dir, flags.debug) == expected


@pytest.mark.parametrize(
    "arguments",
    [["--data-dir", ""], ["--data-dir="], ["--help"], ["--prot", "1"], ["--port"], ["x"], ["--port", "--debug"]],
)
def test_what_is_no_flag_is_left_to_argparse(arguments: list[str]) -> None:
    assert boot.read_flags(arguments) is None


def test_localhost_is_reached_by_ipv4() -> None:
    with listening.bind("localhost", 0) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["--host", "192.0.2.1", "--port", "0"], r"192\.0\.2\.1.* not an address of this machine", id="foreign"
        ),
        pytest.param(
            ["--host", "no.such.invalid", "--port", "0"], r"no\.such\.invalid.* name that resolves", id="unknown name"
        ),
        pytest.param(["--host", "300.1.1.1", "--port", "0"], r"300\.1\.1\.1.* neither an address", id="no address"),
        pytest.param(["--host", "ä" * 70, "--port", "0"], r"neither an address", id="no name"),
    ],
)
@pytest.mark.parametrize("auth", ["auto", "off"])
def test_an_address_that_cannot_be_served_is_one_line(
    tmp_path: Path, arguments: list[str], message: str, auth: str
) -> None:
    status, out, error = refused(tmp_path / "data", *arguments, AUTH=auth)

    assert (status, out) == (1, "")
    assert error.count("\n") == 1, error
    assert re.search(message, error), error
    assert "reached from outside" not in error


def test_a_port_in_use_is_one_line_that_says_what_to_do(tmp_path: Path, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    status, out, error = refused(tmp_path / "data", "--port", str(port))

    assert (status, out) == (1, "")
    assert error == (
        f"claude-memory: port {port} on 127.0.0.1 is in use by another program; "
        f"stop it, or choose another: --port {port + 1}\n"
    )


def test_wrong_settings_are_all_reported_together(tmp_path: Path) -> None:
    status, out, error = refused(tmp_path / "data", PORT="x", LOG_LEVEL="loud", RATE_LIMIT_PER_MINUTE="-1")

    assert (status, out) == (2, "")
    assert error.count("\n") == 1
    for name in ("3 wrong settings", "PORT", "LOG_LEVEL", "RATE_LIMIT_PER_MINUTE"):
        assert name in error


def test_an_unusable_data_directory_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, out, error = refused(tmp_path / "file", "--port", "0")

    assert (status, out) == (1, "")
    assert "it is a file; choose a directory with --data-dir" in error
    assert error.count("\n") == 1


def test_a_request_sent_while_it_starts_is_answered_when_it_can_be(tmp_path: Path) -> None:
    with serving(tmp_path / "data", ready=False) as server:
        assert server.request("GET", "/health")[2]["status"] == "starting"
        status, headers, body = server.request("POST", "/mcp", INITIALIZE, MCP_HEADERS)
        listed = server.request("GET", "/info")

        assert status == 200
        assert body["result"]["serverInfo"]["name"] == "claude-memory"
        assert "server" not in headers
        assert listed[0] == 200, "FastAPI is imported last, and requests wait for it"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_starts_ends_it_and_all_it_began(tmp_path: Path, number: int) -> None:
    server = Server(tmp_path / "data")
    try:
        assert server.stop(number) == 0, server.log
        assert server.log == "" or "Traceback" not in server.log
        wait_until(lambda: not (tmp_path / "data/postgres/cluster/postmaster.pid").exists(), "PostgreSQL to end")
    finally:
        server.end()


def test_the_second_server_on_a_data_directory_says_who_holds_it(tmp_path: Path) -> None:
    with serving(tmp_path / "data", ready=False) as server:
        for port in ("0", str(server.port)):
            status, out, error = refused(tmp_path / "data", "--port", port)
            assert (status, error.count("\n")) == (1, 1)
            assert f"pid {server.process.pid}," in error
            assert server.url in error
            assert "--data-dir" in error
            assert port == "0" or out == ""


@pytest.mark.skipif(not socket.has_ipv6, reason="needs IPv6")
def test_ipv6_works(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--host", "::1", ready=False) as server:
        assert server.url.startswith("http://[::1]:")
        with socket.create_connection(("::1", server.port), timeout=10) as client:
            client.sendall(b"GET /health HTTP/1.1\r\nHost: [::1]\r\n\r\n")
            assert client.recv(1_000).startswith(b"HTTP/1.1 200 OK")


def test_status_tells_which_settings_were_given_not_what_was_bound(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--host", "localhost", kind=SlowServer, ready=False, METRICS_PORT="0") as server:
        wait_until(lambda: server.request("GET", "/status")[0] == 200, "the HTTP API")
        given = server.request("GET", "/status")[2]["settings"]
    assert (given["HOST"], given["PORT"], given["METRICS_PORT"]) == (True, True, True)

    defaults = begun.Boot(begun.Flags(), Timeline(), begun.Signals())
    defaults.host, defaults.port = begun.DEFAULT_HOST, Settings(_env_file=None).port
    assert defaults.setting_flags == {"host": None, "port": None, "memory_data_dir": None}
    assert Settings(_env_file=None).host == begun.DEFAULT_HOST
    defaults.flags.daemon = True
    assert defaults.setting_flags["host"] == begun.DEFAULT_HOST, "a daemon has no port, whatever HOST says"


def test_a_functions_instance_listens_before_a_token_is_known(tmp_path: Path) -> None:
    required = {"AUTH": "required", "MEMORY_DATA_DIR": str(tmp_path)}

    assert not boot._may_listen(with_defaults(required))
    assert boot._may_listen(with_defaults({**required, "FC_FUNCTION_NAME": "memory"}))


def test_what_postgresql_tells_after_its_start_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    class Told:
        """Tells something while it starts, and something later."""

        def __init__(self, _data_dir: Path, on_event: Callable[[str], None], *, waits_for_space: bool) -> None:
            self.tell, self.failure = on_event, None

        def start(self) -> None:
            self.tell("before: the error of the start says it")

        def stop(self) -> None:
            pass

    monkeypatch.setattr("app.store.embedded.EmbeddedPostgres", Told)
    postgres = early_postgres.EarlyPostgres(Path("unused"))
    postgres.started.result(10)
    postgres.server.tell("PostgreSQL ended and is started again")
    postgres.stop()

    assert [record.getMessage() for record in caplog.records] == ["PostgreSQL ended and is started again"]
