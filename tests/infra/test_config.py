"""The stack's configuration: everything wrong is told at once, before anything is touched."""

from __future__ import annotations

import pytest

from infra.config import checked
from infra.errors import ConfigError
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.managed import MANAGED
from tests.support.stacks import SECRETS, selfhost_values


def problems(**others):
    with pytest.raises(ConfigError) as caught:
        checked(selfhost_values(**others), SelfhostConfig, MANAGED)
    return caught.value.problems


def test_a_stack_with_nothing_but_the_needed_is_taken():
    stack = checked(selfhost_values(), SelfhostConfig, MANAGED)

    assert stack.options.replicas == 2
    assert stack.options.ports.metrics == 8080


@pytest.mark.parametrize(
    ("given", "said"),
    [
        pytest.param({"nonsense": "3"}, "nonsense: there is no such key", id="unknown key"),
        pytest.param({"replcas": "3"}, "did you mean replicas?", id="mistyped key"),
        pytest.param({"ports": {"htp": 80}}, "ports.htp: there is no such key", id="unknown key inside"),
        pytest.param({"replicas": "many"}, "replicas: got 'many', input should be a valid integer", id="wrong type"),
        pytest.param({"replicas": "0"}, "replicas: got '0', input should be greater than", id="out of range"),
        pytest.param({"images": None}, "images: is missing; `pulumi config set images`", id="missing"),
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
        pytest.param({"MEMU_API_KEY": "clear"}, "stands in clear text", id="a secret setting in clear text"),
        pytest.param({"secrets": {"LOG_FORMAT": "json"}}, "LOG_FORMAT: is no secret", id="a plain setting as a secret"),
    ],
)
def test_a_wrong_key_is_told_with_the_remedy(given, said):
    found = problems(**given)

    assert any(said in problem for problem in found), found


@pytest.mark.parametrize("key", list(SECRETS))
def test_a_secret_in_clear_text_is_refused_and_not_repeated(key):
    found = problems(**{key: "my clear password"})

    assert any(f"--secret {key}" in problem for problem in found)
    assert not any("my clear password" in problem for problem in found)


def test_all_problems_come_in_one_message():
    found = problems(nonsense="1", replicas="x", LOG_LEVEL="LOUD", postgresPassword=None)

    assert len(found) == 4


def test_every_setting_the_program_manages_exists_in_the_app():
    from app.settings.fields import Settings

    assert set(MANAGED) <= {name.upper() for name in Settings.model_fields}


def test_settings_are_split_into_environment_and_secrets():
    stack = checked(selfhost_values(secrets={"MEMU_API_KEY": "made-up"}, LOG_LEVEL="DEBUG"), SelfhostConfig, MANAGED)

    assert dict(stack.environment) == {"LOG_LEVEL": "DEBUG"}
    assert list(stack.secrets) == ["MEMU_API_KEY"]


def test_what_one_role_says_of_a_host_holds_for_all_roles_on_it():
    two, one = "ssh://me@10.0.0.3", {"docker": "ssh://me@10.0.0.2"}
    hosts = {
        "data": one,
        "app": {**one, "address": "10.0.0.2", "memoryMb": 8_192},
        "monitoring": {"docker": two, "address": "10.0.0.3"},
        "edge": {"docker": two},
    }
    engines = checked(selfhost_values(hosts=hosts), SelfhostConfig, MANAGED).options.hosts.by_engine()

    host, roles = engines["ssh://me@10.0.0.2"]
    assert (host.address, host.memory_mb, roles) == ("10.0.0.2", 8_192, ("data", "app"))
    assert engines[two][1] == ("monitoring", "edge")
