"""Provisioned instances and reserved concurrency."""

from __future__ import annotations

from tests.standins.aliyun.server import Server
from tests.support.aliyun import Caller, function

CONFIG = "/functions/memory/provision-config"
ACTION = {"name": "day", "scheduleExpression": "cron(0 0 8 * * *)", "target": 2, "timeZone": "UTC"}


def test_a_read_without_a_qualifier_is_about_latest(caller: Caller) -> None:
    caller.fc("POST", "/functions", function())
    caller.fc("POST", "/functions/memory/versions", {"description": "1"})
    caller.fc("POST", "/functions/memory/aliases", {"aliasName": "live", "versionId": "1"})
    caller.fc("PUT", f"{CONFIG}?qualifier=live", {"target": 2, "scheduledActions": [ACTION]})

    assert caller.fc("GET", CONFIG).body["target"] == 0
    live = caller.fc("GET", f"{CONFIG}?qualifier=live").body
    assert (live["target"], live["current"], live["scheduledActions"]) == (2, 2, [ACTION])


def test_an_update_keeps_what_it_does_not_name(caller: Caller) -> None:
    caller.fc("POST", "/functions", function())
    caller.fc("PUT", f"{CONFIG}?qualifier=LATEST", {"target": 2, "scheduledActions": [ACTION]})
    caller.fc("PUT", f"{CONFIG}?qualifier=LATEST", {"target": 3})

    assert caller.fc("GET", CONFIG).body["scheduledActions"] == [ACTION]


def test_what_is_not_allowed_is_refused(caller: Caller) -> None:
    caller.fc("POST", "/functions", function())

    assert caller.fc("PUT", CONFIG, {"target": -1}).code == "InvalidArgument"
    assert caller.fc("PUT", f"{CONFIG}?qualifier=none", {"target": 1}).code == "InvalidArgument"
    assert caller.fc("PUT", CONFIG, {"target": 1, "scheduledActions": [{"name": "day"}]}).code == "InvalidArgument"
    assert caller.fc("PUT", "/functions/memory/concurrency", {"reservedConcurrency": -1}).code == "InvalidArgument"


def test_a_removed_configuration_is_gone(aliyun: Server, caller: Caller) -> None:
    caller.fc("POST", "/functions", function())
    caller.fc("PUT", CONFIG, {"target": 1})
    caller.fc("PUT", "/functions/memory/concurrency", {"reservedConcurrency": 10})
    assert caller.fc("GET", "/functions/memory/concurrency").body["reservedConcurrency"] == 10
    caller.fc("DELETE", CONFIG)
    caller.fc("DELETE", "/functions/memory/concurrency")

    assert caller.fc("GET", "/functions/memory/concurrency").code == "OnDemandConfigNotFound"
    assert aliyun.state.counts() == {"functions": 1, "buckets": 1, "objects": 1}
