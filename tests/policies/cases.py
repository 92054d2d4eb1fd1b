"""Broken copies of example stacks: for each rule at least one, with what a preview does not know in place of it."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from infra.plan import plan_of
from infra.plan.policy_check import resources_of
from policies.rule import Resource
from policies.unknown import UNKNOWN
from tests.support.stacks import EXAMPLES, example_values

Path = tuple[str | int, ...]
GONE = object()  # in place of a value: the property is removed


@dataclass(frozen=True, kw_only=True)
class Case:
    """A resource of an example stack, by the end of its type and its name, and the properties that break a rule.

    unknown: what a preview may not know, if it is not those properties. beside: other resources that the rule needs.
    refused: by the provider already, before a policy sees it in a preview.
    """

    rule: str
    stack: str
    kind: str
    name: str
    values: Mapping[Path, Any]
    unknown: tuple[Path, ...] | None = None
    beside: tuple[tuple[str, str], ...] = ()
    refused: bool = False

    @property
    def id(self) -> str:
        """What a test of it is called."""
        return f"{self.rule}-{self.stack}-{self.name}-{'.'.join(map(str, next(iter(self.values))))}"

    def broken(self) -> Resource:
        """Return the resource with its rule broken."""
        return self._changed(self.values)

    def unsure(self) -> Resource:
        """Return the resource as a preview sees it that knows nothing of what would break the rule."""
        return self._changed(dict.fromkeys(self.values if self.unknown is None else self.unknown, UNKNOWN))

    def stack_with(self, changed: Resource) -> list[Resource]:
        """Return the example stack with the changed resource in its place."""
        return [changed if one.urn == changed.urn else one for one in example(self.stack)]

    def companions(self) -> list[Resource]:
        """Return what else the rule needs to see."""
        return [resource(self.stack, *key) for key in self.beside]

    def _changed(self, values: Mapping[Path, Any]) -> Resource:
        found = resource(self.stack, self.kind, self.name)
        props = deepcopy(dict(found.props))
        for path, value in values.items():
            put(props, path, value)
        return replace(found, props=props)


def put(props: Any, path: Path, value: Any) -> None:
    """Set what is at a path, and make the mappings on the way."""
    *before, last = path
    for step in before:
        if isinstance(props, dict) and step not in props:
            props[step] = {}
        props = props[step]
    if value is GONE:
        del props[last]
    elif isinstance(props, list) and last == len(props):
        props.append(value)
    else:
        props[last] = value


@cache
def example(stack: str) -> tuple[Resource, ...]:
    """Return the resources of an example stack."""
    [file] = [file for file in EXAMPLES if file.name == f"Pulumi.{stack}.yaml"]
    return tuple(resources_of(stack, plan_of(example_values(file))))


def resource(stack: str, kind: str, name: str) -> Resource:
    """Return a resource of an example stack by the end of its type and its name."""
    [found] = [one for one in example(stack) if one.name == name and one.type.rpartition(":")[2] == kind]
    return found


STACKS = [file.name.split(".")[1] for file in EXAMPLES]
