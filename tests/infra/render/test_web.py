"""The web service: health check, preparation, instances, who may connect; and what a free one leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from infra.monitoring.jobs import Lookup
from infra.render.app_settings import AppSettings
from infra.render.config import Scaling
from infra.render.config import Web as WebConfig
from infra.render.services import PROGRAM
from infra.render.web import Web, WebArgs
from tests.support.render_plan import CODE, PLACE, SHARED, built, one


def args(**options: Any) -> WebArgs:
    return WebArgs(
        place=PLACE,
        code=CODE,
        options=WebConfig(**options),
        shared=SHARED,
        settings=AppSettings(plain={"PUBLIC_URL": "https://memory.example.org"}),
        preview_generation="off",
    )


def inputs(**options: Any) -> Mapping[str, Any]:
    return one(built(lambda: Web("web", args(**options))), "WebService")


def test_render_asks_for_health_and_the_images_own_command_serves() -> None:
    given = inputs()

    assert given["healthCheckPath"] == "/health"
    assert "dockerCommand" not in given
    assert (given["runtime"], given["dockerfilePath"]) == ("docker", "./app/Dockerfile")


def test_the_database_is_prepared_before_a_new_version_serves() -> None:
    assert inputs()["preDeployCommand"] == f"{PROGRAM} init"


def test_a_free_service_has_no_command_before_a_deploy_and_one_instance() -> None:
    given = inputs(plan="free")

    assert not {"preDeployCommand", "autoscaling", "numInstances", "disk"} & given.keys()


def test_it_has_the_shared_settings_and_its_own() -> None:
    given = inputs()

    assert given["envGroupIds"] == ["evg-1"]
    assert given["redeployOn"] == {"settings": "revision-1"}
    assert given["envVars"] == {"PUBLIC_URL": "https://memory.example.org"}


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        pytest.param(Scaling(), {}, id="one"),
        pytest.param(Scaling(min=2, max=2), {"numInstances": 2}, id="a fixed number"),
        pytest.param(
            Scaling(max=3),
            {"autoscaling": {"min": 1, "max": 3, "cpuPercent": 70, "memoryPercent": 80}},
            id="by CPU and memory",
        ),
        pytest.param(
            Scaling(max=3, memory_percent=None), {"autoscaling": {"min": 1, "max": 3, "cpuPercent": 70}}, id="by CPU"
        ),
    ],
)
def test_it_scales_as_the_stack_says(scaling: Scaling, expected: dict[str, Any]) -> None:
    given = inputs(scaling=scaling)

    assert {name: given[name] for name in ("numInstances", "autoscaling") if name in given} == expected


def test_everyone_may_connect_unless_the_stack_names_addresses() -> None:
    assert "ipAllowList" not in inputs()
    assert inputs(allowed_addresses=("203.0.113.0/24",))["ipAllowList"] == [{"cidrBlock": "203.0.113.0/24"}]


def test_pull_requests_are_not_previewed() -> None:
    assert inputs()["previewGeneration"] == "off"


def test_all_its_instances_are_found_by_one_name() -> None:
    found: list[Lookup] = []
    built(lambda: Web("web", args()).instances.apply(found.append))

    assert found == [Lookup(name="claude-memory-web-discovery", port=8080)]
