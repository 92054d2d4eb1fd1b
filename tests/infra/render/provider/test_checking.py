"""What is wrong with a program's resources is told before anything is made, all at once, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.render.provider.cases import DOCKER, IMAGE, REPO
from tests.standins.render.server import Server
from tests.support.pulumi_engine import UNKNOWN, CheckFailed, Engine, Secret

DISK = {"name": "data", "mountPath": "/data", "sizeGB": 1}
WEB = {"name": "web", **DOCKER}
POSTGRES = {"name": "db", "plan": "basic_256mb", "version": "17"}


def problems(stack: Engine, type_: str, properties: dict[str, Any]) -> list[str]:
    """Return the sentences about a resource."""
    try:
        stack.preview({"it": (f"render:index:{type_}", properties)})
    except CheckFailed as failure:
        return [sentence for _, sentence in failure.problems]
    return []


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
    ("type_", "properties", "sentence"),
    [
        ("WebService", {"runtime": "docker", "repo": REPO}, "name is missing; a web service cannot do without"),
        ("PrivateService", {**WEB, "plan": "free"}, "has no free plan"),
        ("CronJob", {**WEB, "plan": "free", "schedule": "0 0 * * *"}, "has no free plan"),
        ("WebService", {**WEB, "plan": "free", "disk": DISK}, "A free web service has no disk"),
        ("WebService", {**WEB, "plan": "free", "numInstances": 2}, "runs one instance, not 2"),
        ("WebService", {**WEB, "plan": "free", "autoscaling": {"min": 1, "max": 2, "cpuPercent": 50}}, "one instance"),
        ("WebService", {**WEB, "autoscaling": {"min": 3, "max": 2, "cpuPercent": 50}}, "min is 3"),
        ("WebService", {**WEB, "autoscaling": {"min": 1, "max": 2}}, "needs a target"),
        ("WebService", {**WEB, "autoscaling": {"min": 1, "max": 101, "cpuPercent": 50}}, "from 1 to 100 instances"),
        ("WebService", {**WEB, "autoscaling": {"min": 1, "max": 2, "memoryPercent": 91}}, "from 1 to 90 percent"),
        (
            "WebService",
            {**WEB, "disk": DISK, "autoscaling": {"min": 1, "max": 2, "cpuPercent": 50}},
            "remove autoscaling, or the disk",
        ),
        ("WebService", {**WEB, "maxShutdownDelaySeconds": 0}, "from 1 to 300 seconds, not 0"),
        ("WebService", {**WEB, "healthCheckPath": "health"}, "begins with /"),
        ("WebService", {**WEB, "disk": {**DISK, "mountPath": "data"}}, "is an absolute path"),
        ("WebService", {**WEB, "disk": {"name": "data", "size": 1}}, "did you mean sizeGB?"),
        ("WebService", {**WEB, "ipAllowList": [{"cidrBlock": "10.0.0.0/33"}]}, "no block of addresses"),
        ("WebService", {**WEB, "autoDeployTrigger": "comit"}, "did you mean commit?"),
        ("WebService", {**WEB, "envVars": {"A B": "1"}}, "has the name 'A B'"),
        ("WebService", {**WEB, "envVars": {"A": 1}}, "envVars.A must be a text, not a number."),
        ("WebService", {**WEB, "envVars": {"A": {"generateValue": True, "value": "x"}}}, "needs one value"),
        ("WebService", {**WEB, "envVars": {"A": {"writeonly": True, "value": "x"}}}, "did you mean writeOnly?"),
        ("WebService", {**WEB, "secretFiles": {"a": {"generateValue": True}}}, "cannot have 'generateValue'"),
        ("WebService", {**WEB, "numInstances": "2"}, "numInstances must be a whole number of instances, not a text."),
        ("WebService", {**WEB, "image": {"imagePath": "nginx"}}, "not from both"),
        ("WebService", {"name": "web", "runtime": "image"}, "needs image.imagePath"),
        ("WebService", {"name": "web", "runtime": "docker"}, "repo is missing"),
        ("WebService", {"name": "web", "runtime": "python", "repo": REPO}, "The runtime python needs buildCommand."),
        ("WebService", {**WEB, "startCommand": "run"}, "with docker, use dockerCommand"),
        ("WebService", {**WEB, "runtime": "dokcer"}, "did you mean docker?"),
        ("CronJob", {**WEB, "schedule": "daily"}, "has five fields"),
        ("StaticSite", {"name": "site"}, "repo is missing"),
        ("StaticSite", {"name": "site", "repo": REPO, "plan": "free"}, "plan is no property of a static site"),
        ("Postgres", {"name": "db", "plan": "free"}, "version is missing"),
        ("Postgres", {**POSTGRES, "regoin": "ohio"}, "did you mean region?"),
        ("KeyValue", {"name": "kv", "plan": "free", "maxmemoryPolicy": "lru"}, "must be one of noeviction"),
        ("Project", {"name": "p", "environments": {}}, "at least one environment"),
        ("CustomDomain", {"serviceId": "srv-1", "name": "https://example.com"}, "is a domain's name"),
        ("LogStream", {"endpoint": "logs.example.com:1"}, "needs preview"),
        ("LogStream", {"resourceId": "srv-1", "preview": "send"}, "needs setting"),
        ("Webhook", {"name": "w", "url": "http://example.com"}, "begins with https://"),
        ("Deploy", {"serviceId": "srv-1", "mode": "deploy", "commitId": "abc"}, "cannot go together with commitId"),
        ("RegistryCredential", {"name": "r", "registry": "DOCKER", "username": "u"}, "authToken is missing"),
    ],
)
def test_a_problem_is_told_in_a_sentence(type_: str, properties: dict[str, Any], sentence: str, stack: Engine) -> None:
    assert any(sentence in one for one in problems(stack, type_, properties)), problems(stack, type_, properties)


@pytest.mark.parametrize("plan", ["1c-2g", "pro_ultra", "a plan of next year"])
def test_a_plan_that_is_not_known_here_may_be_known_to_render(plan: str, stack: Engine) -> None:
    assert problems(stack, "WebService", {**WEB, "plan": plan}) == []


def test_a_region_that_is_spelled_like_no_other_may_be_known_to_render(stack: Engine) -> None:
    assert problems(stack, "WebService", {**WEB, "region": "sao_paulo"}) == []


@pytest.mark.parametrize(
    "properties",
    [
        {"name": UNKNOWN, "runtime": UNKNOWN, "repo": UNKNOWN},
        {**WEB, "envVars": UNKNOWN, "envGroupIds": [UNKNOWN], "environmentId": UNKNOWN},
        {**WEB, "envVars": {"A": UNKNOWN, "B": {"value": UNKNOWN, "writeOnly": True}}},
        {**WEB, "autoscaling": {"min": UNKNOWN, "max": 2, "cpuPercent": UNKNOWN}},
        {**WEB, "disk": {"name": "data", "mountPath": "/data", "sizeGB": UNKNOWN}},
        {"name": "web", "runtime": "image", "image": {"imagePath": UNKNOWN}},
    ],
    ids=str,
)
def test_what_a_preview_cannot_know_is_no_problem(properties: dict[str, Any], stack: Engine) -> None:
    assert problems(stack, "WebService", properties) == []


def test_an_unknown_value_is_a_change_in_a_preview(stack: Engine) -> None:
    stack.up({"it": ("render:index:WebService", {**WEB, "envVars": {"A": "1"}})})

    stack.preview({"it": ("render:index:WebService", {**WEB, "envVars": {"A": UNKNOWN}})})

    assert stack.steps == [("update", "it")]


@pytest.mark.parametrize(
    ("type_", "before", "after", "sentence"),
    [
        ("WebService", {**WEB, "disk": {**DISK, "sizeGB": 5}}, {**WEB, "disk": DISK}, "cannot go from 5 to 1"),
        ("Postgres", {**POSTGRES, "diskSizeGB": 20}, {**POSTGRES, "diskSizeGB": 10}, "cannot go from 20 to 10"),
    ],
)
def test_a_way_that_render_does_not_go_is_told_before(
    type_: str, before: dict[str, Any], after: dict[str, Any], sentence: str, stack: Engine
) -> None:
    stack.up({"it": (f"render:index:{type_}", before)})

    assert any(sentence in one for one in problems(stack, type_, after))


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


def test_an_image_service_needs_no_more_than_its_image(stack: Engine) -> None:
    assert problems(stack, "WebService", {"name": "web", **IMAGE}) == []
