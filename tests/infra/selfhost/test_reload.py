"""The POST that makes a running service read its changed files."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from infra.plan import Plan
from infra.selfhost.health import Health
from infra.selfhost.hosts import Engine
from infra.selfhost.reload import Reload, ReloadArgs
from infra.selfhost.service import Service, ServiceArgs
from tests.support.components import built, container, placed

URL = "http://web:9090/-/reload"


def plan(content: str | None = "made-up", url: str = URL) -> Plan:
    def declare(here: Engine, there: Engine) -> None:
        args: dict[str, Any] = {"alias": "web", "user": "1:1", "health": Health(command=["true"])}
        files = {} if content is None else {"web.yml": content}
        service = Service("web", ServiceArgs(placement=placed(here), files=files, files_reloaded=True, **args))
        Reload("reload", ReloadArgs(service=service, engine=here, image_id="sha256:app", url=url))

    return built(declare)


class Answering:
    """A server that answers every POST with a status, and counts them."""

    def __init__(self, status: int, text: str) -> None:
        self.posts = 0
        counted = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                counted.posts += 1
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/-/reload"


@pytest.fixture
def answering(request: pytest.FixtureRequest) -> Iterator[Answering]:
    """A server with the status that the test asks for."""
    answering = Answering(request.param, "the file is broken")
    thread = threading.Thread(target=answering.server.serve_forever, args=(0.01,))
    thread.start()
    yield answering
    answering.server.shutdown()
    thread.join()
    answering.server.server_close()


def run_task(plan: Plan) -> subprocess.CompletedProcess[str]:
    """Run the command of the task, with this Python in place of the image's."""
    inputs = container(plan, "reload")
    command = [sys.executable, *inputs["entrypoints"][1:], *inputs["command"]]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


def test_it_runs_from_the_image_of_the_app_without_rights() -> None:
    inputs = container(plan(), "reload")

    assert inputs["image"] == "sha256:app"
    assert inputs["user"] == "65534:65534"
    assert inputs["command"] == [URL]


def test_it_runs_again_when_the_files_have_changed_and_only_then() -> None:
    first, again, changed = (container(plan(content), "reload")["labels"] for content in ("one", "one", "two"))

    assert first == again
    assert first != changed


@pytest.mark.parametrize("answering", [200], indirect=True)
def test_it_posts_and_succeeds(answering: Answering) -> None:
    done = run_task(plan(url=answering.url))

    assert (done.returncode, answering.posts) == (0, 1), done.stderr


@pytest.mark.parametrize("answering", [500], indirect=True)
def test_it_fails_when_the_service_refuses_its_files(answering: Answering) -> None:
    done = run_task(plan(url=answering.url))

    assert done.returncode == 1
    assert "500" in done.stderr


def test_a_service_without_files_cannot_be_reloaded() -> None:
    with pytest.raises(AssertionError, match="has nothing to reload"):
        plan(content=None)
