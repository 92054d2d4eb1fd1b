"""The provider asks little of the API, and nothing that it does not know."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.infra.render.provider.cases import CASES, DOCKER, IMAGE, REPO, Case, filled
from tests.standins.render.server import Server
from tests.support.pulumi_engine import Engine

ROOT = Path(__file__).parents[4]
RECORDINGS = Path(os.environ.get("RENDER_RECORDED", ROOT.parent / "shared" / "render" / "recordings"))


def counted(render: Server) -> list[str]:
    """Return the calls that are no polls: all but looks at a deploy or at a store that starts."""
    found, looked = [], False
    for one in render.requests:
        poll = one.method == "GET" and ("/deploys/" in one.path or one.path.count("/") == 2)
        if not poll:
            found.append(f"{one.method} {one.path}")
        looked = looked or poll
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)
def test_making_a_resource_takes_few_calls(case: Case, stack: Engine, render: Server) -> None:
    if case.needs:
        stack.up(dict(case.needs))
    render.requests.clear()
    program = {"it": (case.token, filled(case.least, stack))}
    stack.up(case.needs | program)

    # The name is looked for, the thing made; a store is asked for its password, a service with a new disk deployed.
    most = {"Postgres": 3, "KeyValue": 3, "Disk": 3}.get(case.type, 2)
    calls = [one for one in counted(render) if "env-groups/" not in one]
    assert len(calls) <= most, calls


def test_a_whole_stack_takes_two_calls_a_resource(stack: Engine, render: Server) -> None:
    """Every second service here has a group, which costs three calls more than a service without."""
    program: dict[str, tuple[str, dict[str, Any]]] = {
        "project": ("render:index:Project", {"name": "memory", "environments": {"production": {}}}),
        "shared": ("render:index:EnvGroup", {"name": "shared", "envVars": {"A": "1"}}),
        "database": ("render:index:Postgres", {"name": "db", "plan": "basic_256mb", "version": "17"}),
    }
    stack.up(program)
    linked = {"envGroupIds": [stack.resources["shared"].id]}
    program |= {
        "web": ("render:index:WebService", {"name": "web", **DOCKER, **linked}),
        "worker": ("render:index:BackgroundWorker", {"name": "worker", **DOCKER, **linked}),
    }
    for name in ("qdrant", "prometheus", "alertmanager", "receiver"):
        disk = {"name": name, "mountPath": "/data", "sizeGB": 1}
        program[name] = ("render:index:PrivateService", {"name": name, **IMAGE, "disk": disk})
    stack.up(program)
    program["domain"] = (
        "render:index:CustomDomain",
        {"serviceId": stack.resources["web"].id, "name": "memory.example.com"},
    )
    stack.up(program)

    calls = counted(render)
    assert len(calls) <= 2 * len(program), calls
    assert render.undocumented == []
    render.requests.clear()
    stack.up(program)
    assert render.requests == []


SENT = [
    ("WebService", {"name": "a", **IMAGE, "envVars": {"A": "1"}, "region": "oregon"}, "web_service"),
    ("PrivateService", {"name": "a", **DOCKER, "dockerContext": ".", "branch": "main"}, "private_service"),
    (
        "BackgroundWorker",
        {"name": "a", "runtime": "node", "repo": REPO, "buildCommand": "b", "startCommand": "s", "plan": "starter"},
        "background_worker",
    ),
    ("CronJob", {"name": "a", **IMAGE, "schedule": "0 0 * * *"}, "cron_job"),
    ("CronJob", {"name": "a", **DOCKER, "schedule": "0 0 * * *"}, "cron_job"),
]


@pytest.mark.skipif(not RECORDINGS.exists(), reason="needs the recorded exchanges, which are not part of the project")
@pytest.mark.parametrize(("type_", "properties", "kind"), SENT)
def test_a_request_has_no_field_that_no_recorded_one_of_its_kind_has(
    type_: str, properties: dict[str, Any], kind: str, stack: Engine, render: Server
) -> None:
    stack.up({"it": (f"render:index:{type_}", properties)})
    [sent] = [one.body for one in render.requests if (one.method, one.path) == ("POST", "/services")]

    known: set[str] = set()
    for file in sorted(RECORDINGS.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if one["method"] == "POST" and one["path"] == "/services" and one["request"]["type"] == kind:
                known |= set(paths(one["request"]))
    assert set(paths(sent)) - known <= {".envVars[].key", ".envVars[].value"}


def paths(body: Any, path: str = "") -> list[str]:
    """Return where a body has values."""
    if isinstance(body, dict):
        return [one for name, inner in body.items() for one in paths(inner, f"{path}.{name}")]
    if isinstance(body, list):
        return [one for inner in body for one in paths(inner, f"{path}[]")]
    return [path]
