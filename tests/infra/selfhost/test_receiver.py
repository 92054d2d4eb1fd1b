"""The alert receiver: its settings, its data, who reaches it."""

from __future__ import annotations

import json
from functools import cache

import pulumi

from infra.plan import Plan
from infra.selfhost.app_settings import AppSettings
from infra.selfhost.receiver import DATA, Receiver, ReceiverArgs
from tests.support.components import CONTAINER, built, container, data_mounts, environment, files, placed

TOKEN, URL = "made-up-token-of-alerts", "https://hooks.example.org/made-up"


@cache
def plan() -> Plan:
    settings = AppSettings(
        plain={"LOG_LEVEL": "DEBUG", "MEMORY_DATA_DIR": "/elsewhere"}, files={"ALERTS_SLACK_URL": URL}
    )
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
