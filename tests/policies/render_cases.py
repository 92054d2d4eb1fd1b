"""Broken copies for the rules about Render."""

from __future__ import annotations

from typing import Any

from tests.policies.cases import GONE, Case, Path


def _of(kind: str, name: str, rule: str, values: dict[Path, Any], **others: Any) -> Case:
    return Case(rule=f"render-{rule}", stack="render", kind=kind, name=name, values=values, **others)


def _web(rule: str, values: dict[Path, Any], **others: Any) -> Case:
    return _of("WebService", "memory-web", rule, values, **others)


CASES = (
    _of("Postgres", "memory-postgres", "no-free-plan", {("plan",): "free"}),
    _web("health-check", {("healthCheckPath",): "/"}),
    _web("scaling-bounds", {("autoscaling", "max"): 50.0}),
    _web("scaling-bounds", {("autoscaling", "min"): 5.0}, refused=True),
    _web(
        "no-disk-with-scaling",
        {("disk",): {"name": "data", "mountPath": "/data", "sizeGB": 1.0}},
        unknown=(("disk",), ("autoscaling",)),
        refused=True,
    ),
    _web("no-auto-deploy", {("autoDeployTrigger",): "commit"}),
    _web("no-auto-deploy", {("autoDeployTrigger",): GONE}),
    _web("one-region", {("region",): "frankfurt"}, beside=(("Postgres", "memory-postgres"),)),
    _of(
        "PrivateService",
        "memory-qdrant",
        "secrets-write-only",
        {("envVars", "QDRANT__SERVICE__API_KEY"): "made-up-key-of-qdrant"},
    ),
    _of("Postgres", "memory-postgres", "stores-closed", {("ipAllowList",): [{"cidrBlock": "0.0.0.0/0"}]}),
)
