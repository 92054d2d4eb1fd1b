"""Diagrams: a node for each group, an arrow to what needs it."""

from __future__ import annotations

from infra.plan.mermaid import counted, diagram
from tests.support.plans import boat, fleet


def test_the_diagram_has_groups_and_what_they_need() -> None:
    assert diagram(fleet()) == (
        "flowchart LR\n"
        '    n0["<b>harbour</b><br/>Pier"]\n'
        '    n1["<b>lighthouse</b><br/>Lighthouse"]\n'
        '    n2["<b>fleet</b><br/>2 × Boat"]\n'
        "    n0 --> n2\n"
    )


def test_names_cannot_end_a_label() -> None:
    assert '["<b>a&quot;] &lt;b&gt;</b><br/>Boat"]' in diagram([boat('a"] <b>')])


def test_resources_are_counted_by_kind() -> None:
    assert counted([boat("a"), fleet()[2], boat("b")]) == ["2 × Boat", "Pier"]
