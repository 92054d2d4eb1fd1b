"""Supervises a worker: starts it, and starts it again after a crash, in a new process each time.

The worker's standard input closes when this process ends, however it ends, and the worker then stops too.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from types import FrameType

logger = logging.getLogger(__name__)

STOP_S = 9.0  # how long a worker has to stop; `docker stop` kills after 10 s
WRONG_SETTINGS = 2  # the exit status of InvalidSettings
_WRONG_SETTINGS_LIMIT = 2  # one retry, because a file with a secret may be half written


class Supervisor:
    """Runs one command again and again until it succeeds, or a stop signal comes."""

    def __init__(
        self,
        command: Sequence[str],
        restart_delay_s: float,
        environment: Mapping[str, str] | None = None,
        stop_s: float = STOP_S,
    ) -> None:
        """environment: variables for the command, in addition to our own. stop_s: how long it has to stop."""
        self._command, self._restart_delay_s = command, restart_delay_s
        self._environment = {**os.environ, **(environment or {})}
        self._stop_s = stop_s
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Return 0 once the worker succeeds or a stop signal came, WRONG_SETTINGS when it ends so twice in a row."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        wrong_settings = 0
        while True:
            status = self._run_once()
            if status == 0 or self._stop.is_set():
                return 0
            wrong_settings = wrong_settings + 1 if status == WRONG_SETTINGS else 0
            if wrong_settings == _WRONG_SETTINGS_LIMIT:
                return WRONG_SETTINGS
            logger.error("the worker %s; it starts again in %g s", _ending(status), self._restart_delay_s)
            if self._stop.wait(self._restart_delay_s):
                return 0

    def _run_once(self) -> int:
        """Start the worker and wait for its end; return its exit status, negative for a signal."""
        with subprocess.Popen(self._command, stdin=subprocess.PIPE, env=self._environment) as child:  # noqa: S603 - our own program
            self._child = child
            if self._stop.is_set():  # the signal came before there was a child to pass it on to
                child.terminate()
            return child.wait()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop.set()
        if self._child is not None:
            self._child.terminate()
            killer = threading.Timer(self._stop_s, self._child.kill)
            killer.daemon = True
            killer.start()


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
