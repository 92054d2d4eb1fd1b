"""A stand-in of Render's API for each test, a client whose time is the test's, and a stack to run the driver on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.render.api.access import Access
from infra.render.api.client import RenderApi
from infra.render.doctor import here
from infra.render.driver.cli import main
from tests.standins.render.app import DeployedApp, deployed
from tests.standins.render.server import Server
from tests.standins.render.state import OWNER
from tests.support.render import FakeTime, serving
from tests.support.render_stack import (
    COMMIT,
    DATABASE,
    DOCKER,
    EMBEDDING,
    IMAGE,
    KEY,
    QDRANT,
    SECRETS,
    TOKEN,
    Drive,
    Ran,
    Stack,
)


@pytest.fixture
def fake_time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def render(fake_time: FakeTime) -> Iterator[Server]:
    """The stand-in, running."""
    with serving(Server(now=fake_time.now)) as server:
        yield server


@pytest.fixture
def access(render: Server) -> Access:
    return Access(key=render.key, url=render.url, owner=render.state.owner)


@pytest.fixture
def api(access: Access, fake_time: FakeTime) -> RenderApi:
    """A client of the stand-in."""
    return RenderApi(access, clock=fake_time.clock, read_timeout_s=5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder the driver is run in: a Pulumi project without a stack's file. State and home are in it, too."""
    (tmp_path / "Pulumi.yaml").write_text("name: claude-memory\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


@pytest.fixture
def stack(render: Server) -> Stack:
    """The stack `render`: web, worker, a cron job and Qdrant, with a group of settings for the app's services."""
    render.key = KEY
    made = Stack(render)
    repo: dict[str, Any] = {"repo": "https://github.com/example/claude-memory", "branch": "main"}
    health = {"healthCheckPath": "/health"}
    made.add("web", "web_service", {**DOCKER, **health}, {"DATABASE_URL": DATABASE, "LOG_LEVEL": "INFO"}, **repo)
    made.add("worker", "background_worker", DOCKER, {"DATABASE_URL": DATABASE}, **repo)
    made.add("backup", "cron_job", {**DOCKER, "schedule": "0 2 * * *"}, **repo)
    image = {"image": {"ownerId": OWNER, "imagePath": "docker.io/qdrant/qdrant:v1.18.0"}}
    made.add("qdrant", "private_service", IMAGE, {"QDRANT__SERVICE__API_KEY": QDRANT}, **image)
    settings = {"ADMIN_TOKEN": TOKEN, "EMBEDDING_API_KEY": EMBEDDING, "EMBEDDING_MODEL": "text-embedding-v4"}
    qdrant = {"QDRANT_URL": "http://claude-memory-qdrant:6333", "QDRANT_API_KEY": QDRANT}
    made.add_group("claude-memory-settings", settings | qdrant, "web", "worker", "backup")
    render.requests.clear()
    return made


@pytest.fixture
def app(render: Server, stack: Stack) -> Iterator[DeployedApp]:
    """The app that the stack's web service runs."""
    with deployed(render, stack.services["web"]) as served:
        yield served


@pytest.fixture
def drive(
    render: Server,
    fake_time: FakeTime,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Drive]:
    """Run a command in this process. At the end, no secret may stand anywhere in what all of them printed."""
    printed: list[str] = []
    environment = {"RENDER_API_KEY": KEY, "RENDER_API_URL": render.url}

    def run(*arguments: str, stdin: str = "", **variables: str) -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        status = main(arguments, environment=environment | variables, clock=fake_time.clock)
        out, err = capsys.readouterr()
        printed.append(out + err)
        return Ran(status, out, err)

    yield run
    told = "\n".join(printed)
    assert [secret for secret in SECRETS if secret in told] == []
    assert "Traceback" not in told


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs on the stand-in is checked out here."""
    monkeypatch.setattr(here, "_revision", lambda: (COMMIT, 0))
