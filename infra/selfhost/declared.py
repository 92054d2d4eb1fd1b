"""What a stack's file declares: its hosts, its images, and which service is to run on which host. Needs no secret."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.command_errors import CannotDo, WrongUsage, meant
from infra.errors import InfraError
from infra.plan import Declared, Plan, plan_of_checked
from infra.plan.names import stack_files
from infra.plan.stacks import checked_stack
from infra.selfhost.config import SelfhostConfig
from infra.selfhost.labels import SERVICE
from infra.targets import Target

_CONTAINER, _PROVIDER = "docker:index/container:Container", "pulumi:providers:docker"


@dataclass(frozen=True, kw_only=True)
class DeclaredStack:
    """options: with made-up secrets. services: the address of the engine that each is to run on.

    images: the name of each service's image, with the digest where the lock has one.
    """

    options: SelfhostConfig
    services: Mapping[str, str]
    images: Mapping[str, str]


def declared_stack(root: Path, stack: str) -> DeclaredStack:
    """Return what the file of a selfhost stack declares. Raises WrongUsage, or CannotDo for a wrong configuration."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # of the provider's own modules
    files = stack_files(root)
    if stack not in files:
        there = ", ".join(files) or "none"
        raise WrongUsage(
            f"there is no stack {stack}: no file Pulumi.{stack}.yaml{meant(stack, files)}; there are {there}"
        )
    try:
        checked = checked_stack(root, stack)
        target = checked.values.plain("target")
        if target != Target.SELFHOST:
            raise WrongUsage(f"stack {stack} is for the target {target}; name one for {Target.SELFHOST}")
        plan = plan_of_checked(checked.values, checked.configuration)
    except InfraError as error:
        raise CannotDo(str(error)) from None
    options: SelfhostConfig = checked.configuration.options
    engines = {name: str(one.inputs["host"]) for name, one in plan.of_type(_PROVIDER).items()}
    serving = _serving(plan)
    return DeclaredStack(
        options=options,
        services={service: engines[one.provider.split("::")[-2]] for service, one in serving.items()},
        images={service: str(one.inputs["image"]) for service, one in serving.items()},
    )


def _serving(plan: Plan) -> dict[str, Declared]:
    """Return the containers that run until they are stopped, by the names of their services."""
    found = {}
    for one in plan.of_type(_CONTAINER).values():
        labels = {entry["label"]: entry["value"] for entry in one.inputs.get("labels", [])}
        if SERVICE in labels and one.inputs.get("mustRun", True):
            found[labels[SERVICE]] = one
    return found
