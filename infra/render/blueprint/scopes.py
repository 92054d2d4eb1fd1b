"""Walks through a Blueprint: its resources, wherever they stand, each with what it is called in a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Tree = Mapping[str, Any]
DATABASES, GROUPS, SERVICES = "databases", "envVarGroups", "services"


@dataclass(frozen=True, kw_only=True)
class Found:
    """A resource. section: one of DATABASES, GROUPS, SERVICES. scope: where it stands."""

    section: str
    scope: str
    entry: Tree

    @property
    def name(self) -> str:
        """Its name, as far as it has one."""
        return str(self.entry.get("name", "(without a name)"))

    @property
    def label(self) -> str:
        """What it is called in a message."""
        return f"{self.section} {self.name}"


def resources(tree: Tree) -> Iterator[Found]:
    """Yield every resource of a Blueprint."""
    for scope, content in _scopes(tree):
        for section in (DATABASES, GROUPS, SERVICES):
            for entry in items(content.get(section)):
                yield Found(section=section, scope=scope, entry=entry)


def _scopes(tree: Tree) -> Iterator[tuple[str, Tree]]:
    yield "the file itself", tree
    if isinstance(ungrouped := tree.get("ungrouped"), Mapping):
        yield "ungrouped", ungrouped
    for project in items(tree.get("projects")):
        for environment in items(project.get("environments")):
            yield f"{project.get('name')}/{environment.get('name')}", environment


def items(value: Any) -> list[Tree]:
    """Return the objects of a list; nothing of what is none."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
