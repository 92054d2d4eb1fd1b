"""Services and databases in a Blueprint's own spelling."""

from __future__ import annotations

from typing import Any

import pytest

from infra.plan import Declared, Plan
from infra.render.blueprint.services import database, service
from infra.render.blueprint.variables import Variables
from infra.render.mock_outputs import mock_outputs
from tests.support.render_plan import of_kind
from tests.support.stacks import render_plan

DIGEST = f"ghcr.io/example/app@sha256:{'0' * 64}"


def web(plan: Plan, *domains: str) -> dict[str, Any]:
    [resource] = of_kind(plan, "WebService").values()
    return service(resource, Variables(plan.resources, mock_outputs), domains, {"memory-registry-id": "the-registry"})


def test_a_service_of_the_repository_names_neither_repository_nor_branch() -> None:
    found = web(render_plan(app={"repo": "https://github.com/example/it", "autoDeploy": "never"}))

    assert (found["type"], found["name"], found["runtime"]) == ("web", "claude-memory-test-web", "docker")
    assert found["autoDeployTrigger"] == "off"
    assert found["buildFilter"] == {"paths": ["app/**", "requirements/app.txt"]}
    assert not {"repo", "branch"} & found.keys()


def test_an_image_is_named_with_its_credential() -> None:
    app = {"image": DIGEST, "registry": {"kind": "GITHUB", "username": "me"}}
    found = web(render_plan(app=app, secrets={"registryToken": "made-up-token-of-the-registry"}))

    assert found["image"] == {"url": DIGEST, "creds": {"fromRegistryCreds": {"name": "the-registry"}}}
    assert found["runtime"] == "image"


def test_scaling_addresses_domains_and_plans_are_spelled_as_a_blueprint_has_them() -> None:
    options = {"plan": "pro_plus", "scaling": {"max": 3}, "allowedAddresses": ["203.0.113.0/24"]}
    found = web(render_plan(web=options), "memory.example.org")

    assert found["plan"] == "pro plus"
    assert found["scaling"] == {
        "minInstances": 1,
        "maxInstances": 3,
        "targetCPUPercent": 70,
        "targetMemoryPercent": 80,
    }
    assert found["ipAllowList"] == [{"source": "203.0.113.0/24", "description": ""}]
    assert found["domains"] == ["memory.example.org"]


def test_a_fixed_number_of_instances_is_a_whole_number() -> None:
    found = web(render_plan(web={"scaling": {"min": 2, "max": 2}}))

    assert (found["numInstances"], type(found["numInstances"])) == (2, int)


def test_a_disk_has_its_size_as_a_whole_number() -> None:
    plan = render_plan(qdrant={"diskGb": 20})
    [resource] = of_kind(plan, "PrivateService").values()

    found = service(resource, Variables(plan.resources, mock_outputs), [], {})
    assert found["disk"] == {"name": "data", "mountPath": "/qdrant/storage", "sizeGB": 20}
    assert found["type"] == "pserv"


def postgres(**options: Any) -> Declared:
    [resource] = of_kind(render_plan(postgres=options), "Postgres").values()
    return resource


@pytest.mark.parametrize(
    ("plan", "spelled"), [("basic_256mb", "basic-256mb"), ("pro_4gb", "pro-4gb"), ("free", "free")]
)
def test_a_database_is_closed_to_the_outside(plan: str, spelled: str) -> None:
    assert database(postgres(plan=plan)) == {
        "name": "claude-memory-test-postgres",
        "plan": spelled,
        "region": "oregon",
        "postgresMajorVersion": "18",
        "databaseName": "claude_memory",
        "user": "claude_memory",
        "ipAllowList": [],
    }


def test_a_database_has_the_size_and_standby_that_the_stack_says() -> None:
    found = database(postgres(diskGb=20, highAvailability=True, allowedAddresses=["203.0.113.0/24"]))

    assert found["diskSizeGB"] == 20
    assert found["highAvailability"] == {"enabled": True}
    assert found["ipAllowList"] == [{"source": "203.0.113.0/24", "description": ""}]
