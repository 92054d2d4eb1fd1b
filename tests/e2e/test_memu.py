"""Memories at memU: the worker that a platform starts with a client beside it, and a key that nothing ever shows."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from app.bridge.protocol import ask
from tests.standins.memu import KEY, StandIn, memu_service
from tests.support.bridges import Client, Machine, machine_at, runs
from tests.support.cli import run_command
from tests.support.serving import PATIENCE_S, clean_environment, serving
from tests.support.waiting import wait_until


@pytest.fixture
def service() -> Iterator[StandIn]:
    """Stand in for memU."""
    with memu_service() as service:
        yield service


def over(service: StandIn, **others: str) -> dict[str, str]:
    """Return the settings that keep memories there."""
    return {"MEMORY_BACKEND": "memu", "MEMU_API_KEY": KEY, "MEMU_BASE_URL": service.url, **others}


class Worker:
    """`worker --render-mode`, the daemon it keeps running, and all that this started."""

    def __init__(self, data_dir: Path, log: Path, **environment: str) -> None:
        self._data_dir, self._log = data_dir, log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app", "worker", "--render-mode"],
                stdout=output,
                stderr=output,
                cwd=data_dir.parent,
                env=clean_environment(MEMORY_DATA_DIR=str(data_dir), WORKER_RESTART_DELAY="0.1", **environment),
            )
        self._seen: set[psutil.Process] = set()

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(encoding="utf-8")

    def daemon(self, after: int = 0) -> psutil.Process:
        """Return the daemon once it answers. after: the id of one that was killed."""

        def answers() -> Any:
            status = ask(str(self._data_dir), "status")
            return status if status is not None and status["pid"] != after and status["status"] == "ok" else None

        status = wait_until(answers, f"a daemon; {self.log}", PATIENCE_S * 2)
        daemon = psutil.Process(status["pid"])
        self._seen.update([daemon, *daemon.children(recursive=True)])
        return daemon

    def left(self) -> list[psutil.Process]:
        """Return what of it still runs."""
        return [process for process in self._seen if runs(process)]

    def end(self) -> None:
        """End everything."""
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: self.left() == [], "the end of all processes", 15)
        for process in self.left():
            with contextlib.suppress(psutil.Error):
                process.kill()


@pytest.fixture
def worker(tmp_path: Path, service: StandIn) -> Iterator[Worker]:
    """A worker on an empty data directory."""
    worker = Worker(tmp_path / "data", tmp_path / "worker.log", **over(service))
    try:
        yield worker
    finally:
        worker.end()


@pytest.fixture
def machine(tmp_path: Path, worker: Worker, service: StandIn) -> Iterator[Machine]:
    """Where clients start beside the worker."""
    with machine_at(tmp_path / "data", **over(service)) as machine:
        yield machine


def found(client: Client, query: str) -> list[tuple[str, str]]:
    """Search; return each result's text and source."""
    answer = client.call("search_memory", query=query)["result"]["structuredContent"]
    return [(one["text"], one["source"]) for one in answer["results"]]


def run_hook(event: str, given: dict[str, str], data_dir: Path) -> str:
    """Run a hook as Claude Code does, where no setting but the data directory is known; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "hook", event],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=data_dir.parent,
        env=clean_environment(MEMORY_DATA_DIR=str(data_dir)),
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_client_beside_the_worker_remembers_and_finds_and_the_worker_ends_cleanly(
    service: StandIn, worker: Worker, machine: Machine
) -> None:
    daemon = worker.daemon()
    parent = daemon.parent()
    assert parent is not None
    assert parent.pid == worker.process.pid

    client = machine.client()
    client.memorize("The release is on Thursdays.")
    assert [text for text, _ in found(client, "release on Thursdays")][:1] == ["The release is on Thursdays."]
    wait_until(lambda: service.texts == ["The release is on Thursdays."], "memU to have it")
    wait_until(
        lambda: ("The release is on Thursdays.", "memu") in found(client, "release on Thursdays"), "memU to find it"
    )
    assert machine.status()["pid"] == daemon.pid
    client.leave()
    hook = run_hook("session-start", {"cwd": "/src/release"}, machine.data_dir)
    assert "The release is on Thursdays." in hook

    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(PATIENCE_S) == 0, worker.log
    wait_until(lambda: worker.left() == [], "the end of the daemon and its PostgreSQL")
    assert KEY not in worker.log


def test_a_daemon_that_is_killed_is_started_again_with_what_it_had_not_handed_over(
    service: StandIn, worker: Worker, machine: Machine
) -> None:
    service.refuse_connections()
    daemon = worker.daemon()
    client = machine.client()
    client.memorize("The release is on Thursdays.")
    client.leave()

    daemon.kill()
    again = worker.daemon(after=daemon.pid)

    assert "was killed by SIGKILL; it starts again" in worker.log
    parent = again.parent()
    assert parent is not None
    assert parent.pid == worker.process.pid
    service.accept_connections()
    wait_until(lambda: service.texts == ["The release is on Thursdays."], "memU to have it, once", PATIENCE_S * 3)


def test_a_daemon_does_not_outlive_a_worker_that_was_killed(worker: Worker) -> None:
    worker.daemon()

    worker.process.kill()

    wait_until(lambda: worker.left() == [], "the end of the daemon and its PostgreSQL")


def test_the_key_is_in_no_answer_no_log_and_no_file(tmp_path: Path, service: StandIn) -> None:
    service.key = "mu_another-key"  # ours is refused, in words that repeat it
    data_dir = tmp_path / "data"
    shown: dict[str, str] = {}
    settings: dict[str, Any] = over(service, LOG_LEVEL="DEBUG")
    with serving(data_dir, **settings) as server:
        stored = server.call("memorize", {"text": "I like apples."})
        assert stored["isError"] is False, stored
        wait_until(lambda: server.request("GET", "/health")[2]["components"]["memu"]["status"] == "degraded", "memU")
        for path in ("/health", "/ready", "/status", "/info", "/metrics", "/openapi.json", "/report"):
            status, _, body = server.request("GET", path)
            assert status == 200, (path, body)
            shown[path] = str(body)
        headers = {"Content-Type": "application/json"}
        shown["/test"] = str(server.request("POST", "/test", {"test_memu_connection": True}, headers)[2])
        assert "refuses the key" in shown["/test"]
        for tool, arguments in (
            ("search_memory", {"query": "apples"}),
            ("memory_health", {"detailed": True}),
            ("forget_memory", {"ids": []}),
        ):
            shown[tool] = str(server.call(tool, arguments))
        given = ("--data-dir", str(data_dir))
        for command in (
            ("status", "--json"),
            ("settings", "--json"),
            ("doctor", "--json"),
            ("outbox", "list", "--json", "--show-text"),
            ("export", str(tmp_path / "export.jsonl")),
            ("backup", str(tmp_path / "backup")),
        ):
            _, out, err = run_command(*command, *given, cwd=tmp_path, **over(service))
            assert "Traceback" not in err, err
            shown[" ".join(command)] = out + err
        shown["log"] = server.log

    assert [where for where, text in shown.items() if KEY in text] == []
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"export.jsonl", "backup"} <= {path.name for path in files}
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
