"""Reads what the Alibaba Cloud program declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.aliyun.mock_outputs import mock_outputs
from infra.plan import Declared, Plan, declared

NETWORK = {"zone": "cn-hangzhou-h"}
# The keys and secrets of a stack that has everything.
EVERYTHING: dict[str, Any] = {
    "secrets": {"databasePassword": "Made-up-password-0f-the-app", "certificateKey": "made-up-key"},
    "DATABASE_URL": None,
    "network": NETWORK,
    "postgres": {},
    "domain": {"name": "memory.example.org", "certificate": "-----BEGIN CERTIFICATE-----"},
    "alarms": {"contactGroups": ["operators"]},
    "provisioned": {"instances": 1, "schedule": [{"name": "day", "at": "0 0 8 * * *", "instances": 2}]},
    "function": {"reserved": 10},
    "code": {"dependencies": "layer"},
}


def built(declare: Callable[[], object]) -> Plan:
    """Return what `declare` declares."""

    def program() -> None:
        declare()

    return declared("test", program, mock_outputs)


def of_kind(plan: Plan, kind: str) -> dict[str, Declared]:
    """Return the resources of a type, such as V3Function, by the name in Pulumi."""
    return {
        resource.name: resource
        for resource in plan.resources
        if resource.type.startswith("alicloud:") and resource.type.rpartition(":")[2] == kind
    }


def one(plan: Plan, kind: str) -> Mapping[str, Any]:
    """Return the inputs of the only resource of a type."""
    [found] = of_kind(plan, kind).values()
    return found.inputs
