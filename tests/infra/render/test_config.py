"""The keys of a Render stack: defaults, what is refused, and all problems in one message."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from infra.config import checked
from infra.errors import ConfigError
from infra.render.config import FREE, RenderConfig
from infra.render.containers import container_settings
from infra.render.managed import MANAGED
from tests.support.render_plan import REPOSITORY
from tests.support.stacks import RENDER_SECRETS, render_values

DIGEST = f"ghcr.io/example/app@sha256:{'0' * 64}"


def config(**others: Any) -> RenderConfig:
    return RenderConfig.model_validate({"app": {"repo": REPOSITORY}, **RENDER_SECRETS, **others})


def refusal(**others: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        config(**others)
    return "\n".join(str(error["msg"]) for error in refused.value.errors())


def told(secrets: dict[str, str] | None = None, **others: Any) -> tuple[str, ...]:
    """Return the problems of a stack with these keys; a secret that is None is not set."""
    with pytest.raises(ConfigError) as refused:
        checked(render_values(secrets, **others), RenderConfig, MANAGED, container_settings)
    return refused.value.problems


def test_the_least_stack_is_a_web_service_and_a_database_that_cost_little() -> None:
    least = config()

    assert (least.web.plan, least.postgres.plan) == ("starter", "basic_256mb")
    assert (least.web.scaling.min, least.web.scaling.max) == (1, 1)
    assert (least.worker, least.cron, least.qdrant, least.monitoring, least.domains) == (None, None, None, None, ())


def test_nothing_is_deployed_and_nothing_previewed_unless_the_stack_says_so() -> None:
    assert config().app.auto_deploy == "never"
    assert config().preview_generation == "off"
    assert config(previews="manual").preview_generation == "manual"


def test_a_number_is_taken_where_a_text_is_meant() -> None:
    remote = {"remoteWrite": {"url": "https://example.com/write", "username": 12345}}
    found = config(postgres={"version": 17}, monitoring=remote, remoteWritePassword="made-up")

    assert found.postgres.version == "17"
    assert found.monitoring is not None
    assert found.monitoring.remote_write is not None
    assert found.monitoring.remote_write.username == "12345"


def test_data_is_kept_and_the_database_closed_unless_the_stack_says_otherwise() -> None:
    assert config().keep_data
    assert config().postgres.allowed_addresses == ()


def test_the_first_domain_is_the_public_address() -> None:
    assert config().public_url is None
    assert config(domains=["memory.example.org", "example.org"]).public_url == "https://memory.example.org"


@pytest.mark.parametrize(
    ("keys", "rule"),
    [
        pytest.param({"app": {}}, "takes either repo or image", id="no source"),
        pytest.param({"app": {"repo": REPOSITORY, "image": DIGEST}}, "takes either repo or image", id="two sources"),
        pytest.param({"app": {"image": "ghcr.io/example/app"}}, "takes NAME:TAG", id="an image that can change"),
        pytest.param({"app": {"repo": "git@github.com:me/it"}}, "takes https://HOST/OWNER/NAME", id="an ssh address"),
        pytest.param(
            {"app": {"repo": REPOSITORY, "registry": {"kind": "GITHUB", "username": "me"}}},
            "takes registry only with image",
            id="a registry without an image",
        ),
        pytest.param(
            {"web": {"scaling": {"min": 3, "max": 2}}}, "a min that is not over max; here it is 3 over 2", id="min"
        ),
        pytest.param(
            {"web": {"scaling": {"max": 2, "cpuPercent": None, "memoryPercent": None}}},
            "takes cpuPercent, memoryPercent, or both",
            id="no measure",
        ),
        pytest.param({"web": {"scaling": {"max": 2, "cpuPercent": 91}}}, "less than or equal to 90", id="percent"),
        pytest.param({"web": {"plan": "pro plus"}}, "such as starter, pro_plus", id="a Blueprint's spelling"),
        pytest.param({"postgres": {"diskGb": 7}}, "takes 1 or a multiple of 5 as diskGb", id="disk"),
        pytest.param({"postgres": {"plan": FREE, "diskGb": 5}}, "with the free plan", id="free disk"),
        pytest.param({"postgres": {"plan": FREE, "highAvailability": True}}, "with the free plan", id="free standby"),
        pytest.param({"project": {"name": "a", "id": "prj-1"}}, "takes either name or id", id="two projects"),
        pytest.param({"project": {"id": "claude-memory"}}, "should match pattern", id="a name as id"),
        pytest.param({"domains": ["https://memory.example.org"]}, "takes names in small letters", id="domain"),
    ],
)
def test_a_key_that_is_wrong_is_refused_with_the_rule(keys: dict[str, Any], rule: str) -> None:
    assert rule in refusal(**keys)


@pytest.mark.parametrize("key", ["worker", "cron", "qdrant", "monitoring"])
def test_only_a_web_service_and_a_database_can_be_free(key: str) -> None:
    assert told(**{key: {"plan": FREE}}) == (f"{key}.plan: there is no free plan; use starter, or leave {key} out",)
    assert config(web={"plan": FREE}, postgres={"plan": FREE}).web_is_free


def test_a_free_web_service_runs_one_instance_that_prometheus_does_not_reach() -> None:
    assert told(web={"plan": FREE, "scaling": {"max": 3}}, monitoring={}) == (
        "monitoring: Prometheus cannot reach a free web service; use a paid plan, or leave monitoring out",
        "web.scaling.max: got 3, a free web service runs one instance",
    )


@pytest.mark.parametrize(
    ("keys", "secret"),
    [
        pytest.param({"qdrant": {}}, "qdrantApiKey", id="qdrant"),
        pytest.param({"monitoring": {}}, "alertsToken", id="monitoring"),
        pytest.param(
            {"monitoring": {"remoteWrite": {"url": "https://example.com/write"}}}, "remoteWritePassword", id="remote"
        ),
        pytest.param(
            {"app": {"image": DIGEST, "registry": {"kind": "GITHUB", "username": "me"}}}, "registryToken", id="registry"
        ),
    ],
)
def test_what_a_part_needs_beside_it_is_asked_for(keys: dict[str, Any], secret: str) -> None:
    without = dict.fromkeys(("qdrantApiKey", "alertsToken"))

    assert told(**without, **keys) == (f"{secret}: is missing; use `pulumi config set --secret {secret}`",)


def test_every_problem_is_in_one_message() -> None:
    problems = told(
        adminToken=None,
        nonsense="1",
        web={"plan": "pro plus"},
        LOG_LEVEL="LOUD",
        HOST="0.0.0.0",
        AUTH="off",
    )

    assert [problem.partition(":")[0] for problem in problems] == [
        "AUTH",
        "HOST",
        "LOG_LEVEL",
        "adminToken",
        "nonsense",
        "web.plan",
    ]


def test_a_secret_in_clear_text_is_refused() -> None:
    assert told(adminToken=RENDER_SECRETS["adminToken"]) == (
        "adminToken: is a secret in clear text; use `pulumi config set --secret adminToken`",
    )
