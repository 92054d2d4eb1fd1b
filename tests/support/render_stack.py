"""A stack on the stand-in of Render, and what a command of the driver printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.standins.render.server import Server
from tests.standins.render.state import OWNER, Json, Request, Service

# Put together here, so that no scanner takes them for real ones.
KEY = "rnd_" + "4f1c9a7709be"
TOKEN = "cm_" + "A1b2C3d4E5" * 4 + "xyz"
DATABASE = "postgresql://memory:" + "pw-81f05c2d" + "@dpg-1/memory"
EMBEDDING = "sk-" + "9d27ac51e0"
QDRANT = "qd-" + "770ba1c4e9d2f0"
NEW_TOKEN = "cm_" + "Z9y8X7w6V5" * 4 + "abc"
NEW_DATABASE = "postgresql://memory:" + "pw-aa4410" + "@dpg-1/memory"
NEW_EMBEDDING = "sk-" + "c41be09a77"
SECRETS = (KEY, TOKEN, DATABASE, "pw-81f05c2d", EMBEDDING, QDRANT, NEW_TOKEN, NEW_DATABASE, "pw-aa4410", NEW_EMBEDDING)
COMMIT = "59bb07278c918ac8798e2532b4251f7c34e365f5"  # what the stand-in's services run

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
    """A stack on the stand-in, without what its services run. services: by role."""

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


def findings(drive: Drive, *arguments: str, status: int | None = None, **variables: str) -> dict[str, Any]:
    """Return what the doctor finds, by what it is about; several of one are joined."""
    ran = drive("doctor", "--json", *arguments, **variables)
    assert ran.err == "", ran.err
    if status is not None:
        assert ran.status == status, ran.out
    found: dict[str, Any] = {}
    for one in ran.json["findings"]:
        before = found.get(one["what"])
        found[one["what"]] = one if before is None else {key: f"{before[key]} | {one[key]}" for key in one}
    return found


def left(folder: Path) -> list[Path]:
    """Return what rotations under way left on disk."""
    return list((folder / "state").rglob("*.json"))
