"""Who gets which settings of the app, and that each knows only the secrets that it needs."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from app.settings.fields import Settings
from infra.render.app_settings import AppSettings, known_job, known_receiver, known_shared, known_web, known_worker
from infra.render.config import RenderConfig
from infra.render.services import PROGRAM
from tests.support.render_plan import REPOSITORY, of_kind, plain, secret
from tests.support.stacks import BACKUP_KEYS, RENDER_SECRETS, render_plan

EVERYTHING: dict[str, Any] = {
    "worker": {},
    "cron": {},
    "qdrant": {},
    "monitoring": {},
    "domains": ["memory.example.org"],
    "LOG_LEVEL": "DEBUG",
    "BACKUP_TO": "s3://bucket/prefix",
    "ALERTS_REMIND_MINUTES": "30",
    "secrets": {
        **BACKUP_KEYS,
        "BACKUP_PASSPHRASE": "made-up passphrase",
        "EMBEDDING_API_KEY": "made-up-key-of-embeddings",
        "ALERTS_SLACK_URL": "https://slack.invalid/made-up",
    },
}


@cache
def given(text: str) -> dict[str, dict[str, Any]]:
    """Return the variables of each service of the app, with those of its group, by the command that it runs."""
    plan = render_plan(**json.loads(text))
    [group] = of_kind(plan, "EnvGroup").values()
    found = {}
    for kind in ("WebService", "BackgroundWorker", "CronJob", "PrivateService"):
        for service in of_kind(plan, kind).values():
            if service.inputs["runtime"] != "docker":
                continue
            command = str(service.inputs.get("dockerCommand", f"{PROGRAM} serve")).removeprefix(f"{PROGRAM} ")
            shared = group.inputs["envVars"] if "envGroupIds" in service.inputs else {}
            found[command] = {**shared, **service.inputs.get("envVars", {})}
    return found


def variables(command: str, **changed: Any) -> dict[str, Any]:
    return given(json.dumps(EVERYTHING | changed))[command]


SECRETS = {
    "serve": {"ADMIN_TOKEN", "DATABASE_URL", "QDRANT_API_KEY", "EMBEDDING_API_KEY"},
    "worker": {"DATABASE_URL", "QDRANT_API_KEY", "EMBEDDING_API_KEY"},
    "maintain": {"DATABASE_URL"},
    "backup": {"DATABASE_URL", "BACKUP_PASSPHRASE", *BACKUP_KEYS},
    "alerts": {"ALERTS_TOKEN", "ALERTS_SLACK_URL"},
}


@pytest.mark.parametrize("command", SECRETS)
def test_each_service_has_the_secrets_that_it_needs_and_no_others(command: str) -> None:
    assert set(secret(variables(command))) == SECRETS[command]


@pytest.mark.parametrize("command", SECRETS)
def test_each_service_has_only_settings_that_exist(command: str) -> None:
    assert set(variables(command)) <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("command", SECRETS)
def test_every_service_logs_as_the_stack_says(command: str) -> None:
    assert {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json"}.items() <= plain(variables(command)).items()


def test_a_public_service_asks_everyone_for_a_token_on_the_port_that_render_sets() -> None:
    serve = plain(variables("serve"))

    assert (serve["AUTH"], serve["HOST"], serve["METRICS_PORT"]) == ("required", "0.0.0.0", "8080")
    assert "PORT" not in serve
    assert serve["PUBLIC_URL"] == "https://memory.example.org"


def test_the_key_of_memu_is_with_those_that_reach_memu_and_never_in_clear_text() -> None:
    secrets = {**EVERYTHING["secrets"], "MEMU_API_KEY": "made-up-key-of-memu"}
    for command in SECRETS:
        found = variables(command, MEMORY_BACKEND="memu", secrets=secrets)
        assert ("MEMU_API_KEY" in secret(found)) == (command in ("serve", "worker")), command
        assert "made-up-key-of-memu" not in plain(found).values()


def test_an_address_that_the_stack_gives_goes_before_the_first_domain() -> None:
    assert (
        plain(variables("serve", PUBLIC_URL="https://other.example.org"))["PUBLIC_URL"] == "https://other.example.org"
    )


def test_both_stores_are_reached_through_the_private_network() -> None:
    assert secret(variables("serve"))["DATABASE_URL"] == (
        "postgresql://user:password@claude-memory-test-postgres/database"
    )
    assert plain(variables("worker"))["QDRANT_URL"] == "http://claude-memory-test-qdrant:6333"


def test_without_a_qdrant_of_its_own_each_instance_has_its_index() -> None:
    assert not {"QDRANT_URL", "QDRANT_API_KEY"} & variables("serve", qdrant=None).keys()


def test_with_cron_jobs_the_worker_keeps_no_schedule_so_that_nothing_runs_twice() -> None:
    worker = plain(variables("worker"))

    assert (worker["MAINTENANCE_SCHEDULE"], worker["BACKUP_SCHEDULE"]) == ("off", "off")
    assert "BACKUP_TO" not in worker


def test_without_cron_jobs_the_worker_makes_the_backups() -> None:
    worker = variables("worker", cron=None)

    assert plain(worker)["BACKUP_TO"] == "s3://bucket/prefix"
    assert set(secret(worker)) >= {"BACKUP_PASSPHRASE", *BACKUP_KEYS}
    assert not {"MAINTENANCE_SCHEDULE", "BACKUP_SCHEDULE"} & worker.keys()
    assert "backup" not in given(json.dumps(EVERYTHING | {"cron": None}))


def test_the_receiver_keeps_its_log_on_its_disk_and_tells_render_where_it_listens() -> None:
    alerts = plain(variables("alerts"))

    assert alerts["MEMORY_DATA_DIR"] == "/var/data/claude-memory"
    assert alerts["PORT"] == alerts["ALERTS_PORT"] == "8081"
    assert alerts["ALERTS_REMIND_MINUTES"] == "30"


def test_what_is_known_beforehand_is_what_the_services_get() -> None:
    options = RenderConfig.model_validate(
        {"app": {"repo": REPOSITORY}, **RENDER_SECRETS, "cron": {}, "domains": EVERYTHING["domains"]}
    )
    settings = {name: value for name, value in EVERYTHING.items() if name.isupper()}

    shared = known_shared(settings)
    assert {**shared, **known_web(options, settings)}.items() <= plain(variables("serve")).items()
    assert {**shared, **known_worker(options, settings)}.items() <= plain(variables("worker")).items()
    assert known_job(settings, backs_up=True) == plain(variables("backup"))
    assert known_job(settings, backs_up=False) == plain(variables("maintain"))
    assert known_receiver(settings) == plain(variables("alerts"))


def test_secret_settings_are_written_and_not_read_back() -> None:
    assert AppSettings(plain={"A": "1"}, secrets={"B": "2"}).variables == {
        "A": "1",
        "B": {"value": "2", "writeOnly": True},
    }
