"""Plans as Markdown for a comment on a pull request.

ci/github posts it, with a mark that tells it from other comments, and cuts the end of one that is too long. So what
matters least stands last: trees and diagrams.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from infra.plan.costs import total
from infra.plan.difference import Difference
from infra.plan.document import Document, Node, tree
from infra.plan.main_inputs import line
from infra.plan.mermaid import diagram

_MOST_CHANGES = 100  # lines of a stack


def comment(
    documents: Sequence[Document], compared: Mapping[str, Difference], against: str, uncompared: str = ""
) -> str:
    """Return one comment for all stacks.

    compared: the differences from `against`, by stack; empty without one. uncompared: why there are none.
    """
    return "".join(_parts(documents, compared, against, uncompared))


def _parts(
    documents: Sequence[Document], compared: Mapping[str, Difference], against: str, uncompared: str
) -> Iterator[str]:
    yield "## Plan\n\nMade without credentials: what the programs declare, with made-up secrets.\n\n"
    yield "| stack | resources | policies |" + (f" against `{against}` |" if against else "") + "\n"
    yield "|---|---|---|" + ("---|" if against else "") + "\n"
    for one in documents:
        policies = "no plan" if one.error else f"{len(one.broken)} broken" if one.broken else "all kept"
        change = f" {_summary(compared, one.stack)} |" if against else ""
        yield f"| {one.stack} | {len(one.resources)} | {policies} |{change}\n"
    if uncompared:
        yield f"\nNot compared: {_cell(uncompared)}\n"
    for one in documents:
        yield from _stack(one, compared.get(one.stack))
    planned = [one for one in documents if not one.error]
    if planned:
        yield "\n### Resources\n"
    for one in planned:
        yield from _resources(one)


def _summary(compared: Mapping[str, Difference], stack: str) -> str:
    return compared[stack].summary if stack in compared else "not compared"


def _stack(document: Document, compared: Difference | None) -> Iterator[str]:
    yield f"\n### {document.stack}\n\n"
    if document.error:
        yield f"```text\n{_fenced(document.error)}\n```\n"
        return
    if document.broken:
        yield "| rule | what is wrong, and what to do |\n|---|---|\n"
        yield from (f"| `{one.rule}` | {_cell(one.message)} |\n" for one in document.broken)
        yield "\n"
    if compared is not None and not compared.is_empty:
        yield "```diff\n" + _fenced("\n".join(_changes(compared))) + "\n```\n"
    yield f"{total(document.costs)}\n"


def _resources(document: Document) -> Iterator[str]:
    yield f"\n<details><summary>{document.stack}: {len(document.resources)} resources</summary>\n\n"
    yield f"```mermaid\n{diagram(document.resources)}```\n\n```text\n"
    yield _fenced("\n".join(found for node in tree(document.resources) for found in _tree(node, 0)))
    yield "\n```\n\n</details>\n"


def _changes(compared: Difference) -> list[str]:
    found = [f"+ {one.name}  {one.type}  {line(one)}".rstrip() for one in compared.added]
    for (type_, name), changes in compared.changed.items():
        found.append(f"! {name}  {type_}")
        found += [f"    {one.path}: {one.before} -> {one.after}" for one in changes]
    found += [f"- {one.name}  {one.type}" for one in compared.removed]
    if len(found) > _MOST_CHANGES:
        found[_MOST_CHANGES:] = [f"  and {len(found) - _MOST_CHANGES} lines more"]
    return found


def _tree(node: Node, depth: int) -> Iterator[str]:
    detail = "" if node.parts else f"  {line(node.resource)}"
    yield f"{'  ' * depth}{node.resource.name}  {node.resource.kind}{detail}".rstrip()
    for part in node.parts:
        yield from _tree(part, depth + 1)


def _fenced(text: str) -> str:
    """Return a text that does not end the fence around it."""
    return text.replace("```", "'''")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
