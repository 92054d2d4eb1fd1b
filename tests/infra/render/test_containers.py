"""The settings that rules are checked with are those that services get."""

from __future__ import annotations

from typing import Any

import pytest

from app.settings.fields import Settings
from app.settings.rules import ALERTS, BACKUP, INIT, SERVE, WORKER
from infra.config import checked
from infra.errors import ConfigError
from infra.render.config import RenderConfig
from infra.render.containers import container_settings
from infra.render.managed import MANAGED
from infra.render.program import check
from tests.support.render_plan import of_kind, one
from tests.support.stacks import BACKUP_KEYS, render_plan, render_values

SERVICES = {
    SERVE: ("WebService", "memory-web"),
    INIT: ("WebService", "memory-web"),
    WORKER: ("BackgroundWorker", "memory-worker"),
    BACKUP: ("CronJob", "memory-cron-backup"),
    ALERTS: ("PrivateService", "memory-monitoring-alerts"),
}
STACKS: dict[str, dict[str, Any]] = {
    "least": {},
    "free": {"web": {"plan": "free"}},
    "everything": {
        "worker": {},
        "cron": {},
        "qdrant": {},
        "monitoring": {},
        "domains": ["memory.example.org"],
        "BACKUP_TO": "s3://bucket",
        "LOG_LEVEL": "DEBUG",
        "secrets": {**BACKUP_KEYS, "EMBEDDING_API_KEY": "made-up", "ALERTS_SLACK_URL": "https://slack.invalid/a"},
    },
    "memories at memU": {
        "worker": {},
        "cron": {},
        "BACKUP_TO": "s3://bucket",
        "MEMORY_BACKEND": "memu",
        "secrets": {**BACKUP_KEYS, "MEMU_API_KEY": "made-up"},
    },
    "a worker with the schedules": {"worker": {}, "BACKUP_TO": "s3://bucket", "secrets": BACKUP_KEYS},
}
CASES = [(stack, mode) for stack in STACKS for mode in SERVICES]


def known(stack: str) -> dict[str, dict[str, str]]:
    given = checked(render_values(**STACKS[stack]), RenderConfig, MANAGED, container_settings)
    secrets = {name: value.get_secret_value() for name, value in given.secrets.items()}
    return container_settings(given.options, {**given.environment, **secrets})


@pytest.mark.parametrize(("stack", "mode"), CASES)
def test_a_service_gets_the_settings_that_are_checked(stack: str, mode: str) -> None:
    plan, (kind, name) = render_plan(**STACKS[stack]), SERVICES[mode]
    service = of_kind(plan, kind).get(name)
    if service is None or (mode == INIT and "preDeployCommand" not in service.inputs):
        assert mode not in known(stack)
        return
    shared = one(plan, "EnvGroup")["envVars"] if "envGroupIds" in service.inputs else {}
    got = {**shared, **service.inputs["envVars"]}

    settings = {name.upper() for name in Settings.model_fields}
    assert got.keys() & settings == known(stack)[mode].keys() - ({"PORT"} - got.keys())
    plain = {name: value for name, value in got.items() if isinstance(value, str) and name in settings}
    plain.pop("QDRANT_URL", None)  # its address is not known before
    assert plain.items() <= known(stack)[mode].items()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        pytest.param({"EMBEDDING_MODEL": "text-embedding-v4"}, "DashScope needs a key", id="web"),
        pytest.param({"MEMORY_BACKEND": "memu"}, "MEMORY_BACKEND: got 'memu', but memU needs a key", id="memU"),
        pytest.param({"ALERTS_EMAIL_TO": "me@example.org"}, "ALERTS_EMAIL_FROM", id="receiver"),
        pytest.param({"OPENID_ISSUER": "https://id.example.org"}, "OPENID_ISSUER also needs", id="sign-in"),
    ],
)
def test_settings_that_a_service_would_refuse_are_told_before_anything_is_made(
    given: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        check(render_values(None, monitoring={}, **given))

    assert any(sentence in problem for problem in refused.value.problems), refused.value.problems
