"""The variables that a stack's program gives its services, worked out from the stack's file without Pulumi."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.command_errors import CannotDo
from infra.errors import InfraError
from infra.plan import plan_of
from infra.render.blueprint.stack_file import whole_stack_values

_GROUP, _SERVICES = "render:index:EnvGroup", ("WebService", "PrivateService", "BackgroundWorker", "CronJob")


def declared_variables(file: Path) -> dict[str, dict[str, str | None]]:
    """Return variables by service and name; None for a secret, which Pulumi alone reads. Raises CannotDo."""
    try:
        plan = plan_of(whole_stack_values(file))
    except InfraError as error:
        raise CannotDo(str(error)) from None
    groups = {f"{name}-id": group.inputs["envVars"] for name, group in plan.of_type(_GROUP).items()}
    found = {}
    for one in plan.resources:
        if one.type.rpartition(":")[2] in _SERVICES:
            merged: dict[str, Any] = {}
            for id_ in one.inputs.get("envGroupIds", []):
                merged |= groups[id_]
            found[str(one.inputs["name"])] = _plain({**merged, **one.inputs.get("envVars", {})})
    return found


def _plain(variables: Mapping[str, Any]) -> dict[str, str | None]:
    return {name: value if isinstance(value, str) else None for name, value in variables.items()}
