"""The rules as Pulumi's policy packs take them: all mandatory, and quiet about what a preview does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.runtime.config import get_config_env
from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from infra.config import NAMESPACE
from policies.catalogue import all_rules, thresholds_of
from policies.rule import AnyRule, Options, Resource, ResourceRule, StackRule
from policies.unknown import UNKNOWN, Unknown

NAME = NAMESPACE
_KEEPS = f"{NAMESPACE}:keepData"


def policies() -> list[Policy]:
    """Return a policy for each rule."""
    return [_of_resources(rule) if isinstance(rule, ResourceRule) else _of_stack(rule) for rule in all_rules()]


def _of_resources(rule: ResourceRule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if rule.types and args.resource_type not in rule.types:
            return
        resource = _resource(args.resource_type, args.name, args.urn, args.props, args.opts, args.provider)
        for violation in rule.violations(resource, thresholds_of(rule, args.get_config())):
            report(violation.message, None)

    return ResourceValidationPolicy(validate=validate, **_described(rule))


def _of_stack(rule: StackRule) -> Policy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        resources = [_of_policy(one) for one in args.resources]
        for violation in rule.violations(resources, thresholds_of(rule, args.get_config())):
            report(violation.message, violation.resource.urn if violation.resource is not None else None)

    return StackValidationPolicy(validate=validate, **_described(rule))


def _described(rule: AnyRule) -> dict[str, Any]:
    properties = rule.thresholds.properties()
    return {
        "name": rule.name,
        "description": rule.why,
        "enforcement_level": EnforcementLevel.MANDATORY,
        "config_schema": PolicyConfigSchema(properties=properties) if properties else None,
        "remediation_steps": rule.remedy,
    }


def _of_policy(one: PolicyResource) -> Resource:
    return _resource(one.resource_type, one.name, one.urn, one.props, one.opts, one.provider)


def _resource(
    type_: str,
    name: str,
    urn: str,
    props: Mapping[str, Any],
    options: PolicyResourceOptions,
    provider: PolicyProviderResource | None,
) -> Resource:
    return Resource(
        type=type_,
        name=name,
        urn=urn,
        stack=urn.removeprefix("urn:pulumi:").partition("::")[0],
        props=_read_mapping(props),
        options=Options(
            protected=bool(options.protect),
            retained=_retained(),
            secret_outputs=frozenset(options.additional_secret_outputs),
        ),
        provider=_read_mapping(provider.props) if provider is not None else {},
    )


def _retained() -> bool | Unknown:
    """Return False if the stack says that its data goes with it. The engine does not show the option to policies."""
    return False if get_config_env().get(_KEEPS) == "false" else UNKNOWN


def _read_mapping(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties with UNKNOWN in place of those whose reading raises."""
    return {name: _read(props, name) for name in props}


def _read(container: Any, key: str | int) -> Any:
    try:
        value = container[key]
    except UnknownValueError:
        return UNKNOWN
    if isinstance(value, Mapping):
        return _read_mapping(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_read(value, number) for number in range(len(value))]
    return value
