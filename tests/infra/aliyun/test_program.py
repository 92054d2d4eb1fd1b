"""The Alibaba Cloud program as a whole: what is made, through which provider, and where secrets go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.aliyun import program
from infra.errors import ConfigError
from infra.plan import plan_of
from tests.support.aliyun_plan import EVERYTHING, of_kind, one
from tests.support.serving import ROOT
from tests.support.stacks import SECRETS, aliyun_plan, aliyun_values, example_values


def kinds(plan: Any) -> list[str]:
    return sorted(
        f"{resource.type.rpartition(':')[2]} {resource.name}"
        for resource in plan.resources
        if resource.type.startswith("alicloud:")
    )


def test_the_least_stack_has_a_function_its_code_logs_role_and_jobs() -> None:
    found = [kind for kind in kinds(aliyun_plan()) if "V3FunctionVersion" not in kind]

    assert found == [
        "Bucket memory-code",
        "BucketAcl memory-code",
        "BucketObject memory-code-code",
        "Policy memory-role",
        "Project memory-logs",
        "Role memory-role",
        "RolePolicyAttachment memory-role",
        "Store memory-logs",
        "StoreIndex memory-logs",
        "V3Alias memory-function",
        "V3Function memory-function",
        "V3Function memory-jobs",
        "V3Trigger memory-http",
        "V3Trigger memory-jobs-maintain",
    ]


def test_a_stack_with_everything_has_every_part() -> None:
    found = {kind.partition(" ")[0] for kind in kinds(aliyun_plan(**EVERYTHING))}

    assert found >= {
        "Network", "Switch", "SecurityGroup", "Instance", "RdsAccount", "Database", "V3LayerVersion", "V3CustomDomain",
        "V3ConcurrencyConfig", "Alarm",
    }  # fmt: skip


def test_every_resource_goes_through_the_provider_of_the_stacks_account() -> None:
    plan = plan_of(example_values(ROOT / "Pulumi.aliyun.yaml"))
    [provider] = [resource for resource in plan.resources if resource.type == "pulumi:providers:alicloud"]

    assert provider.inputs["accountId"] == "1234567890123456"
    assert provider.inputs["accountType"] == "Domestic"
    assert all("alicloud" in resource.provider for resource in plan.resources if resource.type.startswith("alicloud:"))


def test_keys_of_the_stack_are_secrets_of_the_provider() -> None:
    plan = aliyun_plan(secrets={"accessKeyId": "made-up-id", "accessKeySecret": "made-up-secret"})
    [provider] = [resource for resource in plan.resources if resource.type == "pulumi:providers:alicloud"]

    assert provider.secrets == {"accessKey", "secretKey"}


def test_no_secret_is_in_an_input_that_the_state_shows() -> None:
    secrets = {"accessKeySecret": "made-up-of-the-account", "accessKeyId": "made-up-id-of-the-account"}
    given = {**EVERYTHING, "secrets": {**EVERYTHING["secrets"], **secrets, "DASHSCOPE_API_KEY": "made-up-dashscope"}}
    plan = aliyun_plan(**given)
    values = [*given["secrets"].values(), SECRETS["adminToken"]]

    shown = [
        (resource.name, key)
        for resource in plan.resources
        for key, value in resource.inputs.items()
        if key not in resource.secrets and any(secret in json.dumps(value) for secret in values)
    ]
    # The provider masks the private key inside certConfig; the whole of it is a secret here as well.
    assert shown == []


def test_keys_are_missed_before_anything_is_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALICLOUD_ACCESS_KEY", "ALICLOUD_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ConfigError, match="no keys to Alibaba Cloud"):
        program.run(aliyun_values())


def test_the_database_that_is_kept_is_protected() -> None:
    assert one(aliyun_plan(**EVERYTHING), "Instance")["deletionProtection"] is True
    assert one(aliyun_plan(**EVERYTHING, keepData=False), "Instance")["deletionProtection"] is False


def test_an_own_layer_comes_before_those_of_others() -> None:
    function = of_kind(aliyun_plan(**EVERYTHING), "V3Function")["memory-function"].inputs

    assert [layer.rpartition("layers/")[2].partition("/")[0] for layer in function["layers"]] == [
        "memory-layer",
        "MCP-Runtime-V2",
        "Python312",
    ]
    assert one(aliyun_plan(**EVERYTHING), "V3LayerVersion")["code"]["ossObjectName"].startswith("layer-")
