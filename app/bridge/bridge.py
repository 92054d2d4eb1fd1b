"""MCP over stdin and stdout for one client, through the machine's daemon: lines in, lines out.

Clients start one of these for each session, so it must be small and quick: standard library only, one thread, no
asyncio (11 MB, 30 ms). It starts the daemon when none answers. When the daemon goes away, calls in flight are
answered with an error, the next daemon is started, and the client's handshake is replayed, so the session lives on.

Nothing here waits for one side while the other one has something to say: what cannot be passed on yet is kept, and
while much is kept for a side, nothing more is read from the other one.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
import time
from collections import deque

from app import __version__
from app.datadir.folder import data_directory, socket_path

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from typing import Any

LINE_LIMIT_BYTES = 16 * 2**20  # as the HTTP body; a longer line is refused and skipped
START_TIMEOUT_S = 20.0  # a first start makes a database; clients give up after 10 to 60 s
GREETING_TIMEOUT_S = 20.0
_GREETING_LIMIT_BYTES = 2**20
_CHUNK = 65_536
_PIPE_BYTES = 4_096  # a pipe that takes anything takes that much (PIPE_BUF), so writing it does not wait
_KEPT_BYTES, _KEPT_LINES = 2**20, 256
_RETRY_S = 0.01
_ASK_LIMIT = 3  # older bridges may start older daemons meanwhile
_GIVE_WAY_S = 0.5  # when a daemon left because it was asked to, the one who asked starts the next: it may be newer
_FAILED_START_S = 60.0  # a daemon that ends with an error before that will do so again
_LAST_WORDS_S = 1.0  # how long a bridge that gives up waits for what its client asks, to say why
_AFTER_CLIENT_S = 30.0  # how long calls may run that the client left behind; the daemon's calls take no longer
_REPLAY_ID = "claude-memory-replay"
_IDENTITY = ("DEFAULT_USER_ID", "DEFAULT_AGENT_ID")  # each client's own: it goes with the greeting, not to the daemon
_LOG_LIMIT_BYTES = 5_000_000
_CONFLICT = " is in use by another server "  # app.datadir.lock says so; another daemon was quicker

_SERVER_ERROR = -32_000  # the range JSON-RPC leaves to servers
_INVALID_REQUEST = -32_600


class BridgeError(Exception):
    """The daemon cannot be reached or started; one line with the reason."""


class Lines:
    """Cuts a stream of bytes into lines; a line over the limit is dropped and counted in `too_long`."""

    def __init__(self, limit_bytes: int | None = LINE_LIMIT_BYTES) -> None:
        self._limit = limit_bytes
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
                if self._limit is not None and len(line) > self._limit:
                    self.too_long += 1
                elif line.strip():
                    lines.append(line)
            self._parts, self._size = [], 0
        if rest and not self._skipping:
            self._parts.append(rest)
            self._size += len(rest)
            if self._limit is not None and self._size > self._limit:
                self.too_long += 1
                self._skipping, self._parts, self._size = True, [], 0
        return lines


class Bridge:
    """One client's session."""

    def __init__(self, data_dir: str, client_in: int = 0, client_out: int = 1) -> None:
        self._door = Door(data_dir)
        self._in, self._out = client_in, client_out
        self._from_client, self._from_daemon = Lines(), Lines(None)
        self._daemon: socket.socket | None = None
        self._to_client = bytearray()
        self._to_daemon: deque[tuple[bytes, dict[str, Any]]] = deque()  # lines, and what of them matters here
        self._to_daemon_bytes = 0
        self._sent = 0  # bytes of the first of them that the daemon has already
        self._in_flight: dict[str, Any] = {}  # ids the daemon has; by their JSON: 1 and "1" are two
        self._initialize: dict[str, Any] | None = None
        self._initialized: bytes | None = None
        self._client_left_at: float | None = None

    def run(self) -> int:
        """Carry lines until the client leaves. Raises BridgeError, after the client has been told."""
        try:
            self._connect()
            while not self._over():
                self._carry()
        except BridgeError as error:
            self._refuse(str(error))
            raise
        return 0

    def _over(self) -> bool:
        """Whether the client has closed its end, and what it asked before is answered."""
        if self._client_left_at is None:
            return False
        waiting = self._in_flight or self._to_daemon or self._to_client
        return not waiting or time.monotonic() - self._client_left_at > _AFTER_CLIENT_S

    def _carry(self) -> None:
        """Wait until something can be passed on, and pass it on."""
        daemon = self._daemon
        assert daemon is not None
        poll = select.poll()
        if self._client_left_at is None and self._to_daemon_bytes < _KEPT_BYTES and len(self._to_daemon) < _KEPT_LINES:
            poll.register(self._in, select.POLLIN)
        # Nothing asked for still tells when nobody reads any more.
        poll.register(self._out, select.POLLOUT if self._to_client else 0)
        of_daemon = select.POLLOUT if self._to_daemon else 0
        if len(self._to_client) < _KEPT_BYTES:
            of_daemon |= select.POLLIN
        poll.register(daemon, of_daemon)
        ready = dict(poll.poll(None if self._client_left_at is None else 1_000))
        if ready.get(self._out, 0) & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
            raise BrokenPipeError  # the client is gone
        if self._in in ready:
            self._take_requests()
        if self._to_client:
            self._answer()
        if (events := ready.get(daemon.fileno(), 0)) or self._to_daemon:
            alive = self._pass_requests()
            if events & ~select.POLLOUT:
                alive = self._take_answers() and alive
            if not alive:
                self._reconnect()

    def _take_requests(self) -> None:
        """Read what the client sent."""
        try:
            data = os.read(self._in, _CHUNK)
        except BlockingIOError:  # the client shares it with somebody who was quicker
            return
        except OSError:
            data = b""
        if not data:
            self._client_left_at = time.monotonic()
        refused = self._from_client.too_long
        for line in self._from_client.feed(data):
            self._to_daemon.append((line, _about(line)))
            self._to_daemon_bytes += len(line)
        for _ in range(self._from_client.too_long - refused):
            self._answer_error(None, _INVALID_REQUEST, f"a message over {LINE_LIMIT_BYTES:,} bytes was not read")

    def _pass_requests(self) -> bool:
        """Send what waits for the daemon; False when it has gone."""
        assert self._daemon is not None
        while self._to_daemon:
            line, message = self._to_daemon[0]
            try:
                self._sent += self._daemon.send(memoryview(line)[self._sent :])
            except BlockingIOError:
                return True
            except OSError:
                return False
            if self._sent == len(line):
                self._to_daemon.popleft()
                self._to_daemon_bytes -= len(line)
                self._sent = 0
                self._note_sent(line, message)
        return True

    def _note_sent(self, line: bytes, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None or message.get("id") == _REPLAY_ID:
            return
        if "id" in message:
            self._in_flight[json.dumps(message["id"])] = message["id"]
        if method == "initialize":
            self._initialize, self._initialized = message, None
        elif method == "notifications/initialized":
            self._initialized = line
        elif method == "notifications/cancelled" and isinstance(message.get("params"), dict):
            self._in_flight.pop(json.dumps(message["params"].get("requestId")), None)

    def _take_answers(self) -> bool:
        """Read what the daemon answered; False when it has gone."""
        assert self._daemon is not None
        try:
            data = self._daemon.recv(_CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._note_answers(data)
        self._answer()
        return bool(data)

    def _note_answers(self, data: bytes) -> None:
        for line in self._from_daemon.feed(data):
            message = _about(line)
            if "method" not in message and "id" in message:
                if message["id"] == _REPLAY_ID:
                    continue
                self._in_flight.pop(json.dumps(message["id"]), None)
            self._to_client += line

    def _answer(self) -> None:
        """Write to the client as much as it takes without waiting. Raises BrokenPipeError."""
        poll = select.poll()
        poll.register(self._out, select.POLLOUT)
        while self._to_client and poll.poll(0):
            try:
                written = os.write(self._out, self._to_client[:_PIPE_BYTES])
            except BlockingIOError:
                return
            except OSError as error:
                raise BrokenPipeError from error
            del self._to_client[:written]

    def _answer_error(self, request_id: Any, code: int, text: str) -> None:
        error = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": text}}
        self._to_client += json.dumps(error).encode() + b"\n"

    def _connect(self) -> None:
        """Connect to a daemon that is not older than this program, started when there is none. Raises BridgeError."""
        self._daemon, rest = self._door.open()
        self._daemon.setblocking(False)
        self._note_answers(rest)

    def _reconnect(self) -> None:
        """Answer what was in flight with an error, find or start a daemon, replay the handshake.

        A line that was sent in part has no end where it arrived, so it was not read: it goes to the next daemon.
        """
        if self._daemon is not None:
            self._daemon.close()
        self._from_daemon = Lines(None)
        self._sent = 0
        handshake = self._handshake()
        for request_id in self._in_flight.values():
            self._answer_error(
                request_id,
                _SERVER_ERROR,
                "the memory daemon stopped while this call ran, so it may or may not have been done; try it again",
            )
        self._in_flight = {}
        self._answer()  # the client need not wait for the next daemon to hear that
        self._to_daemon.extendleft(reversed(handshake))
        self._to_daemon_bytes += sum(len(line) for line, _ in handshake)
        self._connect()

    def _handshake(self) -> list[tuple[bytes, dict[str, Any]]]:
        """Return the lines the next daemon must hear first; an `initialize` in flight is asked again as it was."""
        if self._initialize is None or any(about.get("id") == _REPLAY_ID for _, about in self._to_daemon):
            return []
        asked_as = json.dumps(self._initialize.get("id"))
        if not self._initialized and asked_as in self._in_flight:
            del self._in_flight[asked_as]
            return [(json.dumps(self._initialize).encode() + b"\n", self._initialize)]
        replay = {**self._initialize, "id": _REPLAY_ID}
        lines = [(json.dumps(replay).encode() + b"\n", replay)]
        if self._initialized:
            lines.append((self._initialized, {}))
        return lines

    def _refuse(self, reason: str) -> None:
        """Answer everything the client waits for with the reason, and what it asks within _LAST_WORDS_S."""
        waiting = [*self._in_flight.values()]
        deadline = time.monotonic() + _LAST_WORDS_S
        poll = select.poll()
        poll.register(self._in, select.POLLIN)
        try:
            while True:
                waiting += [about["id"] for _, about in self._to_daemon if "method" in about and "id" in about]
                self._to_daemon.clear()
                wait_s = 0.0 if waiting else max(0.0, deadline - time.monotonic())
                if self._client_left_at is not None or not poll.poll(wait_s * 1_000):
                    break
                self._take_requests()
            for request_id in waiting:
                if request_id != _REPLAY_ID:
                    self._answer_error(request_id, _SERVER_ERROR, reason)
            self._answer()
            while self._to_client and time.monotonic() < deadline:
                time.sleep(_RETRY_S)
                self._answer()
        except BrokenPipeError:  # nobody hears it
            return


class Door:
    """The way to the daemon of a data directory; starts one where there is none."""

    def __init__(self, data_dir: str) -> None:
        self._data_dir = data_dir
        self._start: Start | None = None
        self._gives_way = False
        self._held_at = 0.0

    def open(self) -> tuple[socket.socket, bytes]:
        """Return a connection to the daemon, and what it sent after its greeting. Raises BridgeError."""
        deadline = time.monotonic() + START_TIMEOUT_S
        asked: list[Any] = []
        while (left_s := deadline - time.monotonic()) > 0:
            connection = _try_connect(self._data_dir)
            if connection is None:
                self._start_one()
                time.sleep(_RETRY_S)
                continue
            greeting, rest = greet(connection, {"bridge": about_us()}, left_s)
            if greeting is None:
                connection.close()  # it was just leaving
                time.sleep(_RETRY_S)
            elif greeting.get("mode") != "serve" and _version(greeting["version"]) < _version(__version__):
                connection.close()
                if greeting.get("pid") in asked or len(asked) == _ASK_LIMIT:
                    raise BridgeError(
                        f"a memory daemon of version {greeting['version']} (pid {greeting.get('pid')}) does not leave "
                        f"for this version, {__version__}; end it: kill {greeting.get('pid')}"
                    )
                ask_to_leave(self._data_dir)
                asked.append(greeting.get("pid"))
                self._gives_way = False
                deadline = time.monotonic() + START_TIMEOUT_S
            else:
                _check_taken(greeting)
                self._gives_way = True
                return connection, rest
        if command := _command_that_holds(self._data_dir):
            raise BridgeError(f"{self._data_dir} is in use by {command}; try again when that has ended")
        raise BridgeError(
            f"the memory daemon for {self._data_dir} does not answer within {START_TIMEOUT_S:.0f} s; "
            f"see {_log_path(self._data_dir)}, or run `claude-memory doctor`"
        )

    def _start_one(self) -> None:
        """Start a daemon, unless one is on its way up or down. Raises BridgeError when it ended with an error."""
        start = self._start
        if start is not None and not start.ended():
            return
        if start is not None and start.age_s < _FAILED_START_S and (reason := start.last_words()):
            raise BridgeError(f"the memory daemon for {self._data_dir} does not start: {reason}")
        if start is not None:
            start.forget()
            self._start = None
        if _held(self._data_dir):
            self._held_at = time.monotonic()
        elif not self._gives_way or time.monotonic() - self._held_at > _GIVE_WAY_S:
            self._start = Start(self._data_dir)


class Start:
    """A daemon that outlives this process. Of two started at once, the second one ends by itself.

    It holds one end of a pipe, so the other one tells when it has ended: it is not our child.
    """

    def __init__(self, data_dir: str) -> None:
        self._began = time.monotonic()
        try:
            os.makedirs(data_dir, mode=0o700, exist_ok=True)  # noqa: PTH103
            self._log = _log_path(data_dir)
            too_large = os.path.exists(self._log) and os.path.getsize(self._log) > _LOG_LIMIT_BYTES  # noqa: PTH110, PTH202
            flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if too_large else os.O_APPEND)
            output = os.open(self._log, flags, 0o600)
        except OSError as error:
            raise BridgeError(
                f"data directory {data_dir}: {error.strerror}; mend it, or choose another with --data-dir"
            ) from None
        self._said_before = os.fstat(output).st_size
        self._alive, its_end = os.pipe()
        child = os.fork()
        if not child:
            try:  # nothing may return from here
                os.setsid()
                if not os.fork():  # no child of ours: a client that ends all our children leaves it alone
                    _become_daemon(data_dir, output, its_end)
                os._exit(0)
            finally:
                os._exit(1)
        os.close(output)
        os.close(its_end)
        os.waitpid(child, 0)

    def forget(self) -> None:
        """Let go of it; it runs on."""
        os.close(self._alive)

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began

    def ended(self) -> bool:
        """Whether it has ended."""
        poll = select.poll()
        poll.register(self._alive, select.POLLIN)
        return bool(poll.poll(0))

    def last_words(self) -> str | None:
        """Return the error it ended with; None when it was killed, or left the field to another one."""
        try:
            with open(self._log, "rb") as log:  # noqa: PTH123
                log.seek(self._said_before)
                said = log.read(_LOG_LIMIT_BYTES).decode(errors="replace").splitlines()
        except OSError:
            return None
        mark = "claude-memory: "
        words = [line.removeprefix(mark) for line in said if line.startswith(mark) and _CONFLICT not in line]
        return words[-1] if words else None


def _become_daemon(data_dir: str, output: int, alive: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2), (alive, 3)):
        if source != target:
            os.dup2(source, target)
        os.set_inheritable(target, True)
    os.closerange(4, min(os.sysconf("SC_OPEN_MAX"), 65_536))  # or it holds open what the client waits to see closed
    os.chdir(data_dir)  # a daemon must not keep the folder busy that a client was started in
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    arguments = [sys.executable, "-m", "app", "daemon", "--data-dir", data_dir]
    environment = {name: value for name, value in os.environ.items() if name not in _IDENTITY}
    os.execve(sys.executable, arguments, {**environment, "PYTHONPATH": search})  # noqa: S606


