"""The graph of the MCP server `memory`."""

from __future__ import annotations

import json

from app.memory.types import Kind, Scope
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take

ADA = {"type": "entity", "name": "Ada_L", "entityType": "person", "observations": ["Drinks tea", "Works on Fridays"]}
POT = {"type": "entity", "name": "Pot", "entityType": "thing", "observations": []}
OWNS = {"type": "relation", "from": "Ada_L", "to": "Pot", "relationType": "is_owner_of"}


async def test_observations_and_relations_become_facts(take: Take, store: PostgresStore, alice: Scope) -> None:
    first, again = await take([ADA, POT, OWNS]), await take([ADA, POT, OWNS])

    facts = await store.recent(alice, 10)
    assert (first.memories_stored, again.memories_stored) == (4, 0)
    assert {fact.kind for fact in facts} == {Kind.FACT}
    assert {fact.text for fact in facts} == {
        "Ada_L: Drinks tea",
        "Ada_L: Works on Fridays",
        "Pot: is known as thing",
        "Ada_L is owner of Pot",
    }
    [tea] = [fact for fact in facts if "tea" in fact.text]
    assert (tea.tags, tea.metadata["entity"]) == (("person",), "Ada_L")


async def test_a_graph_that_was_read_with_its_tool_is_the_same(take: Take) -> None:
    await take([ADA, POT, OWNS])
    graph = {"entities": [ADA, POT], "relations": [OWNS]}

    report = await take(json.dumps(graph, indent=2).encode())

    assert (report.formats, report.memories_stored, report.memories_skipped) == (["server-memory"], 0, 4)


async def test_an_entity_without_a_name_is_told_and_the_others_are_stored(take: Take) -> None:
    report = await take([{"type": "entity", "name": "", "entityType": "x", "observations": []}, ADA])

    assert (report.memories_stored, [bad.reason for bad in report.problems]) == (2, ["is an entity without a name"])
