"""All rules together: each has cases, example stacks keep them all, and what is unknown breaks none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from policies.catalogue import ConfigurationError, all_rules, violations
from policies.rule import Resource, ResourceRule
from policies.unknown import UNKNOWN
from tests.policies import aliyun_cases, render_cases, secret_cases, selfhost_cases, stack_cases
from tests.policies.cases import STACKS, Case, Path, example, put, resource

CASES: tuple[Case, ...] = (
    *secret_cases.CASES,
    *stack_cases.CASES,
    *aliyun_cases.CASES,
    *render_cases.CASES,
    *selfhost_cases.CASES,
)


def broken_rules(resources: list[Resource]) -> set[str]:
    return {found.rule for found in violations(resources)}


def test_names_of_rules_are_unique() -> None:
    assert [name for name, count in Counter(rule.name for rule in all_rules()).items() if count > 1] == []


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert {case.rule for case in CASES} == {rule.name for rule in all_rules()}


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.name)
def test_a_rule_says_why_and_what_to_do_in_a_sentence_each(rule: ResourceRule) -> None:
    for sentence in (rule.why, rule.remedy):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert sentence.count(". ") == 0


@pytest.mark.parametrize("stack", STACKS)
def test_an_example_stack_keeps_every_rule(stack: str) -> None:
    assert [(found.rule, found.message) for found in violations(example(stack))] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_rule_fires_on_a_broken_copy_of_an_example(case: Case) -> None:
    assert case.rule in broken_rules(case.stack_with(case.broken()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_rule_is_quiet_while_what_breaks_it_is_unknown(case: Case) -> None:
    assert case.rule not in broken_rules(case.stack_with(case.unsure()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_message_says_what_is_wrong_and_what_to_do(case: Case) -> None:
    [rule] = [rule for rule in all_rules() if rule.name == case.rule]
    found = [one for one in violations(case.stack_with(case.broken())) if one.rule == case.rule]

    assert all(one.message.endswith(rule.remedy[1:]) for one in found)
    assert all(one.resource is None or one.resource.name in one.message or one.resource.type for one in found)


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the paths of everything in a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield (*path, step)
        yield from paths(one, (*path, step))


@pytest.mark.parametrize("stack", STACKS)
def test_whatever_a_preview_does_not_know_of_a_resource_breaks_no_rule_of_resources(stack: str) -> None:
    for one in example(stack):
        for path in paths(dict(one.props)):
            props = deepcopy(dict(one.props))
            put(props, path, UNKNOWN)
            for rule in all_rules():
                if isinstance(rule, ResourceRule):
                    assert not rule.violations(replace(one, props=props), rule.thresholds), (rule.name, one.name, path)


@pytest.mark.parametrize("stack", STACKS)
def test_whatever_a_preview_does_not_know_of_a_resource_breaks_no_rule_of_the_stack(stack: str) -> None:
    rules = [rule for rule in all_rules() if not isinstance(rule, ResourceRule)]
    resources = list(example(stack))
    for number, one in enumerate(resources):
        for name in one.props:
            changed = [*resources]
            changed[number] = replace(one, props={**one.props, name: UNKNOWN})
            for rule in rules:
                assert not rule.violations(changed, rule.thresholds), (rule.name, one.name, name)


def test_thresholds_can_be_changed_by_the_rule_that_has_them() -> None:
    function = resource("aliyun", "V3Function", "memory-function")
    large = replace(function, props={**function.props, "memorySize": 4096.0})

    def rules(configuration: dict[str, dict[str, Any]]) -> set[str]:
        return {one.rule for one in violations([large], configuration)}

    assert rules({}) - rules({"aliyun-function-memory": {"maximumMb": 4096}}) == {"aliyun-function-memory"}


@pytest.mark.parametrize(
    ("configuration", "problem"),
    [
        ({"no-such-rule": {}}, "names no-such-rule; docs/policies.md lists the rules"),
        ({"aliyun-function-memory": {"most": 1}}, "of aliyun-function-memory is wrong: most: Extra inputs"),
        ({"aliyun-function-memory": {"maximumMb": "much"}}, "maximumMb: Input should be a valid integer"),
        ({"render-health-check": {"path": "/"}}, "of render-health-check is wrong: path: Extra inputs"),
    ],
)
def test_a_wrong_configuration_is_refused(configuration: dict[str, dict[str, Any]], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        violations([], configuration)
