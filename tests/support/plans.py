"""Documents of plans for tests: of example stacks, and of a few made-up resources."""

from __future__ import annotations

from functools import cache
from typing import Any

from infra.plan.document import Broken, Document, Shown, document_of
from tests.support.serving import ROOT


@cache
def example_document(stack: str) -> Document:
    """Return the document of an example stack; worked out once for each."""
    return document_of(ROOT, stack)


def fleet() -> list[Shown]:
    """Return two components, of which the second needs the first, and a resource without one."""
    harbour = ("claude-memory:sea:Harbour", "harbour")
    fleet = ("claude-memory:sea:Fleet", "fleet")
    pier = Shown(type="sea:index:Pier", name="harbour", parent=harbour, inputs={"length": 12})
    return [
        Shown(type=fleet[0], name=fleet[1], parent=None, inputs={}),
        Shown(type=harbour[0], name=harbour[1], parent=None, inputs={}),
        pier,
        boat("fleet-1", parent=fleet, needs=[pier.key], sails=2),
        boat("fleet-2", parent=fleet, sails=3),
        Shown(type="sea:index:Lighthouse", name="lighthouse", parent=None, inputs={"height": 40}),
        Shown(type="pulumi:providers:sea", name="sea", parent=None, inputs={}),
    ]


def boat(
    name: str, /, parent: tuple[str, str] | None = None, needs: list[tuple[str, str]] | None = None, **inputs: Any
) -> Shown:
    """Return a boat."""
    return Shown(type="sea:index:Boat", name=name, parent=parent, inputs=inputs, needs=needs or [])


def document(*resources: Shown, **others: Any) -> Document:
    """Return a document of these resources."""
    return Document(stack="test", target="sea", resources=resources, **others)


BROKEN = Broken(rule="no-leaks", message="fleet-1 leaks | a little; caulk it.", resource="fleet-1")
