"""Qdrant servers that a test stops, kills and freezes: real ones where QDRANT_TEST_BINARY names the program."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.serving import ROOT, clean_environment
from tests.support.waiting import wait_until

BINARY = os.environ.get("QDRANT_TEST_BINARY")


def free_ports(number: int) -> list[int]:
    """Return ports that were free a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    try:
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Node:
    """A server process with one port and one folder through all its lives; without BINARY the stand-in."""

    def __init__(self, folder: Path, first: Node | None = None, *, cluster: bool = False) -> None:
        """first: a node of the cluster to join."""
        folder.mkdir(parents=True)
        self.port, self._grpc, self._peers = free_ports(3)
        self._folder, self._first, self._cluster = folder, first, cluster
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, and wait until it answers."""
        command, environment = self._real() if BINARY else self._stand_in()
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self._folder, env=clean_environment(**environment), stdout=log, stderr=log
            )
        wait_until(self.answers, "Qdrant to answer")
        return self.process

    def _stand_in(self) -> tuple[list[str], dict[str, str]]:
        program = [sys.executable, "-m", "tests.standins.qdrant", "--folder", str(self._folder / "points")]
        return [*program, "--port", str(self.port)], {"PYTHONPATH": str(ROOT)}

    def _real(self) -> tuple[list[str], dict[str, str]]:
        assert BINARY is not None
        command = [BINARY, "--disable-telemetry"]
        if self._cluster:
            command += ["--uri", f"http://127.0.0.1:{self._peers}"]
        if self._first is not None:
            command += ["--bootstrap", f"http://127.0.0.1:{self._first._peers}"]
        return command, {
            "QDRANT__LOG_LEVEL": "WARN",
            "QDRANT__SERVICE__HOST": "127.0.0.1",
            "QDRANT__SERVICE__HTTP_PORT": str(self.port),
            "QDRANT__SERVICE__GRPC_PORT": str(self._grpc),
            "QDRANT__CLUSTER__ENABLED": str(self._cluster).lower(),
            "QDRANT__CLUSTER__P2P__PORT": str(self._peers),
            "QDRANT__STORAGE__STORAGE_PATH": str(self._folder / "storage"),
            "QDRANT__STORAGE__SNAPSHOTS_PATH": str(self._folder / "snapshots"),
        }

    def ask(self, path: str) -> Any:
        """Return the result that a GET is answered with; None when nobody answers."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                return json.loads(answer.read())["result"]
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def answers(self) -> bool:
        """Tell whether it can be asked."""
        assert self.process.poll() is None, (self._folder / "log").read_text(encoding="utf-8")
        return self.ask("/collections") is not None

    def signal(self, number: int) -> None:
        """Freeze or thaw it."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it with no time to tidy up."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
