"""A document beside a conversation is told once, as it became, where it changed last."""

from __future__ import annotations

from app.memory.types import Kind
from app.ops.importing.documents import Documents


def test_a_document_is_told_once_where_it_changed_last() -> None:
    told = Documents()
    told.write(1, "d", "Tea", "first")
    told.say(2, {"content": "shorter"})
    told.write(3, "d", None, "second")

    rows = told.messages()

    assert [place for place, _ in rows] == [2, 3]
    assert (rows[1][1]["content"], rows[1][1]["kind"]) == ("# Tea\n\nsecond", Kind.REFERENCE)
    assert told.newest() == "d"


def test_a_document_that_changed_has_another_id() -> None:
    ids = set()
    for text in ("first", "second"):
        told = Documents()
        told.write(1, "d", None, text)
        [(_, row)] = told.messages()
        ids.add(row["id"])

    assert len(ids) == 2
    assert all(id_.startswith("d-") for id_ in ids)


def test_many_documents_take_no_more_than_their_number() -> None:
    told = Documents()
    for number in range(100_000):
        told.write(number, f"d{number % 50_000}", None, "x")

    assert [place for place, _ in told.messages()] == list(range(50_000, 100_000))
    assert told.newest() == "d49999"
