"""Memories of mem0 and OpenMemory."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.memory.types import Kind, Scope
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take

TEA = {
    "id": "m1",
    "memory": "Drinks tea",
    "user_id": "ada",
    "hash": "x",
    "metadata": {"where": "kitchen"},
    "categories": ["food"],
    "created_at": "2026-05-08T12:00:00Z",
    "updated_at": None,
}


@pytest.mark.parametrize(
    "export",
    [
        pytest.param({"results": [TEA], "relations": []}, id="a list of the API"),
        pytest.param([TEA], id="an array"),
        pytest.param(TEA, id="one memory"),
        pytest.param({"memories": [{**TEA, "memory": None, "content": "Drinks tea"}], "total": 1}, id="the dashboard"),
        pytest.param({"memories": [{**TEA, "categories": None, "tags": ["food"]}]}, id="tags"),
    ],
)
async def test_a_memory_becomes_a_fact(take: Take, store: PostgresStore, alice: Scope, export: Any) -> None:
    report = await take(json.dumps(export).encode())

    [fact] = await store.recent(alice, 10)
    assert (report.formats, report.bad) == (["mem0"], 0)
    assert (fact.text, fact.kind, fact.tags) == ("Drinks tea", Kind.FACT, ("food",))
    assert (fact.metadata["where"], fact.metadata["user_id"]) == ("kitchen", "ada")
    assert fact.created_at.isoformat() == "2026-05-08T12:00:00+00:00"


async def test_deleted_memories_are_left_aside(take: Take) -> None:
    report = await take([TEA, {**TEA, "id": "m2", "memory": "Drinks coffee", "state": "deleted"}])

    assert (report.memories_stored, report.left_aside["deleted memories"]) == (1, 1)


async def test_the_export_of_the_plugin_is_read(take: Take, store: PostgresStore, alice: Scope) -> None:
    block = "---\nid: {0}\ncreated_at: 2026-05-08T12:00:00Z\ncategories: food, home\n---\n{1}\n\n"
    text = block.format("a", "Drinks tea.\n---\nAlways.") + block.format("b", "Owns a pot.")

    report = await take(text.encode())

    facts = {fact.text: fact.tags for fact in await store.recent(alice, 10)}
    assert report.formats == ["mem0"]
    assert facts == {"Drinks tea.\n---\nAlways.": ("food", "home"), "Owns a pot.": ("food", "home")}


async def test_what_has_no_text_is_told(take: Take) -> None:
    report = await take([TEA, {"id": "m2", "memory": ""}])

    assert [bad.reason for bad in report.problems] == ["has no memory: is this an export of mem0?"]
