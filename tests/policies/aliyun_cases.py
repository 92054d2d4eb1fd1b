"""Broken copies for the rules about Alibaba Cloud."""

from __future__ import annotations

import json
from typing import Any

from tests.policies.cases import Case, Path


def _function(rule: str, values: dict[Path, Any], **others: Any) -> Case:
    return Case(
        rule=f"aliyun-{rule}", stack="aliyun", kind="V3Function", name="memory-function", values=values, **others
    )


def _document(action: str, resource: str) -> str:
    return json.dumps({"Statement": [{"Action": [action], "Effect": "Allow", "Resource": [resource]}], "Version": "1"})


_ENVIRONMENT = ("environmentVariables",)
CASES = (
    _function("function-memory", {("memorySize",): 1024.0}),
    _function("function-memory", {("memorySize",): 4096.0}),
    _function("function-timeout", {("timeout",): 60.0}),
    _function("function-runtime", {("runtime",): "python3.10"}),
    _function("function-port", {("customRuntimeConfig", "port"): 9000.0}),
    _function("function-command", {("customRuntimeConfig", "commands"): ["python", "main.py"]}),
    _function("function-health", {("customRuntimeConfig", "healthCheckConfig", "httpGetUrl"): "/healthz"}),
    _function("session-affinity", {("sessionAffinity",): "NONE"}),
    _function(
        "session-affinity",
        {("sessionAffinityConfig",): '{"sseEndpointPath":"/events","sessionConcurrencyPerInstance":20}'},
    ),
    _function("sessions-fit", {("instanceConcurrency",): 10.0}),
    _function("layers-in-region", {("layers", 0): "acs:fc:cn-shanghai:official:layers/Python312/versions/1"}),
    _function("no-platform-variables", {(*_ENVIRONMENT, "FC_REGION"): "here"}, unknown=(_ENVIRONMENT,)),
    _function("variables-fit", {(*_ENVIRONMENT, "PUBLIC_URL"): "x" * 5_000}),
    _function("function-logs", {("logConfig",): {"project": "p"}}),
    _function("no-isolation", {("instanceIsolationMode",): "SESSION_EXCLUSIVE"}),
    _function(
        "address-needs-token",
        {(*_ENVIRONMENT, "AUTH"): "off"},
        beside=(("V3Trigger", "memory-http"),),
    ),
    Case(
        rule="aliyun-role-narrow",
        stack="aliyun",
        kind="Policy",
        name="memory-role",
        values={("policyDocument",): _document("log:*", "acs:log:cn-hangzhou:1234567890123456:project/p")},
    ),
    Case(
        rule="aliyun-role-narrow",
        stack="aliyun",
        kind="Policy",
        name="memory-role",
        values={("policyDocument",): _document("log:PostLogStoreLogs", "*")},
    ),
    Case(
        rule="aliyun-role-narrow",
        stack="aliyun",
        kind="Policy",
        name="memory-role",
        values={("policyDocument",): _document("ecs:CreateNetworkInterface", "acs:ecs:*:*:*")},
    ),
    Case(
        rule="aliyun-role-narrow",
        stack="aliyun",
        kind="RolePolicyAttachment",
        name="memory-role",
        values={("policyType",): "System", ("policyName",): "AliyunLogFullAccess"},
    ),
)
