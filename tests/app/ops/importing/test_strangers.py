"""What a file seems to be that no reader reads."""

from __future__ import annotations

import pytest

from app.ops.importing.strangers import by_beginning, by_keys, by_text


@pytest.mark.parametrize(
    ("head", "what"),
    [(b"SQLite format 3\0\x10", "SQLite"), (b"\x1f\x8b\x08", "gzip"), (b"%PDF-1.7", "PDF"), (b"ab\0c", "binary")],
)
def test_a_binary_file_is_named(head: bytes, what: str) -> None:
    found = by_beginning(head)

    assert found is not None
    assert what in found[0]


def test_text_is_no_binary_file() -> None:
    assert by_beginning(b'{"text": "x"}') is None


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (b"<!DOCTYPE html><html>", "chat.html"),
        (b"<rss>", "XML"),
        (b"# Notes\n", "Markdown"),
        (b"id,text,when\n1,a,b\n", "CSV"),
        (b"Dear diary", "plain text"),
    ],
)
def test_a_text_that_is_no_json_is_named(text: bytes, what: str) -> None:
    assert what in by_text(text)[0]


def test_json_is_named_by_names_that_only_it_has() -> None:
    found = by_keys({"display", "pastedContents", "timestamp", "project"})

    assert found is not None
    assert "history.jsonl" in found[0]
    assert by_keys({"display"}) is None