def about_us() -> dict[str, Any]:
    """Return what a bridge says of itself: its version, and who its client is where the environment tells."""
    identity = {name.lower(): os.environ[name] for name in _IDENTITY if os.environ.get(name)}
    return {"version": __version__, "pid": os.getpid(), "identity": identity}


def _check_taken(greeting: dict[str, Any]) -> None:
    """Raise BridgeError when the daemon refuses the client's identity, or is too old to know of any."""
    if refused := greeting.get("refused"):
        raise BridgeError(f"the memory daemon refuses this client: {refused}")
    user = os.environ.get(_IDENTITY[0])
    if user and greeting.get("user") != user:
        raise BridgeError(
            f"the memory server of version {greeting['version']} (pid {greeting.get('pid')}) does not take "
            f"{_IDENTITY[0]} from its clients; restart it, or unset {_IDENTITY[0]}"
        )


def greet(
    connection: socket.socket, hello: dict[str, Any], timeout_s: float = GREETING_TIMEOUT_S
) -> tuple[dict[str, Any] | None, bytes]:
    """Say who we are and return what the daemon says of itself, and the bytes after it; None when it goes away."""
    deadline = time.monotonic() + timeout_s
    received = b""
    try:
        connection.settimeout(timeout_s)
        connection.sendall(json.dumps(hello).encode() + b"\n")
        while b"\n" not in received:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            data = connection.recv(_CHUNK)
            if not data or len(received) > _GREETING_LIMIT_BYTES:
                return None, b""
            received += data
        connection.settimeout(None)
        line, _, rest = received.partition(b"\n")
        greeting = json.loads(line)["daemon"]
        return (greeting, rest) if isinstance(greeting.get("version"), str) else (None, b"")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # gone, late, or no daemon of ours
        return None, b""


