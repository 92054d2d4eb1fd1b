"""Programs with one service, and what is asked of them."""

from __future__ import annotations

from typing import Any

from tests.infra.render.provider.cases import DOCKER, IMAGE, REPO
from tests.standins.render.server import Server
from tests.standins.render.state import Service
from tests.support.pulumi_engine import CheckFailed, Engine

Program = dict[str, tuple[str, dict[str, Any]]]


WEB = "render:index:WebService"


def web(**more: Any) -> Program:
    """Return a program with one web service."""
    return {"web": (WEB, {"name": "web", **DOCKER, **more})}


def only(render: Server) -> Service:
    """Return the one service there is."""
    [service] = render.state.services.values()
    return service


def calls(render: Server) -> list[str]:
    """Return the calls that change something, without the service's id."""
    return [f"{one.method} {one.path.replace(only(render).id, 'ID')}" for one in render.changes()]


NATIVE = {
    "runtime": "python",
    "repo": REPO,
    "buildCommand": "pip install .",
    "startCommand": "python -m app",
    "plan": "starter",
}


def problems(stack: Engine, type_: str, properties: dict[str, Any]) -> list[str]:
    """Return the sentences about a resource."""
    try:
        stack.preview({"it": (f"render:index:{type_}", properties)})
    except CheckFailed as failure:
        return [sentence for _, sentence in failure.problems]
    return []


def image_web() -> Program:
    """Return a program with one web service that runs an image."""
    return {"web": (WEB, {"name": "web", **IMAGE})}


def counts(render: Server) -> dict[str, int]:
    """Return how many of each kind there are, variables and secret files among them."""
    state = render.state
    places = ("services", "stores", "groups", "projects", "environments", "disks", "credentials", "webhooks")
    found = {name: len(getattr(state, name)) for name in places}
    services, groups = state.services.values(), state.groups.values()
    return found | {
        "domains": sum(len(one.domains) for one in services),
        "variables": sum(len(one.variables) for one in services) + sum(len(one["envVars"]) for one in groups),
        "files": sum(len(one.files) for one in services) + sum(len(one["secretFiles"]) for one in groups),
    }
