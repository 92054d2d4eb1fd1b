"""Rules about Render: what the broken copies do not show."""

from __future__ import annotations

from dataclasses import replace

from policies.catalogue import violations
from policies.render_rules import KEY_VALUE
from policies.rule import Resource
from policies.unknown import UNKNOWN
from tests.policies.cases import example, resource


def rules(*resources: Resource) -> set[str]:
    return {found.rule for found in violations(list(resources))}


def test_a_stack_for_development_may_be_free_and_deploy_by_itself() -> None:
    web = resource("render-dev", "WebService", "memory-web")

    assert (web.props["plan"], web.props["autoDeployTrigger"]) == ("free", "commit")
    assert {"render-no-free-plan", "render-no-auto-deploy"} <= rules(replace(web, stack="render"))
    assert not rules(*example("render-dev"))


def test_a_service_that_says_nothing_is_deployed_by_every_commit_unless_it_is_an_image() -> None:
    web, qdrant = resource("render", "WebService", "memory-web"), resource("render", "PrivateService", "memory-qdrant")
    silent = {name: value for name, value in web.props.items() if name != "autoDeployTrigger"}

    assert "render-no-auto-deploy" in rules(replace(web, props=silent))
    assert "render-no-auto-deploy" not in rules(replace(web, props={**silent, "runtime": UNKNOWN}))
    assert "autoDeployTrigger" not in qdrant.props
    assert "render-no-auto-deploy" not in rules(qdrant)


def test_a_setting_with_the_word_of_a_secret_in_its_name_may_be_in_clear() -> None:
    web = resource("render", "WebService", "memory-web")

    def with_variable(name: str) -> set[str]:
        return rules(replace(web, props={**web.props, "envVars": {name: "15"}}))

    for name in ("OAUTH_ACCESS_TOKEN_MINUTES", "OAUTH_REFRESH_TOKEN_DAYS", "REPLY_TOKEN_BUDGET"):
        assert "render-secrets-write-only" not in with_variable(name)
    for name in ("ADMIN_TOKEN", "MEMU_API_KEY", "ITS_TOKEN_BUDGET"):
        assert "render-secrets-write-only" in with_variable(name)


def test_a_key_value_is_in_the_region_of_the_database_and_of_the_services() -> None:
    postgres, web = resource("render", "Postgres", "memory-postgres"), resource("render", "WebService", "memory-web")
    key_value = Resource(type=KEY_VALUE, name="memory-cache", stack="render", props={"region": "frankfurt"})

    assert "render-one-region" in rules(postgres, key_value)
    assert "render-one-region" in rules(web, key_value), "also without a database"
    assert "render-one-region" not in rules(postgres, replace(key_value, props={"region": postgres.props["region"]}))
    assert "render-one-region" not in rules(postgres, replace(key_value, props={"region": UNKNOWN}))
    assert "render-one-region" not in rules(web, replace(key_value, props={"region": UNKNOWN}))


def test_a_disk_with_several_fixed_instances_is_refused_as_well() -> None:
    qdrant = resource("render", "PrivateService", "memory-qdrant")

    assert "render-no-disk-with-scaling" in rules(replace(qdrant, props={**qdrant.props, "numInstances": 2.0}))
    assert "render-no-disk-with-scaling" not in rules(replace(qdrant, props={**qdrant.props, "numInstances": 1.0}))
