"""Runs the first milliseconds of `serve`: opens the port first, then starts everything else.

A platform's start check connects to the port, and importing the app takes most of a second. So:

1. read and check the settings, bind, listen: within 25 ms of the start of the process; then lock the data directory.
   A start that is refused for its settings, a missing engine or a missing token never listens;
2. a thread answers /health and /ready; it holds every other connection, unread, for the server;
3. another thread starts the embedded PostgreSQL, which needs no Python meanwhile;
4. only then is `app.serve.server` imported, in the main thread; it takes over the port and the connections.

Standard library only, and of that no more than each step needs.
"""

from __future__ import annotations

import gc
import os
import sys

from app.errors import MemoryServerError, UnsafeBind
from app.process.begun import DEFAULT_HOST, Boot, Flags, Signals, StopRequested
from app.process.engines import check_engines
from app.process.listening import BACKLOG, bound_socket, cannot_listen, check_host, whole_socket
from app.process.timeline import Timeline
from app.settings.function_compute import is_on_platform
from app.settings.given import given, with_defaults
from app.settings.rules import DAEMON, SERVE, broken_rules

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable


def read_flags(arguments: list[str]) -> Flags | None:
    """Read the flags of `serve`; None when there is any other argument, which argparse then explains."""
    flags = Flags()
    names = {"--host": "host", "--port": "port", "--data-dir": "data_dir"}
    rest = iter(arguments)
    for argument in rest:
        name, has_value, value = argument.partition("=")
        if argument == "--debug":
            flags.debug = True
        elif argument == "--supervised":
            flags.supervised = True
        elif name in names:
            given = value if has_value else next(rest, "")
            if not given or given.startswith("-"):
                return None
            setattr(flags, names[name], given)
        else:
            return None
    return flags


def _run_server(boot: Boot) -> int:
    gc.disable()  # imports make no garbage; app.__main__ may have disabled it already
    from app.serve.server import run

    return run(boot)


def serve(flags: Flags, run: Callable[[Boot], int] = _run_server) -> int:
    """Run the server until it stops, and return the exit status. Errors are one line on stderr."""
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
    except Exception as error:  # the outermost handler: one line unless --debug
        if flags.debug:
            raise
        from app.logs import unexpected
        from app.process.start_report import explain

        if report := explain(error):
            sys.stderr.write(f"{report}\n")
        sys.stderr.write(f"claude-memory: internal error, {unexpected(error)}; run it with --debug for the traceback\n")
        return 1


def _open_port(boot: Boot) -> None:
    """Check the settings; then listen, lock the data directory, and begin what can run in the background.

    The lock comes after the port, because its imports take 10 ms; nothing is answered before we hold it.
    """
    values = _checked_settings(boot.flags)
    check_engines(values)
    if boot.flags.daemon:
        boot.host, boot.port, boot.url = values["HOST"], 0, ""
        boot.listens = True
        _lock(boot, values)
    else:
        _bind(boot, values, listens=_may_listen(values))
    if boot.listens:
        boot.listen_for_bridges()
    if not values["DATABASE_URL"]:
        from app.process.early_postgres import EarlyPostgres

        _tell_of_first_start(os.fspath(boot.data_dir))
        boot.postgres = EarlyPostgres(boot.data_dir)


def _tell_of_first_start(data_dir: str) -> None:
    """Say why a first start takes longer, to the person at a terminal."""
    if os.isatty(2) and not os.path.exists(os.path.join(data_dir, "postgres")):  # noqa: PTH110, PTH118
        sys.stderr.write(f"first start: PostgreSQL is being made ready in {data_dir} (some seconds)\n")


def _checked_settings(flags: Flags) -> dict[str, str]:
    """Return all settings as texts, checked. Raises InvalidSettings, UnsafeBind and CannotListen.

    Pydantic takes 0.4 s to import, and is not needed yet when every value is plain and no rule is broken.
    """
    mode = DAEMON if flags.daemon else SERVE
    chosen = {
        "host": DEFAULT_HOST if flags.daemon else flags.host,
        "port": flags.port,
        "memory_data_dir": flags.data_dir,
    }
    read = given(chosen)
    values = with_defaults(read.texts)
    if read.certain and not broken_rules(values, (mode,)):
        return values
    from app.settings.loading import load_settings, texts_of

    try:
        return texts_of(load_settings(chosen, mode))
    except UnsafeBind:
        check_host(values["HOST"])  # an address that is none cannot be reached from outside either
        raise


def _may_listen(values: dict[str, str]) -> bool:
    """Whether the port may open before the database has shown that a client can sign in.

    It may when no token is required, when the settings allow another way in, and when the last start found a token.
    A function's instance has no last start on its new disk, and its platform waits for the port.
    The server still checks: if all tokens have expired since then, it opens its port and then refuses to run.
    """
    if values["AUTH"] != "required" or values["ADMIN_TOKEN"] or values["OPENID_ISSUER"] or is_on_platform(values):
        return True
    from app.datadir.location import data_directory_name
    from app.datadir.token_marker import had_token

    return had_token(data_directory_name(values["MEMORY_DATA_DIR"]), values["DATABASE_URL"])


def _bind(boot: Boot, values: dict[str, str], *, listens: bool) -> None:
    """Bind the port, and accept connections if `listens`; otherwise the server does so later."""
    boot.host, port = values["HOST"].strip("[]"), int(values["PORT"])
    try:
        bound = bound_socket(boot.host, port)
        boot.port = bound.getsockname()[1]
        boot.url = f"http://{f'[{boot.host}]' if ':' in boot.host else boot.host}:{boot.port}"
        if listens:
            bound.listen(BACKLOG)
            boot.timeline.mark("bound")
    except OSError as error:
        _lock(boot, values)  # if the server of our own data directory has the port, this reports that
        raise cannot_listen(boot.host, port, error) from error
    boot.listener = whole_socket(bound)
    _lock(boot, values)
    if not listens:
        return
    boot.announce()
    from app.process.doorman import Doorman

    boot.doorman = Doorman(boot.listener, boot.timeline)
    boot.doorman.start()


def _lock(boot: Boot, values: dict[str, str]) -> None:
    from app.datadir.folder import data_directory
    from app.datadir.lock import DataDirectoryLock, holder

    boot.data_dir = data_directory(values["MEMORY_DATA_DIR"])
    lock = DataDirectoryLock(boot.data_dir)
    if not boot.flags.daemon and (held_by := holder(boot.data_dir)) and held_by.get("mode") == "daemon":
        # A daemon was first: this server takes over its work, and its bridges connect here.
        from app.bridge.protocol import ask_to_leave

        ask_to_leave(os.fspath(boot.data_dir))
    lock.acquire(getattr(boot, "url", ""), "daemon" if boot.flags.daemon else "serve")
    boot.lock = lock
