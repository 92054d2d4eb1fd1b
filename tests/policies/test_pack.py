"""The pack: every rule as a mandatory policy, which reads properties with unknown values without an advisory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyProviderResource,
    PolicyResource,
    PolicyResourceOptions,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.catalogue import ConfigurationError, all_rules
from policies.pack import policies
from policies.rule import Resource
from policies.unknown import UNKNOWN
from tests.policies.cases import Case, example, resource
from tests.policies.test_catalogue import CASES

POLICIES = {policy.name: policy for policy in policies()}


def to_wire(value: Any) -> Any:
    """Return a value as the engine sends it."""
    if value is UNKNOWN:
        return UNKNOWN_STRING_VALUE
    if isinstance(value, Mapping):
        return {name: to_wire(one) for name, one in value.items()}
    return [to_wire(one) for one in value] if isinstance(value, list) else value


def options_of(one: Resource) -> PolicyResourceOptions:
    outputs = sorted(one.options.secret_outputs)
    return PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), outputs, None)


def provider_of(one: Resource) -> PolicyProviderResource:
    return PolicyProviderResource("pulumi:providers:it", unknown_checking_proxy(to_wire(one.provider)), "", "it")


def judged(name: str, resources: list[Resource], config: dict[str, Any] | None = None) -> list[str]:
    """Return what a policy reports."""
    found: list[str] = []
    policy = POLICIES[name]

    def report(message: str, urn: str | None = None) -> None:
        found.append(message)

    if isinstance(policy, ResourceValidationPolicy):
        for one in resources:
            props = unknown_checking_proxy(to_wire(one.props))
            args = ResourceValidationArgs(
                one.type, props, one.urn, one.name, options_of(one), provider_of(one), config, None
            )
            policy.validate(args, report)
    elif isinstance(policy, StackValidationPolicy):
        given = [
            PolicyResource(
                one.type,
                unknown_checking_proxy(to_wire(one.props)),
                one.urn,
                one.name,
                options_of(one),
                provider_of(one),
                None,
                [],
                {},
            )
            for one in resources
        ]
        policy.validate(StackValidationArgs(given, config, None), report)
    return found


def test_every_rule_is_a_mandatory_policy_that_says_why_and_what_to_do() -> None:
    assert list(POLICIES) == [rule.name for rule in all_rules()]
    for rule in all_rules():
        policy = POLICIES[rule.name]
        assert policy.enforcement_level is EnforcementLevel.MANDATORY
        assert (policy.description, policy.remediation_steps) == (rule.why, rule.remedy)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_policy_reports_what_its_rule_does(case: Case) -> None:
    assert judged(case.rule, case.stack_with(case.broken()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_policy_reads_unknown_values_without_raising(case: Case) -> None:
    assert judged(case.rule, case.stack_with(case.unsure())) == []


def test_a_policy_has_the_schema_of_its_thresholds_and_takes_a_configuration() -> None:
    schema = POLICIES["aliyun-function-memory"].config_schema
    function = [resource("aliyun", "V3Function", "memory-function")]

    assert schema is not None
    assert schema.properties is not None
    assert set(schema.properties) == {"minimumMb", "maximumMb"}
    assert POLICIES["render-health-check"].config_schema is None
    assert judged("aliyun-function-memory", function) == []
    assert judged("aliyun-function-memory", function, {"maximumMb": 1024.0, "minimumMb": 128.0})


def test_a_wrong_configuration_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="maximum: Extra inputs"):
        judged("aliyun-function-memory", list(example("aliyun")), {"maximum": 1})


@pytest.mark.parametrize(("kept", "reported"), [("true", False), ("false", True)])
def test_volumes_that_go_with_the_stack_are_seen_by_its_configuration(
    kept: str, reported: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", f'{{"claude-memory:keepData": "{kept}"}}')
    volumes = [one for one in example("selfhost") if one.name.endswith("-data")]

    assert bool(judged("selfhost-volumes-kept", volumes)) is reported
