"""A plan held to the policies, without Pulumi's engine."""

from __future__ import annotations

from typing import Any

from infra.plan import Declared, Plan
from policies.catalogue import Configuration, violations
from policies.rule import Options, Resource, Violation


def violations_of(stack: str, plan: Plan, configuration: Configuration | None = None) -> list[Violation]:
    """Return how a stack's plan breaks the policies. Raises ConfigurationError."""
    return violations(resources_of(stack, plan), configuration)


def resources_of(stack: str, plan: Plan) -> list[Resource]:
    """Return the resources of a plan as rules take them."""
    providers = {one.urn: one.inputs for one in plan.resources if one.type.startswith("pulumi:providers:")}
    return [_resource(stack, one, providers) for one in plan.resources]


def _resource(stack: str, one: Declared, providers: dict[str, Any]) -> Resource:
    return Resource(
        type=one.type,
        name=one.name,
        stack=stack,
        props=one.inputs,
        secrets=one.secrets,
        options=Options(
            protected=one.options.protected,
            retained=one.options.retained,
            secret_outputs=one.options.secret_outputs,
        ),
        provider=providers.get(one.provider.rpartition("::")[0], {}),
        urn=one.urn,
    )
