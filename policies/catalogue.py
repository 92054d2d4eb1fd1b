"""All rules, and how a stack is held to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from policies import aliyun_rules, render_rules, secret_rules, selfhost_rules, stack_rules
from policies.rule import AnyRule, Resource, ResourceRule, Violation
from policies.thresholds import Thresholds

RULES: Mapping[str, tuple[AnyRule, ...]] = {
    "Secrets": secret_rules.RULES,
    "Every stack": stack_rules.RULES,
    "Alibaba Cloud": aliyun_rules.RULES,
    "Render": render_rules.RULES,
    "Your own hosts": selfhost_rules.RULES,
}  # by subject
Configuration = Mapping[str, Mapping[str, Any]]  # thresholds by the name of their rule


class ConfigurationError(Exception):
    """A policy configuration names a rule or a threshold that does not exist, or a wrong value."""


def all_rules() -> list[AnyRule]:
    """Return all rules, each once."""
    return [rule for rules in RULES.values() for rule in rules]


def violations(resources: Sequence[Resource], configuration: Configuration | None = None) -> list[Violation]:
    """Return how a stack breaks the rules. Raises ConfigurationError."""
    configuration = configuration or {}
    known = {rule.name for rule in all_rules()}
    for name in configuration:
        if name not in known:
            raise ConfigurationError(
                f"the policy configuration names {name}; docs/policies.md lists the rules there are"
            )
    return [found for rule in all_rules() for found in _of(rule, resources, configuration.get(rule.name, {}))]


def _of(rule: AnyRule, resources: Sequence[Resource], given: Mapping[str, Any]) -> Iterator[Violation]:
    thresholds = thresholds_of(rule, given)
    if isinstance(rule, ResourceRule):
        for resource in resources:
            yield from rule.violations(resource, thresholds)
    else:
        yield from rule.violations(resources, thresholds)


def thresholds_of(rule: AnyRule, given: Mapping[str, Any]) -> Thresholds:
    """Return a rule's thresholds with what a configuration changes. Raises ConfigurationError."""
    if not given:
        return rule.thresholds
    try:
        return type(rule.thresholds).model_validate(dict(given))
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ConfigurationError(f"the policy configuration of {rule.name} is wrong: {found}") from None
