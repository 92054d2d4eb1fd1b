"""MCP over stdin and stdout for one client, through the machine's daemon: lines in, lines out.

Clients start one of these for each session, so it must be small and quick: standard library only, one thread, no
asyncio (11 MB, 30 ms). It starts the daemon when none answers. When the daemon goes away, calls in flight are
answered with an error, the next daemon is started, and the client's handshake is replayed, so the session lives on.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time

from app import __version__
from app.local.folder import data_directory, socket_path

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from typing import Any

LINE_LIMIT_BYTES = 16 * 2**20  # as the HTTP body; a longer line is refused and skipped
START_TIMEOUT_S = 20.0  # a first start makes a database; clients give up after 10 to 60 s
GREETING_TIMEOUT_S = 20.0
_CHUNK = 65_536
_RETRY_S = 0.01
_RESTART_AFTER_S = 3.0  # how long a started daemon may take to open its socket before another one is started
_REPLAY_ID = "claude-memory-replay"
_LOG_LIMIT_BYTES = 5_000_000

_SERVER_ERROR = -32_000  # the range JSON-RPC leaves to servers
_INVALID_REQUEST = -32_600


class BridgeError(Exception):
    """The daemon cannot be reached or started; one line with the reason."""


class Lines:
    """Cuts a stream of bytes into lines; a line over the limit is dropped and counted in `too_long`."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False
        self.too_long = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that are complete now, each with its end."""
        lines = []
        *ends, rest = data.split(b"\n")
        for end in ends:
            if self._skipping:
                self._skipping = False
            else:
                line = b"".join([*self._parts, end, b"\n"])
                if len(line) > LINE_LIMIT_BYTES:
                    self.too_long += 1
                elif line.strip():
                    lines.append(line)
            self._parts, self._size = [], 0
        if rest and not self._skipping:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > LINE_LIMIT_BYTES:
                self.too_long += 1
                self._skipping, self._parts, self._size = True, [], 0
        return lines


class Bridge:
    """One client's session."""

    def __init__(self, data_dir: str, client_in: int = 0, client_out: int = 1) -> None:
        self._data_dir = data_dir
        self._in, self._out = client_in, client_out
        self._from_client, self._from_daemon = Lines(), Lines()
        self._daemon: socket.socket | None = None
        self._in_flight: dict[str, Any] = {}  # by the id's JSON: 1 and "1" are two
        self._initialize: dict[str, Any] | None = None
        self._initialized: bytes | None = None

    def run(self) -> int:
        """Carry lines until the client closes its end. Raises BridgeError."""
        self._connect()
        while True:
            assert self._daemon is not None
            poll = select.poll()
            poll.register(self._in, select.POLLIN)
            poll.register(self._daemon, select.POLLIN)
            ready = {descriptor for descriptor, _ in poll.poll()}
            if self._daemon.fileno() in ready and not self._carry_answers():
                self._reconnect()
            if self._in in ready and not self._carry_requests():
                return 0

    def _carry_requests(self) -> bool:
        """Pass on what the client sent; False when it closed its end."""
        data = os.read(self._in, _CHUNK)
        if not data:
            return False
        refused = self._from_client.too_long
        for line in self._from_client.feed(data):
            self._note_request(line)
            self._send(line)
        for _ in range(self._from_client.too_long - refused):
            self._answer_error(None, _INVALID_REQUEST, f"a message over {LINE_LIMIT_BYTES:,} bytes was not read")
        return True

    def _note_request(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return  # the daemon says what is wrong with it
        if not isinstance(message, dict) or "method" not in message:
            return
        if "id" in message:
            self._in_flight[json.dumps(message["id"])] = message["id"]
        if message["method"] == "initialize":
            self._initialize, self._initialized = message, None
        elif message["method"] == "notifications/initialized":
            self._initialized = line

    def _carry_answers(self) -> bool:
        """Pass on what the daemon answered; False when it has gone."""
        assert self._daemon is not None
        try:
            data = self._daemon.recv(_CHUNK)
        except OSError:
            return False
        if not data:
            return False
        for line in self._from_daemon.feed(data):
            answered = _answered_id(line)
            if answered == json.dumps(_REPLAY_ID):
                continue
            self._in_flight.pop(answered, None)
            _write_all(self._out, line)
        return True

    def _send(self, line: bytes) -> None:
        """Send a line; when the daemon has gone, what it held is answered and the line goes to the next one."""
        assert self._daemon is not None
        try:
            self._daemon.sendall(line)
        except OSError:
            self._reconnect()

    def _reconnect(self) -> None:
        """Answer what was in flight with an error, find or start a daemon, replay the handshake."""
        if self._daemon is not None:
            self._daemon.close()
        self._from_daemon = Lines()
        unanswered, self._in_flight = self._in_flight, {}
        again = self._initialize if self._initialize and json.dumps(self._initialize.get("id")) in unanswered else None
        for key, request_id in unanswered.items():
            if again is None or key != json.dumps(again["id"]):
                self._answer_error(
                    request_id,
                    _SERVER_ERROR,
                    "the memory daemon stopped while this call ran, so it may or may not have been done; try it again",
                )
        self._connect()
        assert self._daemon is not None
        if again is not None:
            self._in_flight[json.dumps(again["id"])] = again["id"]
            self._daemon.sendall(json.dumps(again).encode() + b"\n")
        elif self._initialize is not None:
            self._daemon.sendall(json.dumps({**self._initialize, "id": _REPLAY_ID}).encode() + b"\n")
            self._daemon.sendall(self._initialized or b"")

    def _connect(self) -> None:
        """Connect to a daemon that is not older than this program, started when there is none."""
        self._daemon, rest = open_daemon(self._data_dir)
        if rest:
            for line in self._from_daemon.feed(rest):
                _write_all(self._out, line)

    def _answer_error(self, request_id: Any, code: int, text: str) -> None:
        error = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": text}}
        _write_all(self._out, json.dumps(error).encode() + b"\n")


def open_daemon(data_dir: str) -> tuple[socket.socket, bytes]:
    """Return a connection to the daemon, and what it sent after its greeting. Raises BridgeError."""
    deadline = time.monotonic() + START_TIMEOUT_S
    started_at: float | None = None
    while time.monotonic() < deadline:
        connection = _try_connect(data_dir)
        if connection is None:
            if started_at is None or time.monotonic() - started_at > _RESTART_AFTER_S:
                start_daemon(data_dir)
                started_at = time.monotonic()
            time.sleep(_RETRY_S)
            continue
        greeting, rest = greet(connection, {"bridge": {"version": __version__, "pid": os.getpid()}})
        if greeting is None:
            connection.close()  # it was just leaving
            time.sleep(_RETRY_S)
        elif _version(greeting["version"]) < _version(__version__):
            ask_to_leave(data_dir)
            connection.close()
            started_at = None
        else:
            return connection, rest
    raise BridgeError(
        f"the memory daemon for {data_dir} does not answer within {START_TIMEOUT_S:.0f} s; "
        f"see {os.path.join(data_dir, 'daemon.log')}, or run `claude-memory doctor`"  # noqa: PTH118
    )


def greet(connection: socket.socket, hello: dict[str, Any]) -> tuple[dict[str, Any] | None, bytes]:
    """Say who we are and return what the daemon says of itself, and the bytes after it; None when it goes away."""
    connection.settimeout(GREETING_TIMEOUT_S)
    try:
        connection.sendall(json.dumps(hello).encode() + b"\n")
        received = b""
        while b"\n" not in received:
            data = connection.recv(_CHUNK)
            if not data:
                return None, b""
            received += data
    except OSError:
        return None, b""
    connection.settimeout(None)
    line, _, rest = received.partition(b"\n")
    return json.loads(line)["daemon"], rest


def ask(data_dir: str, question: str) -> dict[str, Any] | None:
    """Ask the running daemon or server for `status` or to `leave`; None when none runs."""
    connection = _try_connect(data_dir)
    if connection is None:
        return None
    with connection:
        return greet(connection, {"ask": question})[0]


def ask_to_leave(data_dir: str) -> None:
    """Ask the daemon to finish its calls and leave; returns when it has, or after GREETING_TIMEOUT_S."""
    connection = _try_connect(data_dir)
    if connection is None:
        return
    with connection:
        greet(connection, {"ask": "leave"})
        connection.settimeout(GREETING_TIMEOUT_S)
        try:
            while connection.recv(_CHUNK):
                pass
        except OSError:
            return


def _try_connect(data_dir: str) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(socket_path(data_dir))
    except OSError:
        connection.close()
        return None
    return connection


def start_daemon(data_dir: str) -> None:
    """Start a daemon that outlives this process; of two started at once, the second one ends by itself."""
    os.makedirs(data_dir, mode=0o700, exist_ok=True)  # noqa: PTH103
    log = os.path.join(data_dir, "daemon.log")  # noqa: PTH118
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:  # the child: nothing may return from here
        os.setsid()
        if os.fork():
            os._exit(0)
        _become_daemon(data_dir, log)
    finally:
        os._exit(1)


def _become_daemon(data_dir: str, log: str) -> None:
    too_large = os.path.exists(log) and os.path.getsize(log) > _LOG_LIMIT_BYTES  # noqa: PTH110, PTH202
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if too_large else os.O_APPEND)
    output, nothing = os.open(log, flags, 0o600), os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.chdir(data_dir)  # a daemon must not keep the folder busy that a client was started in
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    arguments = [sys.executable, "-m", "app", "daemon", "--data-dir", data_dir]
    os.execve(sys.executable, arguments, {**os.environ, "PYTHONPATH": search})  # noqa: S606


def _answered_id(line: bytes) -> str:
    """Return the JSON of the id an answer is for; '' for anything that is no answer."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    if isinstance(message, dict) and "id" in message and "method" not in message:
        return json.dumps(message["id"])
    return ""


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def main(arguments: list[str]) -> int:
    """Run `claude-memory stdio [--data-dir DIR]`."""
    given = os.environ.get("MEMORY_DATA_DIR")
    if len(arguments) == 2 and arguments[0] == "--data-dir":
        given = arguments[1]
    elif arguments:
        sys.stderr.write("claude-memory: usage: claude-memory stdio [--data-dir DIR]\n")
        return 2
    try:
        return Bridge(os.fspath(data_directory(given))).run()
    except BridgeError as error:
        sys.stderr.write(f"claude-memory: {error}\n")
        return 1
    except (BrokenPipeError, KeyboardInterrupt):  # the client went away
        return 0
