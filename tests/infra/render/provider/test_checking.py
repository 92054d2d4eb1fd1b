"""What is wrong with a program's resources is reported before anything is made, all at once, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.render.provider.cases import DOCKER, REPO
from tests.infra.render.provider.programs import problems
from tests.standins.render.server import Server
from tests.support.pulumi_engine import UNKNOWN, CheckFailed, Engine, Secret

DISK = {"name": "data", "mountPath": "/data", "sizeGB": 1}
WEB = {"name": "web", **DOCKER}
POSTGRES = {"name": "db", "plan": "basic_256mb", "version": "17"}


def test_all_problems_of_a_resource_are_told_at_once(stack: Engine, render: Server) -> None:
    wrong = {
        "name": "worker",
        "runtime": "docker",
        "repo": REPO,
        "plan": "free",
        "region": "orgeon",
        "numInstances": 2,
        "autoscaling": {"min": 3, "max": 2, "cpuPercent": 95},
        "disk": DISK,
        "maxShutdownDelaySeconds": 301,
        "dockerComand": "./run",
    }

    assert problems(stack, "BackgroundWorker", wrong) == [
        "dockerComand is no property of a background worker; did you mean dockerCommand?",
        "region is 'orgeon', which is not known; did you mean oregon?",
        "autoscaling.cpuPercent must be from 1 to 90 percent, not 95.",
        "maxShutdownDelaySeconds must be from 1 to 300 seconds, not 301.",
        "A background worker has no free plan, only a web service has one; use starter.",
        "A service with a disk runs one instance, not 2.",
    ]
    assert render.requests == []


@pytest.mark.parametrize(
    "properties",
    [
        {"name": UNKNOWN, "runtime": UNKNOWN, "repo": UNKNOWN},
        {**WEB, "envVars": UNKNOWN, "envGroupIds": [UNKNOWN], "environmentId": UNKNOWN},
        {**WEB, "envVars": {"A": UNKNOWN, "B": {"value": UNKNOWN, "writeOnly": True}}},
        {**WEB, "autoscaling": {"min": UNKNOWN, "max": 2, "cpuPercent": UNKNOWN}},
        {**WEB, "disk": {"name": "data", "mountPath": "/data", "sizeGB": UNKNOWN}},
        {"name": "web", "runtime": "image", "image": {"imagePath": UNKNOWN}},
        {**WEB, "image": UNKNOWN, "startCommand": UNKNOWN},
        {**WEB, "disk": UNKNOWN, "numInstances": 2},
        {**WEB, "disk": UNKNOWN, "autoscaling": {"min": 1, "max": 2, "cpuPercent": 50}},
        {**WEB, "plan": "free", "disk": UNKNOWN, "autoscaling": UNKNOWN},
        {**WEB, "envVars": {"A": {"value": "1", "writeOnly": UNKNOWN}}},
    ],
    ids=str,
)
def test_what_a_preview_cannot_know_is_no_problem(properties: dict[str, Any], stack: Engine) -> None:
    assert problems(stack, "WebService", properties) == []


@pytest.mark.parametrize(
    ("type_", "properties"),
    [
        ("LogStream", {"resourceId": UNKNOWN, "endpoint": "logs.example.com:1", "preview": "send"}),
        ("Deploy", {"serviceId": UNKNOWN, "mode": "deploy", "commitId": UNKNOWN}),
        ("Project", {"name": "home", "environments": {"production": UNKNOWN}}),
    ],
)
def test_what_may_turn_out_to_be_nothing_is_no_problem(type_: str, properties: dict[str, Any], stack: Engine) -> None:
    assert problems(stack, type_, properties) == []


def test_an_unknown_value_is_a_change_in_a_preview(stack: Engine) -> None:
    stack.up({"it": ("render:index:WebService", {**WEB, "envVars": {"A": "1"}})})

    stack.preview({"it": ("render:index:WebService", {**WEB, "envVars": {"A": UNKNOWN}})})

    assert stack.steps == [("update", "it")]


def test_a_problem_with_a_secret_does_not_show_it(stack: Engine) -> None:
    wrong = {**WEB, "region": Secret("orgeon"), "envVars": {"A": {"value": "very secret", "writeonly": True}}}
    try:
        stack.preview({"it": ("render:index:WebService", wrong)})
    except CheckFailed as failure:
        assert {name for name, _ in failure.problems} == {""}, "the engine would print the property's value"
        assert "orgeon" not in str(failure)
        assert "very secret" not in str(failure)
    else:
        raise AssertionError("nothing was wrong")
