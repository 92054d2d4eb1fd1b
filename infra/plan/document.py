"""What is known about a stack before anything is made: its resources, costs and broken policies, ready to be shown.

Secrets are hidden here already: nothing behind this module sees one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra.config import NAMESPACE, TARGET
from infra.errors import InfraError
from infra.plan import Declared, Plan, plan_of_checked
from infra.plan.costs import Cost, costs_of
from infra.plan.policy_check import violations_of
from infra.plan.stacks import checked_stack
from policies.catalogue import Configuration
from policies.rule import Violation

FORM = 1  # of the JSON: another number for another form


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A resource. parent: type and name of its component. needs: those that have to be there first."""

    type: str
    name: str
    parent: tuple[str, str] | None
    inputs: Mapping[str, Any]
    needs: Sequence[tuple[str, str]] = ()

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others of its stack."""
        return self.type, self.name

    @property
    def kind(self) -> str:
        """The last word of its type, such as Container."""
        return self.type.rpartition(":")[2]

    @property
    def is_component(self) -> bool:
        """Whether it only groups others."""
        return self.type.startswith(f"{NAMESPACE}:")


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A policy that the stack breaks. resource: by which; nothing: by the stack as a whole."""

    rule: str
    message: str
    resource: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """One stack. error: why there is no plan; then the rest is empty."""

    stack: str
    target: str = ""
    resources: Sequence[Shown] = ()
    costs: Sequence[Cost] = ()
    broken: Sequence[Broken] = ()
    error: str = ""

    @property
    def passes(self) -> bool:
        """Whether the stack can be planned and keeps all policies."""
        return not self.error and not self.broken


@dataclass(frozen=True, kw_only=True)
class Node:
    """A resource with those that are parts of it."""

    resource: Shown
    parts: list[Node] = field(default_factory=list)

    def all(self) -> Iterator[Shown]:
        """Yield the resource and all that are in it."""
        yield self.resource
        for part in self.parts:
            yield from part.all()


def document_of(root: Path, stack: str, configuration: Configuration | None = None) -> Document:
    """Return what is known about a stack of a checkout; a wrong configuration is in its error."""
    try:
        found = checked_stack(root, stack)
        plan = plan_of_checked(found.values, found.configuration)
    except InfraError as error:
        return Document(stack=stack, error=str(error))
    return Document(
        stack=stack,
        target=found.values.plain(TARGET) or "",
        resources=shown(plan),
        costs=costs_of(plan),
        broken=[_broken(one) for one in violations_of(stack, plan, configuration)],
    )


def shown(plan: Plan) -> list[Shown]:
    """Return the resources of a plan as people may see them."""
    return [_shown(one) for one in plan.resources]


def _shown(one: Declared) -> Shown:
    return Shown(type=one.type, name=one.name, parent=one.parent, inputs=one.shown, needs=sorted(one.needs))


def _broken(violation: Violation) -> Broken:
    resource = violation.resource
    return Broken(rule=violation.rule, message=violation.message, resource="" if resource is None else resource.name)


def tree(resources: Sequence[Shown]) -> list[Node]:
    """Return the resources of the stack itself, each with its parts; by name, whatever the order they come in."""
    nodes = {one.key: Node(resource=one) for one in sorted(resources, key=lambda one: (one.name, one.type))}
    for key, node in nodes.items():
        if node.resource.parent in nodes:
            nodes[node.resource.parent].parts.append(nodes[key])
    return [node for node in nodes.values() if node.resource.parent not in nodes]


def to_json(documents: Sequence[Document]) -> dict[str, Any]:
    """Return documents as JSON has them."""
    return {"form": FORM, "stacks": {one.stack: asdict(one) for one in documents}}


def resources_from_json(written: Any) -> dict[str, list[Shown]]:
    """Return the resources of each stack. Raises ValueError for another form."""
    try:
        if written["form"] != FORM:
            raise ValueError(f"it has the form {written['form']}, not {FORM}")
        return {stack: [_from_json(one) for one in found["resources"]] for stack, found in written["stacks"].items()}
    except (KeyError, TypeError) as error:
        raise ValueError(f"it is no plan: {error}") from None


def _from_json(one: Mapping[str, Any]) -> Shown:
    parent = tuple(one["parent"]) if one["parent"] else None
    return Shown(type=one["type"], name=one["name"], parent=parent, inputs=one["inputs"])
