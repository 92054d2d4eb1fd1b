"""Notes in Markdown: those of basic-memory, and those of Claude Code."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.memory.types import Kind, Scope
from app.store.postgres import PostgresStore
from tests.app.ops.conftest import Take

NOTE = """---
title: Coffee or tea
type: decision
tags: [tea, morning]
permalink: coffee-or-tea
created: 2026-05-08
---

## Observations
- [decision] We drink tea #tea
"""


async def test_a_note_of_basic_memory_is_a_memory(take: Take, store: PostgresStore, alice: Scope) -> None:
    first, again = await take(NOTE.encode()), await take(NOTE.encode())

    [note] = await store.recent(alice, 10)
    assert (first.formats, first.memories_stored, again.memories_skipped) == (["basic-memory"], 1, 1)
    assert note.text == "# Coffee or tea\n\n## Observations\n- [decision] We drink tea #tea"
    assert (note.kind, note.tags) == (Kind.DECISION, ("tea", "morning"))
    assert note.metadata == {"source": "basic-memory", "title": "Coffee or tea", "permalink": "coffee-or-tea"}
    assert note.created_at.isoformat() == "2026-05-08T00:00:00+00:00"


async def test_a_folder_of_notes_is_read_and_what_are_no_notes_is_told(take: Take, tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    (tmp_path / "tea.md").write_text(NOTE)
    (tmp_path / "people" / "ada.md").write_text("---\ntitle: Ada\ntype: person\n---\n- [name] Ada\n")
    (tmp_path / "people" / "form.md").write_text("---\ntitle: Person\ntype: schema\n---\nA form.\n")
    (tmp_path / "readme.md").write_text("# Without a head\n")

    report = await take(tmp_path)

    assert (report.memories_stored, report.left_aside["schemas"]) == (2, 1)
    assert [bad.position.file for bad in report.problems] == ["readme.md"]


@pytest.mark.parametrize("body", ["", "\n\n"])
async def test_an_empty_note_is_left_aside(take: Take, body: str) -> None:
    report = await take(f"---\nname: x\ndescription: \ntype: user\n---\n{body}".encode())

    assert (report.stored, report.nothing, report.left_aside["empty notes"]) == (0, True, 1)


async def test_a_note_of_claude_code_is_a_fact(take: Take, store: PostgresStore, alice: Scope) -> None:
    await take(b"---\nname: tea\ndescription: How Ada drinks it\nmetadata:\n  type: user\n---\nWithout milk.\n")

    [fact] = await store.recent(alice, 10)
    assert (fact.text, fact.kind) == ("How Ada drinks it\n\nWithout milk.", Kind.FACT)
    assert fact.metadata == {"source": "claude-code", "name": "tea", "type": "user"}
