"""Declares components of a Render stack by themselves, and reads what they declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from infra.plan import Declared, Plan, declared
from infra.render.config import Source
from infra.render.mock_outputs import mock_outputs
from infra.render.services import AppCode, Place, SharedSettings

PLACE = Place(stack="render", region="frankfurt", environment_id="evm-1")
REPOSITORY = "https://github.com/example/claude-memory"
CODE = AppCode(source=Source(repo=REPOSITORY))
SHARED = SharedSettings(group_id="evg-1", revision="revision-1")


def built(declare: Callable[[], object]) -> Plan:
    """Return what `declare` declares."""

    def program() -> None:
        declare()

    return declared("test", program, mock_outputs)


def of_kind(plan: Plan, kind: str) -> dict[str, Declared]:
    """Return the resources of a Render type, by the name in Pulumi."""
    return plan.of_type(f"render:index:{kind}")


def one(plan: Plan, kind: str) -> Mapping[str, Any]:
    """Return the inputs of the only resource of a type."""
    [found] = of_kind(plan, kind).values()
    return found.inputs


def plain(variables: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables whose value the state may show."""
    return {name: value for name, value in variables.items() if isinstance(value, str)}


def secret(variables: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that are write-only."""
    return {name: value["value"] for name, value in variables.items() if not isinstance(value, str)}
