"""The first milliseconds of `serve`: the port first, everything else behind it.

A platform's start check is a connect to the port, and importing the app takes most of a second. So:

1. find host and port (flag, environment, `.env`, default), bind, listen: about 25 ms after the process was made;
   then lock the data directory;
2. a thread answers /health and /ready; it keeps every other connection, unread, for the server;
3. another thread starts the embedded PostgreSQL, which needs no Python meanwhile;
4. only then `app.serve.server` is imported, in the main thread; it takes over the port and the connections.

Standard library only, and of that no more than each step needs.
"""

from __future__ import annotations

import errno
import gc
import os
import selectors
import signal
import socket
import sys
import threading
import time

from app import __version__
from app.errors import MemoryServerError

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from pathlib import Path
    from types import FrameType
    from typing import Any

    from app.local.lock import DataDirectoryLock

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000  # app.settings has the same; a test compares them
BACKLOG = 2_048
HELD_LIMIT = 512  # connections kept while importing; half of the usual 1,024 open files
PEEK_BYTES = 8_192
_READ_HERE = ("HOST", "PORT", "FC_SERVER_PORT", "MEMORY_DATA_DIR", "DATABASE_URL")
_IMPORTED = time.monotonic()


class CannotListen(MemoryServerError):
    """The address cannot be listened on."""

    code = "cannot_listen"
    status = 503


class StopRequested(BaseException):
    """SIGINT or SIGTERM came before the server could take it; not an Exception, so that no import catches it."""


class Flags:
    """What the command line gave; None is not given."""

    def __init__(
        self,
        host: str | None = None,
        port: str | None = None,
        data_dir: str | None = None,
        debug: bool = False,
        daemon: bool = False,
    ) -> None:
        self.host, self.port, self.data_dir, self.debug = host, port, data_dir, debug
        self.daemon = daemon  # serve the Unix socket alone, until nobody is connected for some time


class Timeline:
    """When each step of the start was done, in milliseconds since the process was made."""

    def __init__(self) -> None:
        self.began = _process_began()  # in time.monotonic()
        self.steps: dict[str, float] = {}

    def mark(self, step: str) -> float:
        """Note that a step is done now."""
        self.steps[step] = round((time.monotonic() - self.began) * 1_000, 1)
        return self.steps[step]

    @property
    def uptime_s(self) -> float:
        """Seconds since the process was made."""
        return time.monotonic() - self.began


class Signals:
    """SIGINT and SIGTERM, from the first line on: they interrupt the imports, later the server takes them."""

    def __init__(self) -> None:
        self.requested = 0
        self._held = False

    def install(self) -> None:
        """Take both signals; only the main thread may."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def hold(self) -> None:
        """From here on a signal is only noted: what begins now must be known to whoever tidies up."""
        self._held = True

    def release(self) -> None:
        """Raise StopRequested for a signal that came meanwhile, and for the next one."""
        self._held = False
        if self.requested:
            raise StopRequested

    def ignore(self) -> None:
        """From here on a further signal must not interrupt the tidying up."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.requested += 1
        if not self._held:
            raise StopRequested


class Boot:
    """What was begun before the server was imported, and is the server's from then on."""

    def __init__(self, flags: Flags, timeline: Timeline, signals: Signals) -> None:
        self.flags, self.timeline, self.signals = flags, timeline, signals
        self.host: str
        self.port: int
        self.url: str
        self.data_dir: Path
        self.listener: socket.socket | None = None
        self.unix: socket.socket | None = None
        self.unix_path = ""
        self.lock: DataDirectoryLock
        self.doorman: Doorman | None = None
        self.postgres: EarlyPostgres | None = None

    @property
    def setting_flags(self) -> dict[str, Any]:
        """Flags by the names of the settings they override; host and port as they are in fact."""
        return {
            "host": self.host,
            "port": self.port or None,
            "memory_data_dir": self.flags.data_dir,
        }

    def close(self) -> None:
        """Undo everything that is still there, PostgreSQL last; idempotent."""
        if self.doorman is not None:
            for connection in self.doorman.hand_over():
                connection.close()
        if self.listener is not None:
            self.listener.close()
        if self.unix is not None:
            if os.path.exists(self.unix_path):  # noqa: PTH110 - somebody may have tidied up before us
                os.unlink(self.unix_path)  # noqa: PTH108
            self.unix.close()
            self.unix = None
        if self.postgres is not None:
            self.postgres.stop()
        if hasattr(self, "lock"):
            self.lock.release()


