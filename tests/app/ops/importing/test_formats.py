"""The format is recognised by the beginning of a file."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.ops.importing.formats import READERS, NotUnderstood, detected
from app.ops.importing.names import Format

CLAUDE = {"uuid": "c", "name": "x", "account": {"uuid": "a"}, "chat_messages": [{"text": "mapping"}]}
CHATGPT = {"title": "x", "create_time": 1.5, "mapping": {"n": {"message": {"type": "chat_messages"}}}}


RECOGNISED = [
    pytest.param(b"SQLite format 3\0\x10\0CREATE TABLE cursorDiskKV (", Format.CURSOR, id="a database of Cursor"),
    pytest.param(b'{"text": "x"}\n', "jsonl", id="a memory"),
    pytest.param(b'{"text": "x", "metadata": {"type": "user"}}\n', "jsonl", id="a memory with a type in it"),
    pytest.param(b'{"conversation_id": "c", "messages": []}\n', "jsonl", id="a conversation"),
    pytest.param(b"", "jsonl", id="nothing"),
    pytest.param(b'{"text": "' + b"x" * 2_000, "jsonl", id="a line longer than the head"),
    pytest.param(b'{"type": "summary", "summary": "x"}\n{"ty', "claude-code", id="a transcript"),
    pytest.param(b'{"ty\n{"type": "user", "sessionId": "s"}\n', "claude-code", id="a transcript, damaged"),
    pytest.param(json.dumps([CLAUDE]).encode(), "claude", id="Claude"),
    pytest.param(json.dumps([CLAUDE], indent=2).encode()[:-40], "claude", id="Claude, the beginning"),
    pytest.param(json.dumps(CLAUDE).encode(), "claude", id="Claude, one conversation"),
    pytest.param(b"\xef\xbb\xbf " + json.dumps([CHATGPT]).encode(), "chatgpt", id="ChatGPT"),
    pytest.param(json.dumps(CHATGPT, indent=2).encode(), "chatgpt", id="ChatGPT, one conversation"),
    pytest.param(b'\0\0{"type": "us\0er", "sessionId": "s"}\n', "claude-code", id="with NUL"),
    pytest.param(b'[{"uuid": "c", "na"me": 1, "chat_messages": []}]', "claude", id="Claude, damaged"),
    pytest.param(b" [ ] ", "jsonl", id="an empty array"),
    pytest.param('\ufeff{"text": "x"}\n'.encode("utf-16-le"), "jsonl", id="UTF-16"),
    pytest.param(b'[{"conversations_memory": "x", "project_memories": {}}]', "claude", id="Claude's memories"),
    pytest.param(b'{"uuid": "p", "name": "Tea", "prompt_template": "", "docs": []}', "claude", id="Claude's project"),
    pytest.param(b'{"timestamp": "t", "type": "session_meta", "payload": {}}\n', "codex", id="Codex"),
    pytest.param(b'{"id": "s", "timestamp": "t", "instructions": null}\n', "codex", id="Codex, old"),
    pytest.param(b'{"sessionId": "s", "projectHash": "h", "startTime": "t"}\n', "gemini-cli", id="Gemini CLI"),
    pytest.param(
        b'{\n  "sessionId": "s",\n  "projectHash": "h",\n  "messages": [\n', "gemini-cli", id="Gemini CLI, old"
    ),
    pytest.param(b'{"role": "user", "message": {"content": []}}\n', "cursor", id="Cursor"),
    pytest.param(b"# Tea\n_Exported on 1/2/2026 at 10:00 from Cursor (1.0)_\n\n---\n", "cursor", id="Cursor, exported"),
    pytest.param(
        b'{"type": "entity", "name": "Ada", "entityType": "person", "observations": []}', "server-memory", id="graph"
    ),
    pytest.param(b'{"entities": [], "relations": []}', "server-memory", id="a graph that was read"),
    pytest.param(b'{"results": [{"id": "1", "memory": "tea"}]}', "mem0", id="mem0"),
    pytest.param(b'[{"id": "1", "memory": "tea", "user_id": "ada"}]', "mem0", id="mem0, an array"),
    pytest.param(
        b"---\nid: a1\ncreated_at: 2026-05-08\ncategories: tea\n---\nDrinks tea.\n", "mem0", id="mem0's plugin"
    ),
    pytest.param(b"---\ntitle: Tea\ntype: note\npermalink: tea\n---\n", "basic-memory", id="a note"),
    pytest.param(b"---\nname: tea\ndescription: How\ntype: user\n---\n", "claude-code-notes", id="Claude Code's note"),
]


@pytest.mark.parametrize(("head", "format"), RECOGNISED)
def test_the_format_is_recognised(head: bytes, format: str) -> None:
    assert detected(head) == format


STRANGERS = [
    pytest.param(b'[{"name": "cat.png"}]', r"a JSON array of \{name\}", id="an array"),
    pytest.param(b"[1, 2]", "a JSON array of something else", id="an array of numbers"),
    pytest.param(b'{"rows": []}', r"JSON of another program: \{rows\}", id="an object"),
    pytest.param(b'{\n "rows": [],\n "n": 1\n}', r"\{n, rows\}", id="an object on several lines"),
    pytest.param(b"hello\n", "plain text", id="text"),
    pytest.param(b"[build-system]\nrequires = []\n", "plain text", id="text in brackets"),
    pytest.param(b"SQLite format 3\0...", "a SQLite database of another program", id="a database"),
    pytest.param(b'{"info": {"id": "s"}, "messages": [{"parts": []}]}', "opencode", id="a session of opencode"),
    pytest.param(b'[{"id": "d", "inserted_at": "x", "mapping": {}}]', "DeepSeek", id="an export of DeepSeek"),
    pytest.param(b"# aider chat started at 2026-05-08\n\n#### tea\n", "Aider", id="a history of Aider"),
    pytest.param(
        b'{"display": "/help", "pastedContents": {}, "project": "/p"}\n', "history.jsonl", id="what was typed"
    ),
    pytest.param(b'{"session_id": "s", "ts": 1, "text": "hi"}\n', "Codex", id="what was typed into Codex"),
    pytest.param(b"---\n\n# Notes\n", "Markdown", id="Markdown with a line"),
]


@pytest.mark.parametrize(("head", "what"), STRANGERS)
def test_what_is_not_understood_is_refused_in_one_line_that_says_what_it_seems_to_be(head: bytes, what: str) -> None:
    with pytest.raises(NotUnderstood, match=what) as refused:
        detected(head)

    assert str(refused.value).startswith("nothing was taken: ")
    assert "\n" not in str(refused.value)


def test_every_format_is_recognised_by_its_beginning() -> None:
    assert {case.values[1] for case in RECOGNISED} == set(Format)


def test_every_format_has_its_reader() -> None:
    assert list(READERS) == list(Format)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"[" * 1_000_000, id="depth"),
        pytest.param(b'{"a":' * 200_000, id="depth of objects"),
        pytest.param(b'[{"a": ' + b"9" * 5_000 + b"}]", id="a long number"),
        pytest.param(b'{\n"a": -' + b"9" * 900_000, id="a number longer than the head"),
    ],
)
def test_a_beginning_takes_no_memory_and_ends_no_process(head: bytes) -> None:
    """In a process of its own: the C parser ended with a segmentation fault, or took gigabytes."""
    code = (
        "import sys; from app.ops.importing.formats import NotUnderstood, detected\n"
        "try: detected(sys.stdin.buffer.read())\n"
        "except NotUnderstood: pass\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], input=head, capture_output=True, check=False, timeout=120)

    assert (done.returncode, done.stderr) == (0, b"")
    assert int(done.stdout) * 1_024 < 150e6


NASTY = [
    b"[" * 2_000,
    b'{"a":' * 2_000,
    b"9" * 5_000,
    b"1e999",
    b"NaN",
    b"\\ud800",
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b"\0",
    b'"',
    b"}",
    b"]",
    b"null",
    b"[]",
    b"{}",
    b"-1",
    b"\n",
    b"---\n",
]


@pytest.mark.parametrize(("head", "format"), RECOGNISED)
@settings(max_examples=15)
@given(data=st.data())
def test_no_broken_file_makes_a_reader_fail(head: bytes, format: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(head)))
        end = data.draw(st.integers(begin, min(len(head), begin + 12)))
        head = head[:begin] + data.draw(st.sampled_from(NASTY)) + head[end:]

    with contextlib.suppress(NotUnderstood):
        detected(head)
    for entry in READERS[Format(format)](io.BufferedReader(io.BytesIO(head)), "f.jsonl"):
        assert "\n" not in getattr(entry, "reason", "")
