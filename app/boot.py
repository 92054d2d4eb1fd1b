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

# The C modules below `signal` and `socket`: those import enum, selectors and more (8 ms) before the port is open.
import _signal  # type: ignore[import-not-found]  # typeshed does not have it
import _socket
import errno
import gc
import os
import sys
import time

from app.errors import MemoryServerError

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType
    from typing import Any

    from app.early import Doorman, EarlyPostgres
    from app.local.lock import DataDirectoryLock

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8000  # app.settings has the same; a test compares them
BACKLOG = 2_048
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
        for number in (_signal.SIGINT, _signal.SIGTERM):
            _signal.signal(number, self._interrupt)

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
        for number in (_signal.SIGINT, _signal.SIGTERM):
            _signal.signal(number, _signal.SIG_IGN)

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
        """Flags by the names of the settings they override; host and port as they are in fact where they are given."""
        given_host = self.flags.host is not None or self.host != DEFAULT_HOST or self.flags.daemon
        return {
            "host": self.host if given_host else None,
            "port": self.port if self.flags.port is not None else None,
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
        from app.logs import unexpected

        sys.stderr.write(f"claude-memory: internal error, {unexpected(error)}; run it with --debug for the traceback\n")
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
        from app.early import EarlyPostgres

        boot.postgres = EarlyPostgres(boot.data_dir)


def _listen(boot: Boot, given: dict[str, str]) -> None:
    boot.host, port = _address(boot.flags, given)
    try:
        bound = _bound(boot.host, port)
        boot.port = bound.getsockname()[1]
        boot.url = f"http://{f'[{boot.host}]' if ':' in boot.host else boot.host}:{boot.port}"
        bound.listen(BACKLOG)
    except OSError as error:
        _lock(boot, given)  # when it is our own data directory's server that has the port, this says so
        raise cannot_listen(boot.host, port, error) from error
    boot.timeline.mark("bound")
    boot.listener = _whole(bound)
    _lock(boot, given)
    sys.stdout.write(f"listening on {boot.url}\n")
    sys.stdout.flush()
    from app.early import Doorman

    boot.doorman = Doorman(boot.listener, boot.timeline)
    boot.doorman.start()


def _open_socket(boot: Boot) -> None:
    """Listen for bridges; what they send waits in the kernel until the server is there."""
    if not hasattr(_socket, "AF_UNIX"):
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
    return _whole(_bound(host, port))


def _whole(bound: _socket.socket) -> socket.socket:
    """Return a socket of the C module as one of the `socket` module's."""
    import socket

    return socket.socket(fileno=bound.detach())


def _bound(host: str, port: int) -> _socket.socket:
    name = host.encode() if host.isascii() else host  # text goes through the IDNA codec, 4 ms to import
    addresses = _socket.getaddrinfo(name, port, 0, _socket.SOCK_STREAM, 0, _socket.AI_PASSIVE)
    # IPv4 first: clients that know only 127.0.0.1 must reach a server on `localhost`
    family, kind, protocol, _, address = min(addresses, key=lambda found: found[0] != _socket.AF_INET)
    listener = _socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        elif hasattr(_socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_EXCLUSIVEADDRUSE, 1)
        if host == "::" and hasattr(_socket, "IPV6_V6ONLY"):
            listener.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)  # all addresses, IPv4 too
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def cannot_listen(host: str, port: int, error: OSError) -> CannotListen:
    """Return the error that tells why an address cannot be listened on, and what to do."""
    return CannotListen(_why_not(host, port, error))


def _why_not(host: str, port: int, error: OSError) -> str:
    if isinstance(error, _socket.gaierror) or error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
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