class EarlyPostgres:
    """The embedded PostgreSQL, starting in a thread while the rest is imported.

    started: done when it runs, or holds the error that kept it from starting.
    """

    def __init__(self, data_dir: Path) -> None:
        from concurrent.futures import Future

        self.data_dir = data_dir
        self.server: Any = None
        self.started: Future[None] = Future()
        self._thread = threading.Thread(target=self._start, name="postgres-start")
        self._thread.start()

    def _start(self) -> None:
        try:
            from app.store.embedded import EmbeddedPostgres

            self.server = EmbeddedPostgres(self.data_dir)
            self.server.start()
            self.started.set_result(None)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the one who waits gets it
            self.started.set_exception(error)

    @property
    def connect_args(self) -> dict[str, Any]:
        """How to connect, once `started` is done."""
        return dict(self.server.connect_args)

    def stop(self) -> None:
        """Stop the server, also one that is just starting; idempotent."""
        self._thread.join()
        server, self.server = self.server, None
        if server is not None:
            server.stop()


class Doorman(threading.Thread):
    """Answers GET /health and /ready until the server is there, and keeps all other connections for it.

    It only peeks at what a connection sends, so the server reads every byte itself. Nothing a client does
    can hold it up: no call blocks, what is not a whole request for /health is put aside at once, and
    HELD_LIMIT bounds how many connections are kept.
    """

    def __init__(self, listener: socket.socket, timeline: Timeline) -> None:
        super().__init__(name="doorman", daemon=True)
        self._listener, self._timeline = listener, timeline
        self._wake, self._woken = socket.socketpair()
        self._silent: dict[int, socket.socket] = {}  # nothing received yet, oldest first
        self._held: list[socket.socket] = []
        self._handed_over = False
        self._selector = selectors.DefaultSelector()

    def run(self) -> None:
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._woken:
                    return
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._look_at(self._silent[key.fd])

    def hand_over(self) -> list[socket.socket]:
        """Stop, and return every connection that is not answered, the silent ones too."""
        if self._handed_over:
            return []
        self._handed_over = True
        self._wake.send(b"x")
        if self.ident is not None:
            self.join()
        self._selector.close()
        self._wake.close()
        self._woken.close()
        return [*self._held, *self._silent.values()]

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError:  # no more open files: the kernel keeps the connection, so wait instead of spinning
            time.sleep(0.05)
            return
        connection.setblocking(False)
        if len(self._held) + len(self._silent) >= HELD_LIMIT and self._silent:
            self._drop(next(iter(self._silent.values())))
        self._silent[connection.fileno()] = connection
        self._selector.register(connection, selectors.EVENT_READ)
        self._look_at(connection)  # most clients have sent their request with the handshake's last packet

    def _look_at(self, connection: socket.socket) -> None:
        try:
            seen = connection.recv(PEEK_BYTES, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(connection)
            return
        if not seen:
            self._drop(connection)
            return
        answer = self._answer(seen)
        if answer is not None:
            self._reply(connection, answer)
        elif len(self._held) + len(self._silent) > HELD_LIMIT:
            self._reply(connection, _http(503, {"error": _BUSY}, "Retry-After: 1\r\n"))
        else:
            self._forget(connection)
            self._held.append(connection)

    def _answer(self, seen: bytes) -> bytes | None:
        """Return the answer to a whole request for /health or /ready, None for everything else."""
        if b"\r\n\r\n" not in seen:
            return None
        method, _, rest = seen.partition(b"\r\n")[0].partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD") or path not in (b"/health", b"/ready"):
            return None
        body = {
            "status": "starting",
            "version": __version__,
            "uptime_seconds": round(self._timeline.uptime_s, 3),
            "components": {"server": {"status": "starting", "detail": "loading"}},
        }
        answer = _http(503 if path == b"/ready" else 200, body)
        return answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == b"HEAD" else answer

    def _reply(self, connection: socket.socket, answer: bytes) -> None:
        """Answer and close; what was sent must be read before, or the close resets and the answer is lost."""
        try:
            while connection.recv(65_536):
                pass
        except OSError:  # nothing more there
            pass
        try:
            connection.send(answer)  # a few hundred bytes into an empty buffer: never in part
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # the client went away
            pass
        self._drop(connection)

    def _forget(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        self._silent.pop(connection.fileno(), None)

    def _drop(self, connection: socket.socket) -> None:
        self._forget(connection)
        connection.close()


_BUSY = {"code": "unavailable", "message": "the server is starting and too many requests wait already; try again"}
_REASONS = {200: "OK", 503: "Service Unavailable"}


def _http(status: int, body: dict[str, Any], headers: str = "") -> bytes:
    import json

    content = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nCache-Control: no-store\r\n{headers}Connection: close\r\n\r\n"
    )
    return head.encode() + content


def read_flags(arguments: list[str]) -> Flags | None:
    """Read the flags of `serve`; None when there is anything else, which argparse then explains."""
    flags = Flags()
    names = {"--host": "host", "--port": "port", "--data-dir": "data_dir"}
    rest = iter(arguments)
    for argument in rest:
        name, has_value, value = argument.partition("=")
        if argument == "--debug":
            flags.debug = True
        elif name in names:
            given = value if has_value else next(rest, "")
            if not given or given.startswith("-"):
                return None
            setattr(flags, names[name], given)
        else:
            return None
    return flags


def _run_server(boot: Boot) -> int:
    gc.disable()  # imports make 300,000 objects and no garbage: looking for it takes 50 ms; see server
    from app.serve.server import run

    return run(boot)


def serve(flags: Flags, run: Callable[[Boot], int] = _run_server) -> int:
    """Run the server until it is told to stop, and return the exit status. Errors are one line on stderr."""
    timeline, signals = Timeline(), Signals()
    signals.hold()
    signals.install()
    boot = Boot(flags, timeline, signals)
    try:
        try:
            _open_port(boot)
            signals.release()
            return run(boot)
        finally:
            signals.ignore()
            boot.close()
    except StopRequested:
        return 0
    except MemoryServerError as error:
        if flags.debug:
            raise
        sys.stderr.write(f"claude-memory: {error}\n")
        return error.exit_status
    except Exception as error:  # the outermost place: one line unless --debug
        if flags.debug:
            raise
        sys.stderr.write(
            f"claude-memory: internal error, {type(error).__name__}: {' '.join(str(error).split())}; "
            "run it with --debug for the traceback\n"
        )
        return 1


def _open_port(boot: Boot) -> None:
    """Listen, lock the data directory, and begin what can go on in the background.

    The lock comes second, because what it needs takes 10 ms to import; until it is held nothing is answered.
    """
    given = _given_settings()
    if boot.flags.daemon:
        boot.host, boot.port, boot.url = DEFAULT_HOST, 0, ""
        _lock(boot, given)
    else:
        _listen(boot, given)
    _open_socket(boot)
    if not (given.get("DATABASE_URL") or os.environ.get("DATABASE_URL_FILE")):
        boot.postgres = EarlyPostgres(boot.data_dir)


def _listen(boot: Boot, given: dict[str, str]) -> None:
    boot.host, port = _address(boot.flags, given)
    try:
        boot.listener = bind(boot.host, port)
        boot.port = boot.listener.getsockname()[1]
        boot.url = f"http://{f'[{boot.host}]' if ':' in boot.host else boot.host}:{boot.port}"
        boot.listener.listen(BACKLOG)
    except OSError as error:
        _lock(boot, given)  # when it is our own data directory's server that has the port, this says so
        raise cannot_listen(boot.host, port, error) from error
    boot.timeline.mark("bound")
    _lock(boot, given)
    sys.stdout.write(f"listening on {boot.url}\n")
    sys.stdout.flush()
    boot.doorman = Doorman(boot.listener, boot.timeline)
    boot.doorman.start()


def _open_socket(boot: Boot) -> None:
    """Listen for bridges; what they send waits in the kernel until the server is there."""
    if not hasattr(socket, "AF_UNIX"):
        return
    from app.local.folder import socket_path
    from app.local.unix import listen

    boot.unix_path = socket_path(boot.data_dir)
    boot.unix = listen(boot.unix_path)


def _lock(boot: Boot, given: dict[str, str]) -> None:
    from app.local.folder import data_directory
    from app.local.lock import DataDirectoryLock, holder

    boot.data_dir = data_directory(boot.flags.data_dir or given.get("MEMORY_DATA_DIR"))
    lock = DataDirectoryLock(boot.data_dir)
    if not boot.flags.daemon and (held_by := holder(boot.data_dir)) and held_by.get("mode") == "daemon":
        # A daemon came first: this server does its work from now on, and its bridges connect here.
        from app.local.bridge import ask_to_leave

        ask_to_leave(os.fspath(boot.data_dir))
    lock.acquire(getattr(boot, "url", ""), "daemon" if boot.flags.daemon else "serve")
    boot.lock = lock


def _given_settings() -> dict[str, str]:
    """Return those of the settings needed here that the environment or `.env` gives, as app.settings reads them."""
    given: dict[str, str] = {}
    try:
        with open(".env", encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes 5 ms, needed only after bind
            text = file.read().upper()
    except (OSError, UnicodeDecodeError):
        text = ""
    if any(name in text for name in _READ_HERE):
        from dotenv import dotenv_values  # 7 ms, only where `.env` says something about these

        given.update({name.upper(): value for name, value in dotenv_values(".env").items() if value})
    given.update({name.upper(): value for name, value in os.environ.items() if value})
    return {name: value for name, value in given.items() if name in _READ_HERE}


def _address(flags: Flags, given: dict[str, str]) -> tuple[str, int]:
    host = flags.host or given.get("HOST", DEFAULT_HOST)
    port = flags.port or given.get("PORT") or given.get("FC_SERVER_PORT") or str(DEFAULT_PORT)
    if port.isascii() and port.isdigit() and int(port) <= 65_535:
        return host.strip("[]"), int(port)
    from app.settings import load_settings  # it knows how to complain, about all other settings as well

    settings = load_settings({"host": flags.host, "port": flags.port})
    return settings.host, settings.port


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to an address. Raises OSError."""
    name = host.encode() if host.isascii() else host  # text goes through the IDNA codec, 4 ms to import
    addresses = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    # IPv4 first: clients that know only 127.0.0.1 must reach a server on `localhost`
    family, kind, protocol, _, address = min(addresses, key=lambda found: found[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        elif hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if host == "::" and hasattr(socket, "IPV6_V6ONLY"):
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # all addresses, IPv4 too
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def cannot_listen(host: str, port: int, error: OSError) -> CannotListen:
    """Return the error that tells why an address cannot be listened on, and what to do."""
    return CannotListen(_why_not(host, port, error))


def _why_not(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"HOST {host!r} is no address of this machine; use 127.0.0.1, or 0.0.0.0 for all addresses"
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use by another program; stop it, or choose another: --port {port + 1}"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has; choose one from 1024 up, such as --port 8000"
    return f"cannot listen on {host} port {port}: {error.strerror}; choose another with --host and --port"


def _process_began() -> float:
    """Return when the process was made, in time.monotonic(); where that is not told, when this was imported."""
    try:
        with open("/proc/self/stat", encoding="ascii") as file:  # noqa: PTH123
            ticks = int(file.read().rpartition(")")[2].split()[19])
        age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return _IMPORTED
    return time.monotonic() - age_s
