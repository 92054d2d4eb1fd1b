"""`doctor` and `rotate` on the real app with its embedded engines, started anew at each deploy of the stand-in."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.render.api.clock import Clock
from infra.render.driver.cli import main
from tests.standins.embeddings import StandIn, embedding_service
from tests.standins.render.server import Server
from tests.standins.render.state import Service
from tests.support.render import serving
from tests.support.render_stack import (
    KEY,
    SECRETS,
    Stack,
)
from tests.support.serving import Server as App

OLD, NEW, WRONG = (f"sk-{word}-" + "5a1c88" for word in ("old", "new", "wrong"))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def render() -> Iterator[Server]:
    """The stand-in by the clock on the wall."""
    with serving(Server()) as server:
        yield server


@pytest.fixture
def embeddings() -> Iterator[StandIn]:
    with embedding_service(key=OLD) as service:
        yield service


@pytest.fixture
def web(render: Server, embeddings: StandIn, folder: Path) -> Iterator[Service]:
    """A web service that runs the real app with the variables of its last deploy."""
    render.key = KEY
    port, running = free_port(), list[App]()

    def start(service: Service) -> None:
        for app in running:
            app.end()
        environment: dict[str, Any] = {
            name: value for name, value in render.state.environment(service).items() if name != "HOST"
        }
        running[:] = [App(folder / "data", "--port", str(port), **environment)]
        running[0].wait_ready()

    variables = {
        "EMBEDDING_API_KEY": OLD,
        "EMBEDDING_BASE_URL": embeddings.url,
        "EMBEDDING_MODEL": embeddings.model,
        "EMBEDDING_DIMENSIONS": str(embeddings.size),
    }
    stack = Stack(render)
    details = {"runtime": "docker", "plan": "starter", "healthCheckPath": "/health", "disk": _DISK}
    service = stack.add("web", "web_service", details, variables, repo="https://github.com/example/claude-memory")
    service.details["url"] = f"http://127.0.0.1:{port}"
    start(service)
    render.state.on_live = start
    yield service
    for app in running:
        app.end()


_DISK = {"name": "data", "mountPath": "/var/lib/claude-memory", "sizeGB": 1}

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(render: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; return its status and all that it printed, in which there is no secret."""

    def one(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        environment = {"RENDER_API_KEY": KEY, "RENDER_API_URL": render.url}
        status = main(arguments, environment=environment, clock=Clock())
        out, err = capsys.readouterr()
        told = " ".join((out + err).split())
        assert [secret for secret in (*SECRETS, OLD, NEW, WRONG) if secret in told] == []
        return status, told

    return one


def test_doctor_compares_with_the_real_app_and_has_it_call_its_services(web: Service, run: Run) -> None:
    status, told = run("doctor", "--env-file", "none.env")

    assert status == 0, told
    assert "ok Python" in told
    assert "the same as installed here" in told
    assert "ok schema" in told
    assert "ok embedding service 64 dimensions" in told
    assert "ok PostgreSQL answered" in told
    assert "ok settings in force all 4 that are set on Render" in told


def test_a_key_is_rotated_and_a_wrong_one_taken_back(
    web: Service, render: Server, embeddings: StandIn, run: Run, folder: Path
) -> None:
    embeddings.key = NEW
    (folder / "new").write_text(NEW, encoding="utf-8")
    status, told = run("rotate", "EMBEDDING_API_KEY", "--from-file", "new")
    assert status == 0, told
    assert "verified: 64 dimensions" in told

    (folder / "wrong").write_text(WRONG, encoding="utf-8")
    status, told = run("rotate", "EMBEDDING_API_KEY", "--from-file", "wrong")
    assert status == 1
    assert "does not know the key (401 invalid_api_key)" in told
    assert "the old one is in force again" in told
    assert render.state.environment(web)["EMBEDDING_API_KEY"] == NEW
