"""Rules about Render: what the broken copies do not show."""

from __future__ import annotations

from dataclasses import replace

from policies.catalogue import violations
from policies.rule import Resource
from tests.policies.cases import example, resource


def rules(*resources: Resource) -> set[str]:
    return {found.rule for found in violations(list(resources))}


def test_a_stack_for_development_may_be_free_and_deploy_by_itself() -> None:
    web = resource("render-dev", "WebService", "memory-web")

    assert (web.props["plan"], web.props["autoDeployTrigger"]) == ("free", "commit")
    assert {"render-no-free-plan", "render-no-auto-deploy"} <= rules(replace(web, stack="render"))
    assert not rules(*example("render-dev"))


def test_a_disk_with_several_fixed_instances_is_refused_as_well() -> None:
    qdrant = resource("render", "PrivateService", "memory-qdrant")

    assert "render-no-disk-with-scaling" in rules(replace(qdrant, props={**qdrant.props, "numInstances": 2.0}))
    assert "render-no-disk-with-scaling" not in rules(replace(qdrant, props={**qdrant.props, "numInstances": 1.0}))