def ask(data_dir: str, question: str, timeout_s: float = GREETING_TIMEOUT_S) -> dict[str, Any] | None:
    """Ask the running daemon or server for `status`, to `leave` or to `reindex`; None when it does not answer."""
    connection = _try_connect(data_dir, timeout_s)
    if connection is None:
        return None
    with connection:
        return greet(connection, {"ask": question}, timeout_s)[0]


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


def _try_connect(data_dir: str, timeout_s: float = GREETING_TIMEOUT_S) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path = socket_path(data_dir)
        connection.settimeout(timeout_s)  # a daemon that was stopped takes no more when its queue is full
        connection.connect(path)
        if _owner(connection, path) in (os.geteuid(), 0):
            return connection
    except OSError:
        pass
    connection.close()
    return None


def _owner(connection: socket.socket, path: str) -> int:
    """Return the user that listens there: in /tmp it could be anybody."""
    if sys.platform == "linux":
        peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)  # struct ucred: pid, uid, gid
        return int.from_bytes(peer[4:8], sys.byteorder)
    return os.stat(os.path.dirname(path)).st_uid  # noqa: PTH116, PTH120


def _held(data_dir: str) -> bool:
    """Whether a process has the lock of the data directory: it is just coming, or going."""
    import fcntl

    try:
        lock = os.open(os.path.join(data_dir, "lock"), os.O_RDONLY)  # noqa: PTH118
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def _command_that_holds(data_dir: str) -> str | None:
    """Return which command has the data directory, such as an import; None when it is a server or nobody."""
    from pathlib import Path

    from app.datadir.lock import holder

    held_by = holder(Path(data_dir)) or {}
    mode = held_by.get("mode")
    return None if mode in (None, "serve", "daemon") else f"`claude-memory {mode}` (pid {held_by.get('pid')})"


