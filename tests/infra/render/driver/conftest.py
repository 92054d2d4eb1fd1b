"""A stack on the stand-in of Render, and the driver run against it as a user runs it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from infra.render.driver.cli import main
from tests.standins.render.app import DeployedApp, deployed
from tests.standins.render.server import Server
from tests.standins.render.state import OWNER, Json, Request, Service
from tests.support.render import FakeTime

# Put together here, so that no scanner takes them for real ones.
KEY = "rnd_" + "4f1c9a7709be"
TOKEN = "cm_" + "A1b2C3d4E5" * 4 + "xyz"
DATABASE = "postgresql://memory:" + "pw-81f05c2d" + "@dpg-1/memory"
EMBEDDING = "sk-" + "9d27ac51e0"
QDRANT = "qd-" + "770ba1c4e9d2f0"
SECRETS = (KEY, TOKEN, DATABASE, "pw-81f05c2d", EMBEDDING, QDRANT)

DOCKER = {"runtime": "docker", "plan": "starter", "region": "frankfurt"}
IMAGE = {"runtime": "image", "plan": "starter", "region": "frankfurt"}


@dataclass
class Ran:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """Everything, each run of blanks as one, so that a table's columns do not matter."""
        return " ".join((self.out + self.err).split())


@dataclass
class Stack:
    """A stack on the stand-in. services: by role."""

    render: Server
    services: dict[str, Service] = field(default_factory=dict)
    group: str = ""

    def add(self, role: str, kind: str, details: Json, variables: dict[str, str] | None = None, **more: Any) -> Service:
        """Add a service whose first deploy is live."""
        body = {
            "name": f"claude-memory-{role}",
            "ownerId": OWNER,
            "type": kind,
            "serviceDetails": details,
            "envVars": [{"key": name, "value": value} for name, value in (variables or {}).items()],
            **more,
        }
        answer = self._call("POST", "/services", body)
        service = self.render.state.services[answer["service"]["id"]]
        while service.deploys[-1]["status"] != "live":
            self._call("GET", f"/services/{service.id}/deploys/{service.deploys[-1]['id']}", None)
        self.services[role] = service
        return service

    def add_group(self, name: str, variables: dict[str, str], *roles: str) -> None:
        """Add an environment group that is linked to services."""
        body = {
            "name": name,
            "ownerId": OWNER,
            "envVars": [{"key": key, "value": value} for key, value in variables.items()],
            "serviceIds": [self.services[role].id for role in roles],
        }
        self.group = self._call("POST", "/env-groups", body)["id"]

    def deploy(self, role: str, **body: Any) -> Json:
        """Deploy a service until it is over, as somebody else does."""
        service = self.services[role]
        self._call("POST", f"/services/{service.id}/deploys", body)
        while service.deploys[-1]["status"] not in ("live", "build_failed", "update_failed", "pre_deploy_failed"):
            self._call("GET", f"/services/{service.id}/deploys/{service.deploys[-1]['id']}", None)
        return service.deploys[-1]

    def environment(self, role: str) -> dict[str, str]:
        """Return what a service runs with from its next deploy on."""
        return self.render.state.environment(self.services[role])

    def _call(self, method: str, path: str, body: Any) -> Any:
        status, answer = self.render.call(Request(method, path, {}, body))
        assert status < 300, answer
        return answer


Drive = Callable[..., Ran]


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
    repo = {"repo": "https://github.com/example/claude-memory", "branch": "main"}
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
