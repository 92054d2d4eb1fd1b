"""The lines that `import` reads and `export` writes."""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import InvalidInput
from app.memory.requests import checked
from app.memory.types import Kind
from app.ops.importing.lines import ConversationLine, MemoryLine


def test_a_memory_is_a_note_of_version_1_unless_its_line_says_more() -> None:
    line = checked(MemoryLine, {"text": "tea"})

    assert (line.kind, line.version, line.tags, line.id, line.pieces) == (Kind.NOTE, 1, [], None, None)


def test_a_message_is_a_turn_with_an_id_of_its_client_and_one_of_ours() -> None:
    ours = "0198a4b2-0000-7000-8000-000000000000"
    message = {"role": "user", "content": "hi", "id": "m1", "memory_id": ours}

    [line] = checked(ConversationLine, {"conversation_id": "c", "messages": [message]}).messages

    assert (line.kind, line.id, str(line.memory_id)) == (Kind.TURN, "m1", ours)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"text": ""}, "text: got '', takes a text"),
        ({"text": "a", "version": 0}, "version: got 0, takes a whole number above 0"),
        ({"text": "a", "version": "first"}, "version: got 'first'"),
        ({"text": "a", "content_hash": "AB"}, "content_hash: got 'AB', takes 64 hexadecimal digits"),
        ({"text": "a", "pieces": [{"id": "x", "characters": 1}]}, "the id of a memory"),
        ({"text": "a", "unknown": 1}, "no such argument"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_taken(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked(MemoryLine, wrong)

    assert says in str(refused.value)
