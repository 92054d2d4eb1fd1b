"""What the Render provider adds to a resource, for plans, which run without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SERVICES = ("WebService", "PrivateService", "BackgroundWorker", "CronJob")
_PREFIX = "render:index:"
_OTHER_PORT = 10_000  # what Render takes a service to listen on unless PORT says otherwise


def mock_outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outputs that the program reads."""
    kind = type_.removeprefix(_PREFIX)
    if kind in _SERVICES:
        return _service(kind, str(inputs["name"]))
    if kind == "Postgres":
        return {"internalConnectionString": database_url(str(inputs["name"])), "expiresAt": None}
    if kind == "Project":
        return {"environmentIds": {one: f"{one}-environment-id" for one in inputs["environments"]}}
    if kind == "EnvGroup":
        return {"revision": "revision"}
    if kind == "CustomDomain":
        return {"domainType": "apex" if str(inputs["name"]).count(".") == 1 else "subdomain"}
    return {}


def database_url(name: str) -> str:
    """Return what stands for the address of a database of this name."""
    return f"postgresql://user:password@{name}/database"


def _service(kind: str, name: str) -> dict[str, Any]:
    if kind == "WebService":
        return {"slug": name, "url": f"https://{name}.onrender.com"}
    return {"slug": name, "url": f"{name}:{_OTHER_PORT}"}
