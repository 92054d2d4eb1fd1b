"""The format is recognised by the beginning of a file."""

from __future__ import annotations

import json

import pytest

from app.errors import InvalidInput
from app.ops.importing.formats import READERS, detected
from app.ops.importing.names import Format

CLAUDE = {"uuid": "c", "name": "x", "account": {"uuid": "a"}, "chat_messages": [{"text": "mapping"}]}
CHATGPT = {"title": "x", "create_time": 1.5, "mapping": {"n": {"message": {"type": "chat_messages"}}}}


RECOGNISED = [
    pytest.param(b'{"text": "x"}\n', "jsonl", id="a memory"),
    pytest.param(b'{"text": "x", "metadata": {"type": "user"}}\n', "jsonl", id="a memory with a type in it"),
    pytest.param(b'{"conversation_id": "c", "messages": []}\n', "jsonl", id="a conversation"),
    pytest.param(b"", "jsonl", id="nothing"),
    pytest.param(b"hello\n", "jsonl", id="no JSON"),
    pytest.param(b'{"text": "' + b"x" * 2_000, "jsonl", id="a line longer than the head"),
    pytest.param(b'{"type": "summary", "summary": "x"}\n{"ty', "claude-code", id="a transcript"),
    pytest.param(b'{"ty\n{"type": "user", "sessionId": "s"}\n', "claude-code", id="a transcript, damaged"),
    pytest.param(json.dumps([CLAUDE]).encode(), "claude", id="Claude"),
    pytest.param(json.dumps([CLAUDE], indent=2).encode()[:-40], "claude", id="Claude, the beginning"),
    pytest.param(json.dumps(CLAUDE).encode(), "claude", id="Claude, one conversation"),
    pytest.param(b"\xef\xbb\xbf " + json.dumps([CHATGPT]).encode(), "chatgpt", id="ChatGPT"),
    pytest.param(json.dumps(CHATGPT, indent=2).encode(), "chatgpt", id="ChatGPT, one conversation"),
    pytest.param(b" [ ] ", "jsonl", id="an empty array"),
]


@pytest.mark.parametrize(("head", "format"), RECOGNISED)
def test_the_format_is_recognised(head: bytes, format: str) -> None:
    assert detected(head) == format


@pytest.mark.parametrize("head", [b'[{"name": "cat.png"}]', b"[1, 2]"])
def test_an_array_of_something_else_is_refused(head: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"FILE: got .*, takes JSON Lines, a transcript"):
        detected(head)


def test_every_format_is_recognised_by_its_beginning() -> None:
    assert {case.values[1] for case in RECOGNISED} == set(Format)


def test_every_format_has_its_reader() -> None:
    assert list(READERS) == list(Format)
