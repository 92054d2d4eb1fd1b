"""Connects to the daemon of a data directory, starts one when none runs, and replaces an older one."""

from __future__ import annotations

import os
import socket
import time

from app import __version__
from app.bridge.protocol import IDENTITY, BridgeError, about_us, ask_to_leave, connect, greet
from app.own_file import open_own

TYPE_CHECKING = False  # `typing` takes 3 ms to import
if TYPE_CHECKING:
    from typing import Any

    from app.bridge.start import DaemonStart

_START_TIMEOUT_S = 20.0  # a first start creates a database; clients give up after 10 to 60 s
_RETRY_S = 0.01
_ASK_LIMIT = 3  # older bridges may start older daemons meanwhile
_GIVE_WAY_S = 0.5  # a bridge that asked a daemon to leave starts the next one, which may be newer
_FAILED_START_S = 60.0  # a daemon that ends with an error sooner than that will do so again


class DaemonConnector:
    """Connects to the daemon of one data directory, again and again over a session's life."""

    def __init__(self, data_dir: str, start_timeout_s: float = _START_TIMEOUT_S) -> None:
        self._data_dir, self._start_timeout_s = data_dir, start_timeout_s
        self._start: DaemonStart | None = None
        self._gives_way = False
        self._held_at = 0.0

    def connect(self) -> tuple[socket.socket, bytes]:
        """Return a connection to the daemon, and what it sent after its greeting. Raises BridgeError."""
        deadline = time.monotonic() + self._start_timeout_s
        asked: list[Any] = []
        while (left_s := deadline - time.monotonic()) > 0:
            connection = connect(self._data_dir)
            if connection is None:
                self._start_one()
                time.sleep(_RETRY_S)
                continue
            greeting, rest = greet(connection, {"bridge": about_us()}, left_s)
            if greeting is None:
                connection.close()  # the daemon was just leaving
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
                deadline = time.monotonic() + self._start_timeout_s
            else:
                _check_accepted(greeting)
                self._gives_way = True
                return connection, rest
        if command := _command_that_holds(self._data_dir):
            raise BridgeError(f"{self._data_dir} is in use by {command}; try again when that has ended")
        from app.bridge.start import log_path

        raise BridgeError(
            f"the memory daemon for {self._data_dir} does not answer within {self._start_timeout_s:.0f} s; "
            f"see {log_path(self._data_dir)}, or run `claude-memory doctor`"
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
            from app.bridge.start import DaemonStart  # most sessions find a daemon

            self._start = DaemonStart(self._data_dir)


def _check_accepted(greeting: dict[str, Any]) -> None:
    """Raise BridgeError when the daemon refuses the client's identity, or is too old to read it."""
    if refused := greeting.get("refused"):
        raise BridgeError(f"the memory daemon refuses this client: {refused}")
    user = os.environ.get(IDENTITY[0])
    if user and greeting.get("user") != user:
        raise BridgeError(
            f"the memory server of version {greeting['version']} (pid {greeting.get('pid')}) does not accept "
            f"{IDENTITY[0]} from its clients; restart it, or unset {IDENTITY[0]}"
        )


def _held(data_dir: str) -> bool:
    """Whether a process holds the lock of the data directory: it is starting or ending."""
    import fcntl

    try:
        lock = open_own(os.path.join(data_dir, "lock"), os.O_RDONLY)  # noqa: PTH118
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
    """Return which command holds the data directory, such as an import; None when it is a server, or none does."""
    from pathlib import Path

    from app.datadir.lock import holder

    held_by = holder(Path(data_dir)) or {}
    mode = held_by.get("mode")
    return None if mode in (None, "serve", "daemon") else f"`claude-memory {mode}` (pid {held_by.get('pid')})"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
