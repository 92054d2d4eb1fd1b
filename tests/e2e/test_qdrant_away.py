"""A server on a Qdrant server that dies, hangs and comes back: searches go on, and nobody has to restart anything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import ROOT, Server, clean_environment, serving, until


class Qdrant:
    """The stand-in as a process of its own, on one port and one folder through all its lives."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.port = folder, 0
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            "-m",
            "tests.standins.qdrant",
            "--folder",
            str(self._folder),
            "--port",
            str(self.port),
        ]
        self.process = subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        return self.process

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def qdrant(run_folder: Path) -> Iterator[Qdrant]:
    qdrant = Qdrant(run_folder / "qdrant-away")
    yield qdrant
    os.kill(qdrant.process.pid, signal.SIGCONT)
    qdrant.end()


def search(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.call("search_memory", {"query": "apple"})["structuredContent"]
    return found


def index(server: Server) -> dict[str, Any]:
    part: dict[str, Any] = server.request("GET", "/health")[2]["components"]["index"]
    return part


def test_searches_go_on_while_qdrant_is_dead_or_hangs(run_folder: Path, qdrant: Qdrant) -> None:
    url = f"http://127.0.0.1:{qdrant.port}"
    with serving(run_folder / "served-away", QDRANT_URL=url) as server:
        until(lambda: index(server)["status"] == "ok", "the collection answers")
        server.call("memorize", {"text": "apple pie"})
        assert [one["text"] for one in search(server)["results"]] == ["apple pie"]
        assert not search(server)["degraded"]

        qdrant.end()
        server.call("memorize", {"text": "apple cake"})
        found = search(server)
        assert ({one["text"] for one in found["results"]}, found["degraded"]) == ({"apple pie", "apple cake"}, True)
        assert "Qdrant does not answer" in index(server)["detail"]
        assert server.request("GET", "/ready")[0] == 200
        assert "claude_memory_qdrant_up 0.0" in server.request("GET", "/metrics")[2]

        qdrant.start()
        until(lambda: not search(server)["degraded"], "the index is used again")
        assert {one["text"] for one in search(server)["results"]} == {"apple pie", "apple cake"}

        qdrant.process.send_signal(signal.SIGSTOP)
        server.call("memorize", {"text": "apple tart"})
        assert len(search(server)["results"]) == 3
        qdrant.process.send_signal(signal.SIGCONT)
        until(lambda: not search(server)["degraded"], "the index is used again")
        assert len(search(server)["results"]) == 3
        assert "claude_memory_qdrant_up 1.0" in until(lambda: server.request("GET", "/metrics")[2], "metrics")
