"""The alert receiver: its settings, its data, who reaches it."""

from __future__ import annotations

import json
import re
from functools import cache

import pulumi
import pytest

from app.settings.fields import Settings
from infra.plan import Plan
from infra.selfhost.app_settings import AppSettings, is_read_by_receiver
from infra.selfhost.receiver import DATA, Receiver, ReceiverArgs
from tests.support.components import CONTAINER, built, container, data_mounts, environment, files, placed
from tests.support.serving import ROOT

TOKEN, URL = "made-up-token-of-alerts", "https://hooks.example.org/made-up"


@cache
def plan() -> Plan:
    return receiver({"LOG_LEVEL": "DEBUG", "MEMORY_DATA_DIR": "/elsewhere"}, {"ALERTS_SLACK_URL": URL})


def receiver(plain: dict[str, str], secrets: dict[str, str]) -> Plan:
    """Return what a receiver declares in a stack with these settings."""
    settings = AppSettings(plain=plain, files=dict(secrets))
    return built(
        lambda here, there: Receiver(
            "alerts",
            ReceiverArgs(placement=placed(here, 8081), settings=settings, token=pulumi.Output.secret(TOKEN)),
        )
    )


def test_it_runs_the_receiver_with_the_settings_of_the_stack_and_its_own() -> None:
    inputs = container(plan(), "alerts")

    assert inputs["command"] == ["alerts"]
    assert environment(inputs) == {
        "LOG_LEVEL": "DEBUG",
        "ALERTS_SLACK_URL_FILE": "/run/files/ALERTS_SLACK_URL",
        "ALERTS_TOKEN_FILE": "/run/files/ALERTS_TOKEN",
        "ALERTS_HOST": "0.0.0.0",
        "ALERTS_PORT": "8081",
        "MEMORY_DATA_DIR": DATA,
    }


@pytest.mark.parametrize(
    ("plain", "secrets"),
    [
        pytest.param({"RATE_LIMIT_PER_MINUTE": "10", "PUBLIC_URL": "https://memory.example.org"}, {}, id="plain"),
        pytest.param({}, {"EMBEDDING_API_KEY": "made-up-key"}, id="secret"),
    ],
)
def test_a_setting_that_it_does_not_read_changes_nothing_of_it(plain: dict[str, str], secrets: dict[str, str]) -> None:
    changed = receiver(
        {"LOG_LEVEL": "DEBUG", "MEMORY_DATA_DIR": "/elsewhere", **plain}, {"ALERTS_SLACK_URL": URL, **secrets}
    )

    assert {one.key: one.inputs for one in changed.resources} == {one.key: one.inputs for one in plan().resources}


@pytest.mark.parametrize(
    ("plain", "secrets"),
    [({"LOG_LEVEL": "INFO"}, {}), ({"ALERTS_REMIND_MINUTES": "5"}, {}), ({}, {"ALERTS_FEISHU_URL": URL})],
)
def test_a_setting_that_it_reads_replaces_it(plain: dict[str, str], secrets: dict[str, str]) -> None:
    changed = receiver({"LOG_LEVEL": "DEBUG", **plain}, {"ALERTS_SLACK_URL": URL, **secrets})

    assert container(changed, "alerts")["labels"] != container(plan(), "alerts")["labels"]


def test_no_setting_that_its_code_reads_is_kept_from_it() -> None:
    sources = sorted((ROOT / "app" / "alerts").glob("*.py"))
    read = {name for file in sources for name in re.findall(r"\bsettings\.([a-z_]+)", file.read_text(encoding="utf-8"))}
    settings = read & Settings.model_fields.keys()

    assert len(settings) > 15
    assert {
        name
        for name in {*settings, "log_format", "log_level"} - {"memory_data_dir"}
        if not is_read_by_receiver(name.upper())
    } == set()


def test_its_token_and_the_secrets_of_the_stack_are_secret_files() -> None:
    assert files(plan(), "alerts") == {"ALERTS_SLACK_URL": URL, "ALERTS_TOKEN": TOKEN}
    assert "uploads" in plan().of_type(CONTAINER)["alerts-files"].secrets
    assert TOKEN not in json.dumps(container(plan(), "alerts"))


def test_it_needs_neither_database_nor_index() -> None:
    assert not {"DATABASE_URL_FILE", "QDRANT_URL", "QDRANT_API_KEY_FILE"} & set(
        environment(container(plan(), "alerts"))
    )


def test_its_log_and_queue_are_on_a_data_volume() -> None:
    assert data_mounts(container(plan(), "alerts")) == {DATA: "test-alerts-data"}


def test_only_the_operator_reaches_it_from_outside_its_network() -> None:
    assert [(port["ip"], port["external"], port["internal"]) for port in container(plan(), "alerts")["ports"]] == [
        ("127.0.0.1", 8081, 8081)
    ]
