"""The settings that rules are checked with are those that containers get."""

from __future__ import annotations

from typing import Any

import pytest

from app.settings.fields import Settings
from app.settings.rules import ALERTS, INIT, SERVE, WAL, WORKER
from infra.config import checked
from infra.errors import ConfigError
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.containers import container_settings
from infra.selfhost.managed import MANAGED
from tests.support.stacks import LOG_ARCHIVE, selfhost_plan, selfhost_values

CONTAINERS = {
    SERVE: "memory-app-1",
    WORKER: "memory-app-worker",
    INIT: "memory-app-init",
    ALERTS: "memory-alerts",
}
STACKS: dict[str, dict[str, Any]] = {
    "least": {},
    "domain": {"domain": "memory.example.org"},
    "memories at memU": {"MEMORY_BACKEND": "memu", "secrets": {"MEMU_API_KEY": "made-up"}},
    "cluster": {"qdrant": {"nodes": 3}, "LOG_LEVEL": "DEBUG", "secrets": {"MEMU_API_KEY": "made-up"}},
}


@pytest.mark.parametrize("mode", CONTAINERS)
@pytest.mark.parametrize("stack", STACKS)
def test_a_container_gets_the_settings_that_are_checked(stack: str, mode: str) -> None:
    given = checked(selfhost_values(**STACKS[stack]), SelfhostConfig, MANAGED, container_settings)
    secrets = {name: value.get_secret_value() for name, value in given.secrets.items()}
    known = container_settings(given.options, {**given.environment, **secrets})[mode]
    plan = selfhost_plan(**STACKS[stack]).of_type("docker:index/container:Container")[CONTAINERS[mode]]
    got = dict(line.split("=", 1) for line in plan.inputs["envs"])

    names = {name.upper() for name in Settings.model_fields}
    assert {name.removesuffix("_FILE") for name in got} & names == set(known)
    plain = got.keys() & names - {"QDRANT_URL", "CERTIFICATE_URL"}  # their addresses are not known before
    assert {name: known[name] for name in plain} == {name: got[name] for name in plain}


def test_the_archive_gets_the_settings_that_are_checked() -> None:
    stack = checked(selfhost_values(**LOG_ARCHIVE), SelfhostConfig, MANAGED, container_settings)
    secrets = {name: value.get_secret_value() for name, value in stack.secrets.items()}
    known = container_settings(stack.options, {**stack.environment, **secrets})[WAL]
    plan = selfhost_plan(**LOG_ARCHIVE).of_type("docker:index/container:Container")["memory-postgres-archive"]
    got = dict(line.split("=", 1) for line in plan.inputs["envs"])

    assert {name.removesuffix("_FILE") for name in got} == set(known)
    assert {name: known[name] for name in got.keys() & known.keys()} == {
        name: got[name] for name in got.keys() & known.keys()
    }


def test_an_archive_without_a_passphrase_is_refused_before_anything_is_touched() -> None:
    with pytest.raises(ConfigError, match="BACKUP_PASSPHRASE is not set"):
        checked(selfhost_values(walArchive="s3://bucket/log"), SelfhostConfig, MANAGED, container_settings)
