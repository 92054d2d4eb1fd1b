"""A diagram of a plan in Mermaid's language: the parts of the stack, and which needs which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from infra.plan.document import Shown
from infra.plan.groups import Group, groups_of


def diagram(resources: Sequence[Shown]) -> str:
    """Return the diagram. An arrow leads from what is needed to what needs it."""
    groups = groups_of(resources)
    numbers = {group.name: f"n{number}" for number, group in enumerate(groups)}
    lines = ["flowchart LR"]
    lines += [f'    {numbers[group.name]}["{_label(group)}"]' for group in groups]
    lines += [f"    {numbers[need]} --> {numbers[group.name]}" for group in groups for need in sorted(group.needs)]
    return "\n".join(lines) + "\n"


def _label(group: Group) -> str:
    return "<br/>".join([f"<b>{_quoted(group.name)}</b>", *map(_quoted, counted(group.leaves))])


def counted(resources: Sequence[Shown]) -> list[str]:
    """Return how many of each kind there are, a line each."""
    kinds = Counter(one.kind for one in resources)
    return [kind if count == 1 else f"{count} × {kind}" for kind, count in kinds.items()]


def _quoted(text: str) -> str:
    """Return a text as a label may hold it."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
