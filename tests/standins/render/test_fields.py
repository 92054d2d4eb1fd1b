"""The lists of documented fields hold what Render's description of its API holds, no more and no less."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from tests.standins.render import fields
from tests.standins.render.state import Request, Service, State
from tests.support.serving import ROOT

DESCRIPTION = Path(os.environ.get("RENDER_OPENAPI", ROOT.parent / "shared" / "render" / "openapi.json"))

pytestmark = pytest.mark.skipif(not DESCRIPTION.exists(), reason=f"Render's description is not there: {DESCRIPTION}")

# Not described, but answered as sent: recorded calls and Render's own client show them.
MORE = {"autoDeployTrigger", "persistenceMode", "previewNotificationsEnabled"}
# Described and no part of what this project sends: an empty credential in a new cron job, as Render's schema has it.
LESS = {
    "serviceDetails.envSpecificDetails.registryCredential",
    "serviceDetails.envSpecificDetails.preDeployCommand",
    "parameterOverrides",
}
KINDS = ["static_site", "web_service", "private_service", "background_worker", "cron_job"]


def resolved(description: Any, schema: Any) -> Any:
    while "$ref" in schema:
        found = description
        for part in schema["$ref"].split("/")[1:]:
            part = unquote(part).replace("~1", "/").replace("~0", "~")
            found = found[int(part)] if isinstance(found, list) else found[part]
        schema = found
    return schema


def paths(description: Any, schema: Any, prefix: str = "") -> Iterator[str]:
    """Yield every field of a schema as a.b.c."""
    schema = resolved(description, schema)
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        yield from paths(description, part, prefix)
    if "items" in schema:
        yield from paths(description, schema["items"], prefix)
    for name, inner in schema.get("properties", {}).items():
        path = f"{prefix}.{name}" if prefix else name
        yield path
        yield from paths(description, inner, path)


def body_of(path: str) -> Any:
    """Return a body that holds this field alone."""
    name, _, rest = path.partition(".")
    return {name: body_of(rest) if rest else None}


def bodies() -> Iterator[tuple[str, str, Any, Any]]:
    """Yield (method, path, schema of the body, description)."""
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            body = resolved(description, operation.get("requestBody", {})) if isinstance(operation, dict) else {}
            schema = body.get("content", {}).get("application/json", {}).get("schema")
            if schema:
                yield method.upper(), re.sub(r"\{\w+\}", "x-1", path), schema, description


def shape_of(method: str, path: str, body: Any, state: State | None = None) -> Any:
    return fields.shape(state or State(), Request(method, path, {}, body))


def ours(shape: Any, prefix: str = "") -> Iterator[str]:
    shape = shape[0] if isinstance(shape, list) else shape
    for name, inner in (shape or {}).items():
        path = f"{prefix}.{name}" if prefix else name
        yield path
        yield from ours(inner, path)


def without(found: set[str], names: set[str]) -> set[str]:
    return {path for path in found if not any(re.search(rf"(^|\.){re.escape(name)}(\.|$)", path) for name in names)}


def test_bodies_other_than_of_services_agree() -> None:
    compared = 0
    for method, path, schema, description in bodies():
        shape = shape_of(method, path, {})
        if shape and path not in ("/services", "/services/x-1"):
            described = set(paths(description, schema))
            assert without(set(ours(shape)), MORE | LESS) == without(described, MORE | LESS), (method, path)
            compared += 1
    assert compared > 25


@pytest.mark.parametrize("place", range(len(KINDS)), ids=KINDS)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_bodies_of_services_agree_by_their_type(method: str, place: int) -> None:
    path = "/services" if method == "POST" else "/services/x-1"
    schema, description = next(one[2:] for one in bodies() if one[:2] == (method, path))
    schema = resolved(description, schema)
    details = resolved(description, schema["properties"]["serviceDetails"])["oneOf"][place]
    described = set(paths(description, details, "serviceDetails"))

    found: set[str] = set()
    for runtime in ("docker", "python"):
        state = State()
        state.services["x-1"] = Service({"type": KINDS[place], "serviceDetails": {"runtime": runtime}})
        body = {"type": KINDS[place], "serviceDetails": {"runtime": runtime}}
        found |= {one for one in ours(shape_of(method, path, body, state)) if one.startswith("serviceDetails.")}

    assert without(found, MORE | LESS) == without(described, MORE | LESS)