def _log_path(data_dir: str) -> str:
    return os.path.join(data_dir, "daemon.log")  # noqa: PTH118


def _about(line: bytes) -> dict[str, Any]:
    """Return a message as far as the bridge must know it; {} for anything else, of which the daemon says what is wrong.

    The params of a handshake are kept, those of a call are not: they may be large.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(message, dict):
        return {}
    if message.get("method") in ("initialize", "notifications/cancelled"):
        return message
    return {key: message[key] for key in ("id", "method") if key in message}


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def main(arguments: list[str]) -> int:
    """Run `claude-memory stdio [--data-dir DIR] [--debug]`."""
    given = os.environ.get("MEMORY_DATA_DIR")
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if len(arguments) == 2 and arguments[0] == "--data-dir":
        given = arguments[1]
    elif len(arguments) == 1 and arguments[0].startswith("--data-dir="):
        given = arguments[0].partition("=")[2]
    elif arguments:
        given = ""
    if arguments and not given:  # an empty name must not stand for the default
        sys.stderr.write("claude-memory: usage: claude-memory stdio [--data-dir DIR] [--debug]\n")
        return 2
    if not hasattr(socket, "AF_UNIX") or not hasattr(os, "fork"):
        sys.stderr.write(
            "claude-memory: stdio takes a system with Unix sockets; "
            "run `claude-memory serve` here and give the client its address, http://127.0.0.1:8000/mcp\n"
        )
        return 1
    try:
        for descriptor in (0, 1):
            os.fstat(descriptor)
    except OSError:
        sys.stderr.write("claude-memory: stdio takes an open stdin and stdout; an MCP client starts it with both\n")
        return 1
    try:
        data_dir = os.fspath(data_directory(given))
    except RuntimeError:  # ~NAME of a user who is not there
        if debug:
            raise
        sys.stderr.write(f"claude-memory: data directory {given}: no such home; choose another with --data-dir\n")
        return 2
    try:
        return Bridge(data_dir).run()
    except BridgeError as error:
        if debug:
            raise
        sys.stderr.write(f"claude-memory: {error}\n")
        return 1
    except (BrokenPipeError, KeyboardInterrupt):  # the client went away
        return 0
