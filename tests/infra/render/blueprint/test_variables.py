"""Variables in a Blueprint: what a group may have, what is asked for once, what refers to what."""

from __future__ import annotations

from functools import cache
from typing import Any

from infra.plan import Plan, plan_of
from infra.render import qdrant
from infra.render.blueprint import variables as module
from infra.render.blueprint.variables import Variables
from infra.render.mock_outputs import mock_outputs
from tests.support.render_plan import of_kind
from tests.support.serving import ROOT
from tests.support.stacks import example_values


@cache
def plan() -> Plan:
    return plan_of(example_values(ROOT / "Pulumi.render.yaml"))


@cache
def entries(kind: str, name: str) -> dict[str, dict[str, Any]]:
    """Return the variables of a service, by key; the groups it takes in are under `fromGroup`."""
    found = Variables(plan().resources, mock_outputs).of(of_kind(plan(), kind)[name])
    return {one.get("key", "fromGroup"): one for one in found}


def test_a_group_has_plain_values_alone() -> None:
    [group] = Variables(plan().resources, mock_outputs).groups()

    assert group["name"] == "claude-memory-settings"
    assert all(set(one) == {"key", "value"} for one in group["envVars"])
    assert {"AUTH", "QDRANT_URL"} <= {one["key"] for one in group["envVars"]}


def test_a_service_takes_the_group_in_and_has_the_rest_of_it_itself() -> None:
    worker = entries("BackgroundWorker", "memory-worker")

    assert worker["fromGroup"] == {"fromGroup": "claude-memory-settings"}
    assert worker["DATABASE_URL"]["fromDatabase"] == {
        "name": "claude-memory-postgres",
        "property": "connectionString",
    }
    assert worker["BACKUP_SCHEDULE"] == {"key": "BACKUP_SCHEDULE", "value": "off"}
    assert "AUTH" not in worker


def test_the_key_of_qdrant_is_generated_there_and_everyone_else_refers_to_it() -> None:
    own = entries("PrivateService", "memory-qdrant")

    assert own[qdrant.KEY] == {"key": qdrant.KEY, "generateValue": True}
    for kind, name in (("WebService", "memory-web"), ("BackgroundWorker", "memory-worker")):
        assert entries(kind, name)["QDRANT_API_KEY"]["fromService"] == {
            "type": "pserv",
            "name": "claude-memory-qdrant",
            "envVarKey": qdrant.KEY,
        }
    assert module._GENERATED == (qdrant.KEY,)


def test_a_secret_is_asked_for_once() -> None:
    assert entries("WebService", "memory-web")["ADMIN_TOKEN"] == {"key": "ADMIN_TOKEN", "sync": False}
    asked = [
        key
        for kind in ("WebService", "BackgroundWorker", "CronJob")
        for name in of_kind(plan(), kind)
        for key, entry in entries(kind, name).items()
        if "sync" in entry
    ]
    assert sorted(asked) == ["ADMIN_TOKEN", "BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"]


def test_a_service_without_a_group_has_everything_itself() -> None:
    job = entries("CronJob", "memory-cron-backup")

    assert "fromGroup" not in job
    assert job["BACKUP_TO"]["value"].startswith("s3://")
