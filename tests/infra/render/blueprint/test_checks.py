"""What Render's own schema lets pass, and we do not: one case for each rule, and what is right beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.render.blueprint.checks import problems
from tests.support.serving import ROOT

SCHEMA = Path(os.environ.get("RENDER_BLUEPRINT_SCHEMA", ROOT.parent / "shared" / "render" / "blueprint.schema.json"))
WEB = {"type": "web", "name": "web", "runtime": "docker", "plan": "starter"}
WORKER = {"type": "worker", "name": "worker", "runtime": "docker", "plan": "starter"}
CRON = {"type": "cron", "name": "cron", "runtime": "docker", "plan": "starter", "schedule": "0 2 * * *"}
DATABASE = {"name": "db", "plan": "basic-256mb"}
SCALING = {"minInstances": 1, "maxInstances": 3, "targetCPUPercent": 70}
DISK = {"name": "data", "mountPath": "/data", "sizeGB": 10}


def told(*services: dict[str, Any], **sections: Any) -> list[str]:
    return problems({"services": list(services), **sections})


@pytest.mark.parametrize(
    "service",
    [
        pytest.param(WEB, id="web"),
        pytest.param(WEB | {"plan": "free", "healthCheckPath": "/health"}, id="free web"),
        pytest.param(WEB | {"scaling": SCALING}, id="scaling"),
        pytest.param(WEB | {"plan": "pro plus", "disk": DISK, "numInstances": 1}, id="disk"),
        pytest.param(WORKER | {"maxShutdownDelaySeconds": 60}, id="worker"),
        pytest.param(CRON, id="cron"),
        pytest.param(WEB | {"runtime": "image", "image": {"url": "nginx:1"}}, id="image"),
        pytest.param({"type": "keyvalue", "name": "cache", "ipAllowList": [], "previewPlan": "free"}, id="keyvalue"),
        pytest.param(WEB | {"autoDeployTrigger": "off", "previews": {"generation": "off"}, "branch": "main"}, id="off"),
    ],
)
def test_what_is_right_passes(service: dict[str, Any]) -> None:
    assert told(service) == []


# Each is valid by Render's schema.
LET_PASS = {
    "a free worker": (WORKER | {"plan": "free"}, "services worker: plan: there is no free worker; use starter"),
    "a free cron job": (CRON | {"plan": "free"}, "services cron: plan: there is no free cron; use starter"),
    "a worker's health check": (
        WORKER | {"healthCheckPath": "/health"},
        "services worker: healthCheckPath: is for web services, not for worker",
    ),
    "a worker's domain": (
        WORKER | {"domains": ["example.org"]},
        "services worker: domains: is for web services, not for worker",
    ),
    "scaling with a disk": (
        WEB | {"scaling": SCALING, "disk": DISK},
        "services web: disk: a service with a disk runs one instance; remove scaling and numInstances, or the disk",
    ),
    "instances with a disk": (
        WEB | {"numInstances": 2, "disk": DISK},
        "services web: disk: a service with a disk runs one instance; remove scaling and numInstances, or the disk",
    ),
    "min over max": (
        WEB | {"scaling": SCALING | {"minInstances": 4}},
        "services web: scaling: minInstances is 4 and maxInstances is 3; swap them",
    ),
    "half a range": (
        WEB | {"scaling": {"maxInstances": 3, "targetCPUPercent": 70}},
        "services web: scaling: needs minInstances and maxInstances",
    ),
    "no target": (
        WEB | {"scaling": {"minInstances": 1, "maxInstances": 3}},
        "services web: scaling: needs targetCPUPercent or targetMemoryPercent",
    ),
    "a free web service that scales": (
        WEB | {"plan": "free", "scaling": SCALING},
        "services web: scaling: a free web service has none; use a paid plan",
    ),
    "a free web service with a disk": (
        WEB | {"plan": "free", "disk": DISK},
        "services web: disk: a free web service has none; use a paid plan",
    ),
    "a free web service with a command before deploys": (
        WEB | {"plan": "free", "preDeployCommand": "init"},
        "services web: preDeployCommand: a free web service has none; use a paid plan",
    ),
    "two free instances": (
        WEB | {"plan": "free", "numInstances": 2},
        "services web: numInstances: got 2, a free web service runs one",
    ),
    "an image that is missing": (
        WEB | {"runtime": "image"},
        "services web: image: is required with the runtime image; use image: {url: …}",
    ),
    "an image of another runtime": (
        WEB | {"image": {"url": "nginx:1"}},
        "services web: image: needs the runtime image, not docker",
    ),
    "autoDeploy": (WEB | {"autoDeploy": True}, "services web: autoDeploy: is deprecated; use autoDeployTrigger"),
    "pullRequestPreviewsEnabled": (
        WEB | {"pullRequestPreviewsEnabled": True},
        "services web: pullRequestPreviewsEnabled: is deprecated; use previews: {generation: …}",
    ),
    "a service's previewPlan": (
        WEB | {"previewPlan": "free"},
        "services web: previewPlan: is deprecated; use previews: {plan: …}",
    ),
    "redis": (
        {"type": "redis", "name": "cache", "ipAllowList": []},
        "services cache: type: redis is deprecated; use keyvalue",
    ),
    "a branch with previews": (
        WEB | {"branch": "main", "previews": {"generation": "automatic"}},
        "services web: branch: a preview would have this branch in place of its own; leave branch out",
    ),
    "too many instances": (
        WEB | {"numInstances": 101},
        "services web: numInstances: got 101, Render runs at most 100",
    ),
    "scaling to too many instances": (
        WEB | {"scaling": SCALING | {"maxInstances": 101}},
        "services web: scaling.maxInstances: got 101, Render runs at most 100",
    ),
    "a schedule of four fields": (
        CRON | {"schedule": "0 2 * *"},
        "services cron: schedule: takes the five fields of cron: minute, hour, day, month, weekday",
    ),
    "a variable that is there twice": (
        WEB | {"envVars": [{"key": "A", "value": "1"}, {"key": "A", "value": "2"}]},
        "services web: A: is there 2 times; keep one",
    ),
    "an empty filter": (
        WEB | {"buildFilter": {"paths": []}},
        "services web: buildFilter: without paths and ignoredPaths it empties the filter there is; leave it out",
    ),
}


@pytest.mark.parametrize(("service", "sentence"), LET_PASS.values(), ids=LET_PASS)
def test_what_the_schema_lets_pass_is_found(service: dict[str, Any], sentence: str) -> None:
    assert told(service) == [sentence]


@pytest.mark.skipif(not SCHEMA.exists(), reason="Render's schema is not here (RENDER_BLUEPRINT_SCHEMA)")
@pytest.mark.parametrize("service", [service for service, _ in LET_PASS.values()], ids=LET_PASS)
def test_the_schema_does_let_it_pass(service: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate({"services": [service]})


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        pytest.param({"name": "a", "runtime": "docker"}, "services a: type: got null, takes web, pserv", id="type"),
        pytest.param({"type": "web", "name": "a"}, "services a: runtime: is required", id="runtime"),
        pytest.param(WEB | {"env": "docker"}, "services web: env: is deprecated; use runtime", id="env"),
        pytest.param(CRON | {"schedule": ""}, "services cron: schedule: takes the five fields of cron", id="schedule"),
        pytest.param(CRON | {"disk": DISK}, "services cron: disk: is not for cron jobs", id="disk of a cron job"),
        pytest.param(
            {"type": "keyvalue", "name": "a", "ipAllowList": [], "previews": {"plan": "free"}},
            "services a: previews: is for services; the plan of a store's preview is previewPlan",
            id="plan of a store's preview",
        ),
        pytest.param({"type": "keyvalue", "name": "a"}, "services a: ipAllowList: is required", id="ipAllowList"),
        pytest.param(
            WEB | {"ipAllowList": [{"cidrBlock": "203.0.113.0/24"}]},
            "services web: ipAllowList: an entry takes source (the API's word is cidrBlock)",
            id="source",
        ),
        pytest.param(
            WEB | {"plan": "pro_plus"},
            "services web: plan: got pro_plus, which is the API's spelling; a Blueprint has pro plus",
            id="spelling of a service's plan",
        ),
        pytest.param(
            WEB | {"scaling": SCALING | {"targetCPUPercent": 95}},
            "services web: scaling.targetCPUPercent: got 95, takes 1 to 90",
            id="target",
        ),
    ],
)
def test_what_the_schema_refuses_too_is_told_in_a_sentence(service: dict[str, Any], sentence: str) -> None:
    [problem] = told(service)

    assert problem.startswith(sentence)


def test_a_word_without_quotes_is_found_as_yaml_reads_it() -> None:
    text = """
