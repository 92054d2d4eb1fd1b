"""The keys of a stack: defaults as the issue of a function asks for them, and each wrong value in one sentence."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.aliyun.config import AliyunConfig
from infra.aliyun.containers import container_settings
from infra.aliyun.managed import MANAGED
from infra.aliyun.rules import problems
from infra.config import checked
from infra.errors import ConfigError
from tests.support.stacks import SECRETS, aliyun_values


def options(secrets: dict[str, str] | None = None, **others: Any) -> AliyunConfig:
    return checked(aliyun_values(secrets, **others), AliyunConfig, MANAGED, container_settings, problems).options


def refused(secrets: dict[str, str] | None = None, **others: Any) -> str:
    """Return the problems of a configuration, one to a line."""
    with pytest.raises(ConfigError) as error:
        options(secrets, **others)
    return "\n".join(error.value.problems)


def test_the_least_configuration_gets_the_defaults_of_a_function() -> None:
    function = options().function

    assert (function.runtime, function.port, function.timeout_s) == ("custom.debian12", 8000, 600)
    assert (function.memory_mb, function.cpu, function.disk_mb) == (2048, 1, 512)
    assert (function.concurrency, function.sessions) == (200, 20)
    assert function.command == ("python", "mcp_server.py")


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        ({"runtime": "python3.12"}, "function.runtime: got .*, takes one of custom, .*custom.debian12"),
        ({"concurrency": 201}, "^function.concurrency: got 201, takes a number up to 200$"),
        ({"sessions": 30, "concurrency": 20}, "function.sessions: got 30, takes at most function.concurrency, 20"),
        ({"memoryMb": 2000}, "function.memoryMb: got .*, takes a multiple of 64"),
        ({"cpu": 0.07}, "function.cpu: got .*, takes a multiple of 0.05"),
        ({"cpu": 0.25}, "function.cpu: got 0.25 with memoryMb 2048, Function Compute takes 1 to 4 GB for each CPU"),
        ({"diskMb": 1024}, "function.diskMb: got .*, takes 512 or 10240"),
        ({"timeoutS": 0}, "function.timeoutS"),
        ({"layers": ["Python312"]}, "function.layers.0: got .*, takes acs:fc:"),
        ({"python": "3.11"}, "Python312/versions/1 brings Python 3.12, and function.python is 3.11"),
        ({"healthCheck": {"timeoutS": 4}}, "function.healthCheck.timeoutS"),
        ({"memory": 2048}, "function.memory: there is no such key"),
    ],
)
def test_a_wrong_function_is_refused(function: dict[str, Any], sentence: str) -> None:
    assert re.search(sentence, refused(function=function))


def test_a_layer_of_another_region_is_refused() -> None:
    layer = "acs:fc:cn-beijing:official:layers/Python312/versions/1"

    assert f"{layer} is in cn-beijing, and the stack in cn-hangzhou" in refused(function={"layers": [layer]})
    assert options(function={"layers": [layer]}, region="cn-beijing").function.layers == (layer,)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"accountId": "claude"}, "accountId: got 'claude', takes the number of the account"),
        ({"region": "Hangzhou"}, "region: got 'Hangzhou', takes a region"),
        ({"release": {"canary": 10}}, "takes canary only with serving"),
        ({"release": {"serving": "latest"}}, "release.serving"),
        ({"network": {"zone": "cn-hangzhou-h", "cidr": "10.0.0.0/8", "switchCidr": "192.168.0.0/24"}}, "is not in"),
        ({"network": {"zone": "cn-hangzhou-h", "cidr": "10.0.0.0/99"}}, "takes a block of addresses"),
        ({"postgres": {}}, "network: is missing"),
        ({"domain": {"name": "Memory"}}, "domain.name"),
        ({"provisioned": {"instances": 5}, "function": {"reserved": 2}}, "takes at most function.reserved, 2"),
        ({"alarms": {"contactGroups": []}}, "alarms.contactGroups"),
        (
            {"provisioned": {"schedule": [{"name": "a", "at": "0 8 * * *", "instances": 1}]}},
            "provisioned.schedule.0.at",
        ),
    ],
)
def test_a_wrong_key_is_refused(given: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(**given)


def test_all_problems_are_told_at_once() -> None:
    found = refused(accountId="x", region="y", function={"concurrency": 900}, SESSION_AFFINITY="MCP")

    assert all(name in found for name in ("accountId", "region", "function.concurrency", "SESSION_AFFINITY"))


def test_a_rule_that_only_speaks_of_a_wrong_part_is_told_with_it() -> None:
    found = refused(function={"cpu": 4}, postgres={})

    assert "function.cpu: got 4 with memoryMb 2048" in found
    assert "network: is missing; with postgres, database and function meet" in found


@pytest.mark.parametrize(
    ("given", "one"),
    [
        ({"function": {"memoryMb": 2000, "cpu": 0.25}}, "function.memoryMb"),  # with 2048 the CPU would be wrong
        ({"function": {"reserved": 0}, "provisioned": {"instances": 5}}, "function.reserved"),
        ({"postgres": "yes", "DATABASE_URL": None}, "postgres"),  # without it the setting would be missing
    ],
)
def test_no_problem_is_caused_by_a_stand_in(given: dict[str, Any], one: str) -> None:
    assert [line.partition(":")[0] for line in refused(**given).splitlines()] == [one]


def test_a_missing_secret_is_named_with_its_command() -> None:
    network = {"zone": "cn-hangzhou-h"}

    assert "adminToken: is missing; use `pulumi config set --secret adminToken`" in refused(adminToken=None)
    assert "databasePassword: is missing" in refused(DATABASE_URL=None, postgres={}, network=network)
    assert "accessKeyId and accessKeySecret: set both" in refused({"accessKeyId": "made-up"})


def test_a_secret_in_clear_text_is_refused() -> None:
    assert "adminToken: is a secret in clear text" in refused(adminToken=SECRETS["adminToken"])


def test_the_domain_is_the_public_address() -> None:
    domain = {"name": "memory.example.org", "certificate": "-----BEGIN CERTIFICATE-----"}

    assert options({"certificateKey": "made-up"}, domain=domain).public_url == "https://memory.example.org"
    assert options().public_url is None


@pytest.mark.parametrize(
    "password", ["Short-1", "a" * 16, "made-up-password", "Made-up-password-0f-the-app-" * 2, "Made.up/passw0rd"]
)
def test_a_password_that_rds_would_refuse_is_refused(password: str) -> None:
    found = refused({"databasePassword": password}, DATABASE_URL=None, postgres={}, network={"zone": "cn-hangzhou-h"})

    assert "databasePassword: got ***, takes 16 to 32 letters" in found
    assert password not in found
