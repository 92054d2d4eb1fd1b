"""Holds what `serve` begins before the server is imported: flags, signals, the open port, the lock, PostgreSQL.

Standard library only: it is imported before the port is open.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # the C module below `signal`; typeshed does not have it
import _socket
import os
import sys

from app.process.listening import BACKLOG, cannot_listen

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    import socket
    from pathlib import Path
    from types import FrameType
    from typing import Any

    from app.datadir.lock import DataDirectoryLock
    from app.process.doorman import Doorman
    from app.process.early_postgres import EarlyPostgres
    from app.process.timeline import Timeline

DEFAULT_HOST = "127.0.0.1"  # app.settings.fields has the same; a test compares them


class StopRequested(BaseException):
    """SIGINT or SIGTERM came before the server could handle it; not an Exception, so that no import catches it."""


class Flags:
    """The flags of the command line; None means not given."""

    def __init__(
        self,
        host: str | None = None,
        port: str | None = None,
        data_dir: str | None = None,
        debug: bool = False,
        daemon: bool = False,
        supervised: bool = False,
    ) -> None:
        self.host, self.port, self.data_dir, self.debug = host, port, data_dir, debug
        self.daemon = daemon  # serve only the Unix socket, until no one has been connected for some time
        self.supervised = supervised  # stop, too, when standard input closes, which the parent holds open


class Signals:
    """Handles SIGINT and SIGTERM from the first line on: they interrupt the imports, until the server handles them."""

    def __init__(self) -> None:
        self.requested = 0
        self._held = False

    def install(self) -> None:
        """Handle both signals; call it in the main thread."""
        for number in (_signal.SIGINT, _signal.SIGTERM):
            _signal.signal(number, self._interrupt)

    def hold(self) -> None:
        """From now on only record signals, so that everything that begins now is known to `close`."""
        self._held = True

    def release(self) -> None:
        """Raise StopRequested if a signal was recorded, and from now on at the next one."""
        self._held = False
        if self.requested:
            raise StopRequested

    def ignore(self) -> None:
        """Ignore signals from now on, so that none interrupts the clean-up."""
        for number in (_signal.SIGINT, _signal.SIGTERM):
            _signal.signal(number, _signal.SIG_IGN)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.requested += 1
        if not self._held:
            raise StopRequested


class Boot:
    """What was begun before the server was imported; the server owns it from then on."""

    def __init__(self, flags: Flags, timeline: Timeline, signals: Signals) -> None:
        self.flags, self.timeline, self.signals = flags, timeline, signals
        self.host: str
        self.port: int
        self.url: str
        self.data_dir: Path
        self.listener: socket.socket | None = None  # bound; None for a daemon
        self.listens = False  # whether the port accepts connections; until then it refuses them
        self.unix: socket.socket | None = None
        self.unix_path = ""
        self.lock: DataDirectoryLock
        self.doorman: Doorman | None = None
        self.postgres: EarlyPostgres | None = None
        self._registered = False

    @property
    def setting_flags(self) -> dict[str, Any]:
        """Flags by the names of the settings they override; a given host or port has the value actually bound."""
        given_host = self.flags.host is not None or self.host != DEFAULT_HOST or self.flags.daemon
        return {
            "host": self.host if given_host else None,
            "port": self.port if self.flags.port is not None else None,
            "memory_data_dir": self.flags.data_dir,
        }

    def listen(self) -> None:
        """Accept connections on the port from now on, and say so. Raises CannotListen."""
        assert self.listener is not None
        try:
            self.listener.listen(BACKLOG)
        except OSError as error:  # we had bound the port, but another program listened on it first
            raise cannot_listen(self.host, self.port, error) from error
        self.timeline.mark("bound")
        self.announce()

    def announce(self) -> None:
        """Print that the port accepts connections."""
        self.listens = True
        try:
            sys.stdout.write(f"listening on {self.url}\n")
            sys.stdout.flush()
        except OSError:  # into a file on a full disk, or a terminal that is gone: the log says it too
            pass

    def listen_for_bridges(self) -> None:
        """Listen on the Unix socket; what bridges send waits in the kernel until the server is up."""
        if not hasattr(_socket, "AF_UNIX"):
            return
        from app.datadir.folder import socket_path
        from app.datadir.unix_socket import listen

        self.unix_path = socket_path(self.data_dir)
        self.unix = listen(self.unix_path)

    def enter_register(self) -> None:
        """Let this user's commands know that a server runs on this data directory, until `close`."""
        from app.datadir import register

        register.enter(os.fspath(self.data_dir))
        self._registered = True

    def close(self) -> None:
        """Close everything that is still open, PostgreSQL and the lock last; idempotent."""
        if self.doorman is not None:
            for connection in self.doorman.hand_over():
                connection.close()
        if self.listener is not None:
            self.listener.close()
        if self.unix is not None:
            if os.path.exists(self.unix_path):  # noqa: PTH110 - another process may have removed it
                os.unlink(self.unix_path)  # noqa: PTH108
            self.unix.close()
            self.unix = None
        if self.postgres is not None:
            self.postgres.stop()
        if self._registered:
            from app.datadir import register

            register.leave(os.fspath(self.data_dir))
            self._registered = False
        if hasattr(self, "lock"):
            self.lock.release()
