"""What an import stores: cleaned, cut as it was, under the ids it had."""

from __future__ import annotations

from itertools import count
from uuid import UUID

import pytest

from app.memory.ports import DomainSettings
from app.memory.texts import content_hash
from app.ops.importing.entries import GoodEntry, Position
from app.ops.importing.lines import ConversationLine, MemoryLine
from app.ops.importing.prepare import Preparer
from app.store.import_rows import BulkMemory

OURS = UUID("0198a4b2-0000-7000-8000-000000000000")
SECRET = "postgresql://me:" + "hunter2hunter2" + "@db.example/x"


@pytest.fixture
def preparer() -> Preparer:
    ids = (UUID(int=number) for number in count(1))
    limits = DomainSettings(piece_characters=10, redact=True, reply_tokens=8_000)
    return Preparer(limits, lambda: next(ids), agent="importer", project=None)


def memory(preparer: Preparer, **line: object) -> BulkMemory:
    item = MemoryLine.model_validate(line)
    return preparer.memory(GoodEntry(position=Position(), item=item), item)


def test_a_new_text_is_cut_and_gets_new_ids(preparer: Preparer) -> None:
    made = memory(preparer, text="one piece and another")

    assert "".join(piece.text for piece in made.memory.pieces) == "one piece and another"
    assert len(made.memory.pieces) > 1
    assert not made.past.known_id
    assert made.past.agent == "importer"


def test_a_text_that_was_exported_is_cut_where_it_was(preparer: Preparer) -> None:
    pieces = [{"id": str(OURS), "characters": 3}, {"id": str(UUID(int=9)), "characters": 5}]
    made = memory(preparer, text="one two ", id=str(OURS), pieces=pieces)

    assert [(piece.id, piece.text) for piece in made.memory.pieces] == [(OURS, "one"), (UUID(int=9), " two ")]
    assert made.past.known_id


def test_cuts_that_do_not_fit_the_text_do_not_count(preparer: Preparer) -> None:
    made = memory(preparer, text="one two", id=str(OURS), pieces=[{"id": str(OURS), "characters": 3}])

    assert [piece.text for piece in made.memory.pieces] == ["one two"]
    assert made.memory.pieces[0].id == OURS


def test_credentials_are_taken_out_and_the_content_is_another_then(preparer: Preparer) -> None:
    given = "f" * 64
    clean = memory(preparer, text="tea", content_hash=given)
    torn = memory(preparer, text=SECRET, content_hash=given)

    assert clean.memory.content_hash.hex() == given, "kept where the text is untouched"
    assert torn.memory.content_hash != clean.memory.content_hash
    assert "hunter2" not in "".join(piece.text for piece in torn.memory.pieces)
    assert preparer.redacted == 1


def test_an_archived_memory_without_an_id_is_known_by_its_content(preparer: Preparer) -> None:
    first, second = (memory(preparer, text="tea", archived_at="2026-05-08") for _ in range(2))

    assert first.past.known_id
    assert first.memory.pieces[0].id == second.memory.pieces[0].id
    assert first.memory.content_hash == content_hash("tea")


def test_expired_messages_are_left_out_and_the_same_ones_numbered(preparer: Preparer) -> None:
    said = [{"role": "user", "content": "yes"}] * 2
    over = {"role": "user", "content": "over", "expires_at": "2020-01-01"}
    item = ConversationLine.model_validate({"conversation_id": "c", "messages": [*said, over]})
    found = GoodEntry(position=Position(), item=item, agent="claude")

    first, later = (preparer.conversation(found, item) for _ in range(2))

    assert [turn.occurrence for turn in first.turns] == [0, 1]
    assert [turn.occurrence for turn in later.turns] == [2, 3], "in another part of the same conversation"
    assert {turn.past.agent for turn in first.turns} == {"claude"}


def test_one_project_takes_the_place_of_all_that_were_read() -> None:
    limits = DomainSettings(piece_characters=100, redact=False, reply_tokens=8_000)
    preparer = Preparer(limits, lambda: OURS, agent="", project="mine")

    assert memory(preparer, text="tea", project="theirs").memory.project == "mine"
