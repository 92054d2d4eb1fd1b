"""The container of Alertmanager: its files, its data, who reaches it, and the reload."""

from __future__ import annotations

import json
from functools import cache

import pulumi

from infra.monitoring.alertmanager import configuration
from infra.plan import Plan, plan_of
from infra.selfhost.alertmanager import DATA, Alertmanager, AlertmanagerArgs
from tests.support.components import CONTAINER, built, container, data_mounts, files, placed
from tests.support.stacks import selfhost_values

TOKEN = "made-up-token-of-alerts"


@cache
def plan(receiver: str = "alerts:8081", url: str | None = None) -> Plan:
    return built(
        lambda here, there: Alertmanager(
            "alertmanager",
            AlertmanagerArgs(
                placement=placed(here, 9093),
                app_image_id="sha256:app",
                receiver=receiver,
                url=url,
                token=pulumi.Output.secret(TOKEN),
            ),
        )
    )


def test_its_files_are_the_configuration_and_the_token_beside_it() -> None:
    assert files(plan(), "alertmanager") == {"alertmanager.yml": configuration("alerts:8081"), "token": TOKEN}
    assert "uploads" in plan().of_type(CONTAINER)["alertmanager-files"].secrets
    assert TOKEN not in json.dumps(container(plan(), "alertmanager"))


def test_its_command_reads_them_and_keeps_silences_on_the_volume() -> None:
    inputs = container(plan(), "alertmanager")

    assert "--config.file=/run/files/alertmanager.yml" in inputs["command"]
    assert f"--storage.path={DATA}" in inputs["command"]
    assert data_mounts(inputs) == {DATA: "test-alertmanager-data"}


def test_links_lead_to_its_pages_or_to_loopback_of_its_host() -> None:
    assert "--web.external-url=http://127.0.0.1:9093" in container(plan(), "alertmanager")["command"]
    elsewhere = container(plan(url="https://alertmanager.example.org"), "alertmanager")["command"]
    assert "--web.external-url=https://alertmanager.example.org" in elsewhere


def test_only_the_operator_reaches_it_from_outside_its_network() -> None:
    assert [(port["ip"], port["external"]) for port in container(plan(), "alertmanager")["ports"]] == [
        ("127.0.0.1", 9093)
    ]


def test_a_changed_configuration_keeps_the_container_and_posts_a_reload_from_the_image_of_the_app() -> None:
    before, after = plan(), plan(receiver="10.0.0.9:8081")

    assert container(before, "alertmanager") == container(after, "alertmanager")
    assert container(before, "alertmanager-reload")["labels"] != container(after, "alertmanager-reload")["labels"]
    assert container(after, "alertmanager-reload")["image"] == "sha256:app"
    assert container(after, "alertmanager-reload")["command"] == ["http://alertmanager:9093/-/reload"]


def test_the_url_of_the_service_outside_is_a_secret_of_its_file() -> None:
    url = "https://watch.example.org/made-up-key"
    stack = plan_of(selfhost_values({"watchdogUrl": url}))

    main = files(stack, "memory-alertmanager")["alertmanager.yml"]
    assert main == configuration("alerts:8081", url)
    assert url in main
    assert url not in json.dumps([one.shown for one in stack.resources])