services:
  - {type: web, name: web, runtime: docker, autoDeployTrigger: off, previews: {generation: off}}
previews: {generation: off}
"""

    assert [problem.partition(": got")[0] for problem in problems(yaml.safe_load(text))] == [
        "previews.generation",
        "services web: autoDeployTrigger",
        "services web: previews.generation",
    ]


def test_what_is_deprecated_at_the_top_is_told() -> None:
    assert problems({"previewsEnabled": True, "previewsExpireAfterDays": 3}) == [
        "previewsEnabled: is deprecated; use previews: {generation: …}",
        "previewsExpireAfterDays: is deprecated; use previews: {expireAfterDays: …}",
    ]


def test_a_resource_stands_in_one_place() -> None:
    tree = {"services": [WEB], "projects": [{"name": "p", "environments": [{"name": "e", "services": [WEB]}]}]}

    assert problems(tree) == ["services web: is there 2 times (the file itself, p/e); a resource stands in one place"]


@pytest.mark.parametrize(
    ("database", "sentence"),
    [
        pytest.param(
            {"readReplicas": []}, "readReplicas: an empty list destroys the replicas there are", id="replicas"
        ),
        pytest.param({"plan": "basic_256mb"}, "plan: got basic_256mb, which is the API's spelling", id="spelling"),
        pytest.param({"plan": "free", "diskSizeGB": 5}, "diskSizeGB: the free plan has none", id="free disk"),
        pytest.param({"ipAllowList": [{"cidrBlock": "::/0"}]}, "ipAllowList: an entry takes source", id="source"),
    ],
)
def test_a_database_is_checked_as_well(database: dict[str, Any], sentence: str) -> None:
    [problem] = told(databases=[DATABASE | database])

    assert problem.startswith(f"databases db: {sentence}")


def test_a_database_that_is_right_passes() -> None:
    assert (
        told(databases=[DATABASE | {"ipAllowList": [], "readReplicas": [{"name": "a"}], "previewPlan": "free"}]) == []
    )
