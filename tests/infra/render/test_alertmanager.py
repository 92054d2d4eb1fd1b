"""Alertmanager: configuration in secret files, silences on a disk."""

from __future__ import annotations

from functools import cache

import pulumi
import yaml

from infra import versions
from infra.plan import Plan
from infra.render.alertmanager import Alertmanager, AlertmanagerArgs
from tests.support.render_plan import PLACE, built, of_kind, one, secret


@cache
def plan() -> Plan:
    return built(
        lambda: Alertmanager(
            "alertmanager",
            AlertmanagerArgs(
                place=PLACE,
                plan="starter",
                image=versions.ALERTMANAGER,
                receiver="claude-memory-alerts:8081",
                token=pulumi.Output.secret("made-up-token-of-alerts"),
            ),
        )
    )


def test_it_sends_alerts_to_the_receiver_with_its_token() -> None:
    files = one(plan(), "PrivateService")["secretFiles"]

    [receiver] = yaml.safe_load(files["alertmanager.yml"])["receivers"]
    assert receiver["webhook_configs"][0]["url"] == "http://claude-memory-alerts:8081/webhook"
    assert secret(files) == {"token": "made-up-token-of-alerts"}
    assert of_kind(plan(), "PrivateService")["alertmanager"].secrets == {"secretFiles"}


def test_it_finds_its_files_where_render_puts_them_and_writes_below_its_disk() -> None:
    given = one(plan(), "PrivateService")
    program, *arguments = given["dockerCommand"].split()

    assert program == "/bin/alertmanager", "in place of the image's entry point, without a shell that would look for it"
    assert "--config.file=/etc/secrets/alertmanager.yml" in arguments
    assert "--storage.path=/alertmanager/data" in arguments
    assert given["disk"]["mountPath"] == "/alertmanager"
    assert given["envVars"] == {"PORT": "9093"}
