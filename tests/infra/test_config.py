"""The stack's configuration: everything wrong is reported at once, before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest

from infra.config import checked
from infra.errors import ConfigError
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.managed import MANAGED
from infra.selfhost.program import check
from tests.support.stacks import SECRETS, selfhost_values


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
        pytest.param({"replicas": "many"}, "replicas: got 'many', input should be a valid integer", id="wrong type"),
        pytest.param({"replicas": "0"}, "replicas: got '0', input should be greater than", id="out of range"),
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
        pytest.param({"MEMORY_BACKEND": "memu"}, "MEMORY_BACKEND: got 'memu'", id="a backend that is not there"),
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
        pytest.param({"domain": "memory.example.org/x"}, "PUBLIC_URL: got", id="a domain that makes no address"),
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
