"""The stack's configuration: everything wrong is reported at once, before anything is touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from infra.aliyun.program import check as check_aliyun
from infra.config import StackValues, checked
from infra.errors import ConfigError
from infra.render.program import check as check_render
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.managed import MANAGED
from infra.selfhost.program import check
from tests.support.stacks import SECRETS, aliyun_values, render_values, selfhost_values


def problems(**others: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        checked(selfhost_values(**others), SelfhostConfig, MANAGED, container_settings)
    return caught.value.problems


def test_a_stack_with_nothing_but_the_required_keys_is_accepted() -> None:
    stack = checked(selfhost_values(), SelfhostConfig, MANAGED, container_settings)

    assert stack.options.replicas == 2
    assert stack.options.ports.metrics == 8080


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"nonsense": "3"}, "nonsense: there is no such key", id="unknown key"),
        pytest.param({"replcas": "3"}, "did you mean replicas?", id="mistyped key"),
        pytest.param({"ports": {"htp": 80}}, "ports.htp: there is no such key", id="unknown key inside"),
        pytest.param({"replicas": "many"}, "replicas: got 'many', takes a whole number", id="wrong type"),
        pytest.param({"replicas": "0"}, "replicas: got '0', takes a number from 1 up", id="out of range"),
        pytest.param({"images": None}, "images: is missing; use `pulumi config set images`", id="missing"),
        pytest.param({"postgresPassword": None}, "`pulumi config set --secret postgresPassword`", id="missing secret"),
        pytest.param({"images": {"app": "latest"}}, "images", id="image without a tag"),
        pytest.param(
            {"secrets": {"adminToken": "short"}}, "adminToken: got ***, takes cm_ and 43 letters", id="weak secret"
        ),
        pytest.param({"qdrant": {"nodes": 2}}, "no majority", id="two Qdrant nodes"),
        pytest.param({"grafana": True}, "needs grafanaPassword", id="Grafana without a password"),
        pytest.param({"hosts": {"app": {"docker": "ssh://me@10.0.0.2"}}}, "address", id="hosts without addresses"),
        pytest.param(
            {"hosts": {"data": {"memoryMb": 4_096}, "edge": {"memoryMb": 8_192}}},
            "differ in memoryMb",
            id="one host twice",
        ),
        pytest.param({"hosts": {"app": {"docker": "10.0.0.2"}}}, "takes unix:///PATH", id="no engine address"),
        pytest.param({"LOG_LEVL": "INFO"}, "did you mean LOG_LEVEL?", id="unknown setting"),
        pytest.param({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: got 'LOUD'", id="a value the app would refuse"),
        pytest.param({"HOST": "0.0.0.0"}, "HOST: is set by the program", id="a setting of the program's"),
        pytest.param({"MEMU_API_KEY": "clear"}, "is a secret in clear text", id="a secret setting in clear text"),
        pytest.param(
            {"secrets": {"LOG_FORMAT": "json"}}, "LOG_FORMAT: is not a secret setting", id="a plain setting as a secret"
        ),
        pytest.param({"AUTH": "auto"}, "can be reached from outside", id="replicas open to all"),
        pytest.param(
            {"domain": "memory.example.org", "AUTH": "off"}, "AUTH=off lets them in", id="sign-in without tokens"
        ),
        pytest.param({"MEMORY_BACKEND": "memu"}, "MEMORY_BACKEND: got 'memu', but memU needs a key", id="memU, no key"),
        pytest.param({"EMBEDDING_MODEL": "text-embedding-v4"}, "DashScope needs a key", id="a model without a key"),
        pytest.param(
            {"OPENID_ISSUER": "https://a.example"}, "OPENID_ISSUER also needs PUBLIC_URL", id="half a provider"
        ),
        pytest.param({"QDRANT_WRITE_CONSISTENCY_FACTOR": "2"}, "only QDRANT_REPLICATION_FACTOR=1", id="too few copies"),
        pytest.param(
            {"secrets": {"BACKUP_S3_ACCESS_KEY_ID": "made-up"}},
            "BACKUP_S3_SECRET_ACCESS_KEY is not set",
            id="half a key, which the worker needs",
        ),
        pytest.param(
            {"ALERTS_SMTP_HOST": "mail"}, "e-mail also needs ALERTS_EMAIL_TO", id="half a mail, of the receiver"
        ),
        pytest.param(
            {"domain": "memory.example.org/x"},
            "domain: got 'memory.example.org/x', takes a host name",
            id="a domain with a path",
        ),
    ],
)
def test_a_wrong_key_is_reported_with_the_remedy(given: dict[str, Any], expected: str) -> None:
    found = problems(**given)

    assert any(expected in problem for problem in found), found


@pytest.mark.parametrize("key", list(SECRETS))
def test_a_secret_in_clear_text_is_refused_and_not_repeated(key: str) -> None:
    found = problems(**{key: "my clear password"})

    assert any(f"--secret {key}" in problem for problem in found)
    assert not any("my clear password" in problem for problem in found)


def test_all_problems_are_in_one_message() -> None:
    found = problems(nonsense="1", replicas="x", LOG_LEVEL="LOUD", postgresPassword=None)

    assert len(found) == 4


def refused(values: StackValues, check: Callable[[StackValues], object]) -> dict[str, str]:
    """Return the problems of a stack, by what each names first."""
    with pytest.raises(ConfigError) as caught:
        check(values)
    found = {problem.partition(":")[0]: problem for problem in caught.value.problems}
    assert len(found) == len(caught.value.problems)
    assert not any("tand-in" in problem for problem in found.values())
    return found


def test_a_missing_secret_hides_no_problem_of_rules() -> None:
    values = render_values(
        adminToken=None,
        qdrantApiKey=None,
        alertsToken=None,
        qdrant={},
        monitoring={},
        cron={"plan": "a b"},
        BACKUP_TO="s3://bucket",
    )

    assert set(refused(values, check_render)) == {
        *("adminToken", "qdrantApiKey", "alertsToken", "cron.plan"),
        *("BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"),
    }


def test_wrong_values_inside_a_key_hide_no_problem_of_rules() -> None:
    values = aliyun_values(
        adminToken=None,
        accountId="x",
        DATABASE_URL=None,
        postgres={},
        network={"zone": "cn-hangzhou-h"},
        function={"concurrency": 300, "internetAccess": "perhaps"},
        MCP_SERVER_NAME="Gedächtnis",
    )
    found = refused(values, check_aliyun)

    assert set(found) == {
        *("adminToken", "accountId", "databasePassword", "MCP_SERVER_NAME"),
        *("function.concurrency", "function.internetAccess"),
    }
    assert found["function.concurrency"] == "function.concurrency: got 300, takes a number up to 200"
    assert found["function.internetAccess"] == "function.internetAccess: got 'perhaps', takes true or false"


def test_a_broken_rule_between_keys_hides_no_problem_of_other_rules() -> None:
    values = selfhost_values(adminToken=None, grafana=True, QDRANT_SHARD_KEYS="2")

    assert set(refused(values, check)) == {"adminToken", "grafana", "QDRANT_SHARD_KEYS"}


def test_a_stand_in_causes_no_problem() -> None:
    provider: dict[str, Any] = {
        "OPENID_ISSUER": "https://a.example",
        "OPENID_CLIENT_ID": "a",
        "OPENID_ALLOWED_USERS": "a",
    }

    assert set(refused(render_values(domains=["A"], **provider), check_render)) == {"domains.0"}
    assert set(refused(aliyun_values(function={"timeoutS": 0}, STREAM_SECONDS="700"), check_aliyun)) == {
        "function.timeoutS"
    }


def test_a_missing_key_inside_an_object_is_set_by_its_path() -> None:
    found = refused(aliyun_values(domain={"name": "a.example"}, provisioned={"schedule": [{}]}), check_aliyun)

    assert found["domain.certificate"].endswith("use `pulumi config set --path domain.certificate`")
    assert found["provisioned.schedule.0.at"].endswith("`pulumi config set --path 'provisioned.schedule[0].at'`")


def test_a_rule_of_an_object_shows_no_whole_object() -> None:
    found = refused(aliyun_values(function={"cpu": 0.25}, release={"canary": 10}), check_aliyun)

    assert found["function.cpu"].startswith("function.cpu: got 0.25 with memoryMb 2048")
    assert found["release"].startswith("release: takes canary only with serving")


def test_settings_that_do_not_go_together_are_told_once_beside_wrong_values() -> None:
    found = problems(MEMORY_BACKEND="memu", LOG_LEVEL="LOUD")

    assert len(found) == 2, "init, replicas and worker would all refuse"


@pytest.mark.parametrize(
    "given",
    [
        {"AUTH": "off"},
        {"domain": "memory.example.org"},
        {"qdrant": {"nodes": 3}, "QDRANT_SHARD_KEYS": "2"},
        {"EMBEDDING_MODEL": "text-embedding-v4", "secrets": {"DASHSCOPE_API_KEY": "made-up"}},
        {"MEMORY_BACKEND": "memu", "MEMU_API_VERSION": "v4", "secrets": {"MEMU_API_KEY": "made-up"}},
        {"MEMORY_BACKEND": "both", "secrets": {"MEMU_API_KEY": "made-up"}},
    ],
)
def test_settings_that_go_together_are_taken(given: dict[str, Any]) -> None:
    check(selfhost_values(**given))


def test_shard_keys_take_a_cluster() -> None:
    with pytest.raises(ConfigError, match="QDRANT_SHARD_KEYS: needs a cluster"):
        check(selfhost_values(QDRANT_SHARD_KEYS="2"))


def test_settings_are_split_into_environment_and_secrets() -> None:
    stack = checked(
        selfhost_values(secrets={"MEMU_API_KEY": "made-up"}, LOG_LEVEL="DEBUG"),
        SelfhostConfig,
        MANAGED,
        container_settings,
    )

    assert dict(stack.environment) == {"LOG_LEVEL": "DEBUG"}
    assert list(stack.secrets) == ["MEMU_API_KEY"]
