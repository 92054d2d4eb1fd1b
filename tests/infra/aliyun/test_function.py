"""The function: what it is made of, and how its releases share requests."""

from __future__ import annotations

import json
from typing import Any

from app.endpoints import SSE
from infra.aliyun.function import affinity
from infra.plan import Plan
from tests.support.aliyun_plan import EVERYTHING, of_kind, one
from tests.support.stacks import SECRETS, aliyun_plan

OLD = "0123456789ab"


def function(**others: Any) -> dict[str, Any]:
    return dict(of_kind(aliyun_plan(**others), "V3Function")["memory-function"].inputs)


def versions(plan: Plan) -> list[str]:
    return sorted(found.inputs["description"] for found in of_kind(plan, "V3FunctionVersion").values())


def new_release() -> str:
    [description] = versions(aliyun_plan())
    return description.removeprefix("release ")


def test_the_function_is_as_the_documentation_of_an_mcp_server_asks() -> None:
    found = function()

    assert found["runtime"] == "custom.debian12"
    assert found["customRuntimeConfig"]["commands"] == ["python", "mcp_server.py"]
    assert found["customRuntimeConfig"]["port"] == 8000
    assert found["customRuntimeConfig"]["healthCheckConfig"]["httpGetUrl"] == "/health"
    assert (found["memorySize"], found["cpu"], found["diskSize"]) == (2048, 1, 512)
    assert (found["timeout"], found["instanceConcurrency"]) == (600, 200)
    assert found["layers"] == [
        "acs:fc:cn-hangzhou:1730431480417716:layers/MCP-Runtime-V2/versions/1",
        "acs:fc:cn-hangzhou:official:layers/Python312/versions/1",
    ]
    assert "instanceIsolationMode" not in found


def test_a_session_stays_with_its_instance_by_the_path_that_the_app_serves() -> None:
    assert function()["sessionAffinity"] == "MCP_SSE"
    assert json.loads(function()["sessionAffinityConfig"]) == {
        "sseEndpointPath": SSE,
        "sessionConcurrencyPerInstance": 20,
    }
    assert affinity(7) == f'{{"sseEndpointPath":"{SSE}","sessionConcurrencyPerInstance":7}}'


def test_the_layers_are_of_the_stacks_region() -> None:
    assert all(":ap-southeast-1:" in layer for layer in function(region="ap-southeast-1")["layers"])


def test_variables_are_secret_and_name_nothing_of_the_platforms() -> None:
    found = of_kind(aliyun_plan(), "V3Function")["memory-function"]
    variables = found.inputs["environmentVariables"]

    assert "environmentVariables" in found.secrets
    assert not [name for name in variables if name.startswith("FC_")]
    assert variables["AUTH"] == "required"
    assert variables["HOST"] == "0.0.0.0"
    assert variables["PORT"] == "8000"
    assert variables["LOG_LEVEL"] == "INFO"
    assert variables["DASHSCOPE_BASE_URL"].startswith("https://dashscope")
    assert variables["ADMIN_TOKEN"] == SECRETS["adminToken"]
    assert variables["PATH"].startswith("/opt/python3.12/bin:")


def test_a_release_is_a_version_that_the_alias_serves() -> None:
    plan = aliyun_plan()

    assert versions(plan) == [f"release {new_release()}"]
    assert one(plan, "V3Alias")["versionId"] == f"memory-function-{new_release()}-version"
    assert "additionalVersionWeight" not in one(plan, "V3Alias")


def test_a_canary_gives_the_new_release_its_share_and_keeps_the_old_one() -> None:
    plan = aliyun_plan(release={"serving": OLD, "canary": 10})

    assert versions(plan) == sorted([f"release {OLD}", f"release {new_release()}"])
    assert one(plan, "V3Alias")["versionId"] == f"memory-function-{OLD}-version"
    assert one(plan, "V3Alias")["additionalVersionWeight"] == {f"memory-function-{new_release()}-version": 0.1}


def test_promoted_the_new_release_gets_everything_and_the_old_one_can_be_kept() -> None:
    plan = aliyun_plan(release={"keep": [OLD]})

    assert versions(plan) == sorted([f"release {OLD}", f"release {new_release()}"])
    assert one(plan, "V3Alias")["versionId"] == f"memory-function-{new_release()}-version"


def test_rolled_back_the_old_release_gets_everything_and_no_new_one_is_made() -> None:
    plan = aliyun_plan(release={"serving": OLD})

    assert versions(plan) == [f"release {OLD}"]
    assert one(plan, "V3Alias")["versionId"] == f"memory-function-{OLD}-version"


def test_a_canary_that_is_the_serving_release_has_no_share_of_its_own() -> None:
    plan = aliyun_plan(release={"serving": new_release(), "canary": 10})

    assert versions(plan) == [f"release {new_release()}"]
    assert "additionalVersionWeight" not in one(plan, "V3Alias")


def test_reserved_instances_are_asked_for() -> None:
    assert one(aliyun_plan(**EVERYTHING), "V3ConcurrencyConfig")["reservedConcurrency"] == 10


def test_no_instances_are_reserved_unless_asked_for() -> None:
    assert of_kind(aliyun_plan(), "V3ConcurrencyConfig") == {}
