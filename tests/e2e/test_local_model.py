"""Search by meaning without any service: the model comes by one command, and a server uses it from its next start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.embedding.local.process import CHILD
from tests.support.local_model import real_wheel
from tests.support.serving import PATIENCE_S, Server, clean_environment, serving
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real_wheel(tmp_path_factory.getbasetemp().parent / "model-wheel")


@pytest.fixture
def server_folder(run_folder: Path) -> Path:
    return run_folder / "offline"


def command(data_dir: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments, "--json", "--data-dir", str(data_dir)],
        cwd=data_dir.parent,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def search(server: Server, query: str) -> list[str]:
    found = server.call("search_memory", {"query": query})["structuredContent"]
    assert not found["degraded"]
    return [one["text"] for one in found["results"]]


def children(server: Server) -> list[psutil.Process]:
    """Return the model's processes of a server."""
    return [one for one in psutil.Process(server.process.pid).children() if str(CHILD) in one.cmdline()]


def test_meaning_comes_by_one_command_and_goes_by_another(wheel: Path, server_folder: Path) -> None:
    with serving(server_folder) as server:
        for text in ("Nora bought a red car.", "The bread is in the oven."):
            assert not server.call("memorize", {"text": text})["isError"]
        assert search(server, "automobile") == []
        added = command(server.data_dir, "model", "add", "e5-small", "--wheel", str(wheel))
        assert added["next"] == "restart the server that runs, which reads this at its start"
        assert search(server, "automobile") == [], "what runs stays as it is"

    with serving(server_folder) as server:
        wait_until(lambda: search(server, "automobile")[:1] == ["Nora bought a red car."], "the meaning finds it")
        assert search(server, "谁买了车?")[0] == "Nora bought a red car.", "in another language too"
        assert server.request("GET", "/health")[2]["components"]["embeddings"] == {"status": "ok", "detail": None}
        wait_until(
            lambda: command(server.data_dir, "model", "status")["memories_with_vector"] == 2, "all have a vector"
        )
        assert command(server.data_dir, "status")["memories_with_vector"] == 2

        killed = children(server)
        assert len(killed) == 2
        for one in killed:
            one.kill()
        assert not server.call("memorize", {"text": "The invoice was paid."})["isError"]
        wait_until(lambda: "The invoice was paid." in search(server, "settling bills"), "new processes do the work")
        left = children(server)
        server.process.kill()
    wait_until(lambda: not any(one.is_running() for one in left), "they end with a server that is killed")

    assert command(server_folder, "model", "remove", "e5-small")["next"] is None
    with serving(server_folder) as server:
        assert search(server, "automobile") == []
        assert search(server, "car") == ["Nora bought a red car."]
