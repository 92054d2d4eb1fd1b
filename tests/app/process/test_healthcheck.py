"""The container's own question to its server."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import app.process.healthcheck
from app.process.healthcheck import main


class Answers(BaseHTTPRequestHandler):
    """200 at /health, 503 at /ready."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()
        self.wfile.write(b"starting")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_it_runs_as_containers_run_it_and_loads_nothing_but_what_is_compiled_in(url: str) -> None:
    file = str(Path(app.process.healthcheck.__file__))
    command = [sys.executable, "-I", "-S", "-X", "importtime", file, f"{url}/health"]
    done = subprocess.run(command, capture_output=True, text=True)

    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert (done.returncode, done.stdout) == (0, "")
    assert not {"socket", "http.client", "site", "re", "app"} & loaded, "each costs as much as Python's whole start"


def test_a_healthy_server_is_0_without_a_word(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"{url}/health") == 0
    assert capsys.readouterr().out == ""


def test_another_answer_is_printed_for_dockers_state(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"{url}/ready") == 1
    assert capsys.readouterr().out == f"{url}/ready answered 503: starting\n"


def test_no_answer_is_printed_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("http://127.0.0.1:9/health") == 1
    assert "http://127.0.0.1:9/health does not answer: " in capsys.readouterr().out
