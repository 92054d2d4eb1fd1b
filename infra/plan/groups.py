"""A plan in the large: the components of the stack itself, what is in each, and which needs which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.plan.document import Shown, tree

_PROVIDERS = "pulumi:providers:"


@dataclass(frozen=True, kw_only=True)
class Group:
    """A component of the stack itself, or a resource without one. leaves: what it makes. needs: names of others."""

    name: str
    kind: str
    leaves: Sequence[Shown]
    needs: frozenset[str]


def groups_of(resources: Sequence[Shown]) -> list[Group]:
    """Return the groups of a stack, without its providers: each after those that it needs, and then by name."""
    nodes = {
        node.resource.name: node for node in tree([one for one in resources if not one.type.startswith(_PROVIDERS)])
    }
    of = {one.key: name for name, node in nodes.items() for one in node.all()}
    needs = {
        name: {of[key] for one in node.all() for key in one.needs if key in of} - {name} for name, node in nodes.items()
    }
    depth = {name: len(_all(name, needs)) for name in nodes}
    return [
        Group(
            name=name,
            kind=nodes[name].resource.kind,
            leaves=[one for one in nodes[name].all() if not one.is_component],
            needs=frozenset(_direct(name, needs)),
        )
        for name in sorted(nodes, key=lambda name: (depth[name], name))
    ]


def _direct(name: str, needs: Mapping[str, set[str]]) -> set[str]:
    """Return the groups that a group needs, without those that one of these needs anyway."""
    return {one for one in needs[name] if not any(one in _all(other, needs) for other in needs[name] - {one})}


def _all(name: str, needs: Mapping[str, set[str]]) -> set[str]:
    """Return all groups that must be there before one."""
    found: set[str] = set()
    waiting = list(needs[name])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += needs[one]
    return found
