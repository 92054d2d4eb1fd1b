"""A plan for people at a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from infra.plan.costs import total
from infra.plan.difference import Difference
from infra.plan.document import Document, Node, tree
from infra.plan.main_inputs import line


def print_plan(console: Console, document: Document, compared: Difference | None, against: str) -> None:
    """Print a stack's plan. compared: with a revision, which `against` names; None without one."""
    console.print(_rendered(document, compared, against), soft_wrap=False)


def _rendered(document: Document, compared: Difference | None, against: str) -> RenderableType:
    title = Text(f"{document.stack}", style="bold")
    if document.error:
        return Group(title, Text(document.error, style="red"))
    shown = Tree(title.append(f"  {document.target}, {len(document.resources)} resources", style="dim"))
    for node in tree(document.resources):
        _grow(shown, node)
    parts: list[RenderableType] = [shown, Text(""), Text(f"Cost      {total(document.costs)}")]
    parts.append(_policies(document))
    if compared is not None:
        parts.append(Text(f"Against {against}: {compared.summary}"))
        parts += _changes(compared)
    return Group(*parts)


def _grow(branch: Tree, node: Node) -> None:
    label = Text(node.resource.name)
    label.append(f"  {node.resource.kind}", style="cyan")
    if detail := "" if node.parts else line(node.resource):
        label.append(f"  {detail}", style="dim")
    below = branch.add(label)
    for part in node.parts:
        _grow(below, part)


def _policies(document: Document) -> RenderableType:
    if not document.broken:
        return Text("Policies  all kept", style="green")
    table = Table("rule", "what is wrong, and what to do", title="Broken policies", title_justify="left")
    for one in document.broken:
        table.add_row(Text(one.rule, style="red"), one.message)
    return table


def _changes(compared: Difference) -> list[RenderableType]:
    found: list[RenderableType] = [
        Text(f"  + {one.name}  {one.type}  {line(one)}", style="green") for one in compared.added
    ]
    for (type_, name), changes in compared.changed.items():
        found.append(Text(f"  ~ {name}  {type_}", style="yellow"))
        found += [Text(f"      {one.path}: {one.before} → {one.after}") for one in changes]
    found += [Text(f"  - {one.name}  {one.type}", style="red") for one in compared.removed]
    return found
