"""Starts a daemon that outlives this process, and reports why one did not start."""

from __future__ import annotations

import os
import select
import sys
import time

from app.bridge.protocol import IDENTITY, BridgeError
from app.own_file import open_own

_LOG_LIMIT_BYTES = 5_000_000
_CONFLICT = " is in use by another server "  # the words of app.datadir.lock: another daemon was quicker


class DaemonStart:
    """A daemon that outlives this process. Of two started at once, the second one ends by itself.

    It is not our child, so we cannot wait for it; instead it holds one end of a pipe, which closes when it ends.
    """

    def __init__(self, data_dir: str) -> None:
        self._began = time.monotonic()
        try:
            os.makedirs(data_dir, mode=0o700, exist_ok=True)  # noqa: PTH103
            self._log = log_path(data_dir)
            too_large = os.path.exists(self._log) and os.path.getsize(self._log) > _LOG_LIMIT_BYTES  # noqa: PTH110, PTH202
            flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if too_large else os.O_APPEND)
            output = open_own(self._log, flags)
        except OSError as error:
            raise BridgeError(
                f"data directory {data_dir}: {error.strerror}; fix it, or choose another with --data-dir"
            ) from None
        self._log_begins = os.fstat(output).st_size
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
        """Stop watching it; it runs on."""
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
        """Return the error it ended with; None when it was killed, or another daemon was quicker."""
        try:
            with open(self._log, "rb") as log:  # noqa: PTH123
                log.seek(self._log_begins)
                lines = log.read(_LOG_LIMIT_BYTES).decode(errors="replace").splitlines()
        except OSError:
            return None
        mark = "claude-memory: "
        errors = [line.removeprefix(mark) for line in lines if line.startswith(mark) and _CONFLICT not in line]
        return errors[-1] if errors else None


def _become_daemon(data_dir: str, output: int, alive: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2), (alive, 3)):
        if source != target:
            os.dup2(source, target)
        os.set_inheritable(target, True)
    os.closerange(4, min(os.sysconf("SC_OPEN_MAX"), 65_536))  # the client may wait until they are closed
    os.chdir(data_dir)  # a daemon must not keep the folder busy in which a client was started
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    search = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    arguments = [sys.executable, "-m", "app", "daemon", "--data-dir", data_dir]
    environment = {name: value for name, value in os.environ.items() if name not in IDENTITY}
    os.execve(sys.executable, arguments, {**environment, "PYTHONPATH": search})  # noqa: S606


def log_path(data_dir: str) -> str:
    """Return the log file of a data directory's daemon."""
    return os.path.join(data_dir, "daemon.log")  # noqa: PTH118
