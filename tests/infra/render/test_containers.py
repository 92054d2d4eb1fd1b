"""The settings that rules are checked with are those that services get."""

from __future__ import annotations

from typing import Any

import pytest

from app.settings.fields import Settings
from app.settings.rules import ALERTS, BACKUP, SERVE, WORKER
from infra.config import checked
from infra.errors import ConfigError
from infra.render.config import RenderConfig
from infra.render.containers import container_settings
from infra.render.managed import MANAGED
from infra.render.services import PROGRAM
from tests.support.render_plan import of_kind
from tests.support.stacks import BACKUP_KEYS, render_plan, render_values

STACKS: dict[str, dict[str, Any]] = {
    "least": {},
    "worker": {"worker": {}, "BACKUP_TO": "s3://bucket/prefix", "secrets": BACKUP_KEYS},
    "everything": {
        "worker": {},
        "cron": {},
        "qdrant": {},
        "monitoring": {},
        "domains": ["memory.example.org"],
        "BACKUP_TO": "s3://bucket/prefix",
        "secrets": {**BACKUP_KEYS, "EMBEDDING_API_KEY": "made-up-key-of-embeddings"},
    },
}
EXPECTED = {
    "least": {SERVE},
    "worker": {SERVE, WORKER},
    "everything": {SERVE, WORKER, BACKUP, ALERTS},
}
_UNKNOWN = {"DATABASE_URL", "QDRANT_URL", "QDRANT_API_KEY", "ALERTS_TOKEN"}  # stand-ins; the app rules ask for presence
_OF_RENDER = {"PORT"}  # set by Render where the service has none


def known(stack: str) -> dict[str, dict[str, str]]:
    given = checked(render_values(**STACKS[stack]), RenderConfig, MANAGED, container_settings)
    secrets = {name: value.get_secret_value() for name, value in given.secrets.items()}
    return container_settings(given.options, {**given.environment, **secrets})


def got(stack: str) -> dict[str, dict[str, Any]]:
    """Return the variables of each service of the app, with those of its group, by its command."""
    plan = render_plan(**STACKS[stack])
    [group] = of_kind(plan, "EnvGroup").values()
    found = {}
    for kind in ("WebService", "BackgroundWorker", "CronJob", "PrivateService"):
        for service in of_kind(plan, kind).values():
            if service.inputs["runtime"] == "docker":
                command = str(service.inputs.get("dockerCommand", f"{PROGRAM} serve")).removeprefix(f"{PROGRAM} ")
                shared = group.inputs["envVars"] if "envGroupIds" in service.inputs else {}
                found[command] = {**shared, **service.inputs.get("envVars", {})}
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_each_service_of_the_stack_is_checked(stack: str) -> None:
    assert known(stack).keys() == EXPECTED[stack]


@pytest.mark.parametrize("stack", STACKS)
def test_a_service_gets_the_settings_that_are_checked(stack: str) -> None:
    names = {name.upper() for name in Settings.model_fields}
    services = got(stack)

    for mode, settings in known(stack).items():
        service = services[mode]
        assert settings.keys() - _OF_RENDER == (service.keys() & names) - _OF_RENDER
        for name in settings.keys() - _UNKNOWN - _OF_RENDER:
            value = service[name]
            assert settings[name] == (value if isinstance(value, str) else value["value"])


def test_a_rule_of_the_app_is_broken_before_anything_is_touched() -> None:
    with pytest.raises(ConfigError, match="DashScope needs a key"):
        checked(render_values(EMBEDDING_MODEL="text-embedding-v4"), RenderConfig, MANAGED, container_settings)
