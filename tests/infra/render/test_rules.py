"""Rules between the stack's keys and the app's settings."""

from __future__ import annotations

from typing import Any

import pytest

from infra.render.config import RenderConfig
from infra.render.rules import problems, schedule_of
from tests.support.render_plan import REPOSITORY
from tests.support.stacks import BACKUP_KEYS, RENDER_SECRETS

BUCKET = {"BACKUP_TO": "s3://bucket/prefix", **BACKUP_KEYS}


def told(given: dict[str, str], **keys: Any) -> list[str]:
    options = RenderConfig.model_validate({"app": {"repo": REPOSITORY}, **RENDER_SECRETS, **keys})
    return list(problems(options, given))


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        pytest.param({}, {}, id="the least"),
        pytest.param({"QDRANT_URL": "https://qdrant.example.com", "QDRANT_API_KEY": "k"}, {}, id="Qdrant elsewhere"),
        pytest.param(BUCKET, {"cron": {}}, id="backups by cron"),
        pytest.param(BUCKET | {"SCHEDULE_TIMEZONE": "Asia/Shanghai"}, {"worker": {}}, id="backups by the worker"),
        pytest.param({"MAINTENANCE_SCHEDULE": "off", "QDRANT_SHARD_KEYS": "0"}, {"cron": {}, "qdrant": {}}, id="off"),
    ],
)
def test_what_fits_together_is_taken(given: dict[str, str], keys: dict[str, Any]) -> None:
    assert told(given, **keys) == []


@pytest.mark.parametrize(
    ("given", "keys", "setting"),
    [
        pytest.param({"QDRANT_URL": "https://q.example.com"}, {"qdrant": {}}, "QDRANT_URL", id="two Qdrants"),
        pytest.param({"QDRANT_API_KEY": "k"}, {"qdrant": {}}, "QDRANT_API_KEY", id="two keys"),
        pytest.param({"QDRANT_SHARD_KEYS": "3"}, {"qdrant": {}}, "QDRANT_SHARD_KEYS", id="no cluster"),
        pytest.param(BUCKET | {"BACKUP_TO": "/var/backups"}, {"cron": {}}, "BACKUP_TO", id="a folder"),
        pytest.param(BUCKET, {}, "BACKUP_TO", id="nothing makes them"),
        pytest.param({"SCHEDULE_TIMEZONE": "Asia/Shanghai"}, {"cron": {}}, "SCHEDULE_TIMEZONE", id="time zone"),
        pytest.param({"BACKUP_SCHEDULE": "0 0 2 * * *"}, {"cron": {}}, "BACKUP_SCHEDULE", id="seconds"),
    ],
)
def test_what_would_fail_or_do_nothing_later_is_told(given: dict[str, str], keys: dict[str, Any], setting: str) -> None:
    [problem] = told(given, **keys)

    assert problem.startswith(f"{setting}: ")


def test_a_bucket_needs_both_keys_since_a_service_has_none_of_its_own() -> None:
    assert [problem.partition(":")[0] for problem in told({"BACKUP_TO": "s3://bucket"}, cron={})] == list(BACKUP_KEYS)


def test_a_schedule_is_the_settings_default_unless_it_is_given_or_off() -> None:
    assert schedule_of({}, "MAINTENANCE_SCHEDULE") == "30 4 1 * *"
    assert schedule_of({"BACKUP_SCHEDULE": "5 3 * * *"}, "BACKUP_SCHEDULE") == "5 3 * * *"
    assert schedule_of({"BACKUP_SCHEDULE": "off"}, "BACKUP_SCHEDULE") is None
