"""What Render refuses of services, told in sentences before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.render.provider.cases import DOCKER, IMAGE, REPO
from tests.infra.render.provider.programs import problems
from tests.support.pulumi_engine import Engine

DISK = {"name": "data", "mountPath": "/data", "sizeGB": 1}


WEB = {"name": "web", **DOCKER}


POSTGRES = {"name": "db", "plan": "basic_256mb", "version": "17"}


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
        ("WebService", {**WEB, "name": ""}, "name is empty; a web service cannot do without it."),
        ("WebService", {**WEB, "repo": ""}, "repo is missing"),
        ("WebService", {**WEB, "numInstances": 1.5}, "must be a whole number of instances, not a fraction."),
        (
            "WebService",
            {**WEB, "envVars": {"A": {"value": "x", "writeOnly": "yes"}}},
            "writeOnly must be true or false",
        ),
        ("WebService", {**WEB, "secretFiles": {"..": "x"}}, "it is neither . nor .. alone"),
        ("Project", {"name": "p", "environments": {"": {}}}, "environments has the name ''; a name is not empty."),
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


def test_an_image_service_needs_no_more_than_its_image(stack: Engine) -> None:
    assert problems(stack, "WebService", {"name": "web", **IMAGE}) == []
