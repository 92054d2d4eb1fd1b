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

import _socket
import gc
import os
import sys

from app.errors import MemoryServerError
from app.process.begun import DEFAULT_HOST, DEFAULT_PORT, Boot, Flags, Signals, StopRequested
from app.process.listening import BACKLOG, bound_socket, cannot_listen, whole_socket
from app.process.timeline import Timeline

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable

_READ_HERE = ("HOST", "PORT", "FC_SERVER_PORT", "MEMORY_DATA_DIR", "DATABASE_URL")


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
        from app.process.early_postgres import EarlyPostgres

        boot.postgres = EarlyPostgres(boot.data_dir)


def _listen(boot: Boot, given: dict[str, str]) -> None:
    boot.host, port = _address(boot.flags, given)
    try:
        bound = bound_socket(boot.host, port)
        boot.port = bound.getsockname()[1]
        boot.url = f"http://{f'[{boot.host}]' if ':' in boot.host else boot.host}:{boot.port}"
        bound.listen(BACKLOG)
    except OSError as error:
        _lock(boot, given)  # when it is our own data directory's server that has the port, this says so
        raise cannot_listen(boot.host, port, error) from error
    boot.timeline.mark("bound")
    boot.listener = whole_socket(bound)
    _lock(boot, given)
    sys.stdout.write(f"listening on {boot.url}\n")
    sys.stdout.flush()
    from app.process.doorman import Doorman

    boot.doorman = Doorman(boot.listener, boot.timeline)
    boot.doorman.start()


def _open_socket(boot: Boot) -> None:
    """Listen for bridges; what they send waits in the kernel until the server is there."""
    if not hasattr(_socket, "AF_UNIX"):
        return
    from app.datadir.folder import socket_path
    from app.datadir.unix_socket import listen

    boot.unix_path = socket_path(boot.data_dir)
    boot.unix = listen(boot.unix_path)


def _lock(boot: Boot, given: dict[str, str]) -> None:
    from app.datadir.folder import data_directory
    from app.datadir.lock import DataDirectoryLock, holder

    boot.data_dir = data_directory(boot.flags.data_dir or given.get("MEMORY_DATA_DIR"))
    lock = DataDirectoryLock(boot.data_dir)
    if not boot.flags.daemon and (held_by := holder(boot.data_dir)) and held_by.get("mode") == "daemon":
        # A daemon came first: this server does its work from now on, and its bridges connect here.
        from app.bridge.protocol import ask_to_leave

        ask_to_leave(os.fspath(boot.data_dir))
    lock.acquire(getattr(boot, "url", ""), "daemon" if boot.flags.daemon else "serve")
    boot.lock = lock


def _given_settings() -> dict[str, str]:
    """Return the settings needed here that the environment or `.env` gives, read as app.settings.loading reads them."""
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
    from app.settings.loading import load_settings  # it knows how to complain, about all other settings as well

    settings = load_settings({"host": flags.host, "port": flags.port})
    return settings.host, settings.port
