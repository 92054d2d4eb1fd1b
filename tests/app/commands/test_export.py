"""`export` as people call it: streams, users, projects."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import Command

LINES = b'{"text": "tea"}\n{"conversation_id": "c", "messages": [{"role": "user", "content": "hi", "id": "1"}]}\n'


async def test_standard_input_goes_in_and_standard_output_brings_it_back(command: Command) -> None:
    done = await command("import", "-", given=LINES)
    exported = await command("export", "-")
    again = await command("import", "-", "--json", given=exported.stdout)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"stored 2 (1 memory, 1 message), skipped 0, redacted 0, bad 0")
    assert [set(json.loads(line)) >= {"created_at"} for line in exported.stdout.splitlines()] == [True, True]
    assert exported.stderr.startswith(b"exported 1 memory and 1 message of 1 conversation,")
    assert json.loads(again.stdout)["skipped"] == 2


async def test_users_are_kept_apart(command: Command, tmp_path: Path) -> None:
    await command("import", "-", "--user", "ann", "--project", "p", given=LINES)

    await command("export", "theirs.jsonl")
    done = await command("export", "hers.jsonl", "--user", "ann", "--project", "p", "--json")

    assert (tmp_path / "theirs.jsonl").read_bytes() == b""
    assert json.loads(done.stdout)["memories"] == 1
    assert len((tmp_path / "hers.jsonl").read_bytes().splitlines()) == 2


async def test_a_file_is_overwritten_only_when_asked_for(command: Command, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(b"precious")
    await command("import", "-", given=LINES)

    for arguments in (["export", "mine.jsonl"], ["user", "export", "default", "mine.jsonl"]):
        refused = await command(*arguments)
        assert (refused.returncode, refused.stdout) == (1, b"")
        assert refused.stderr == (
            b"claude-memory: mine.jsonl exists already; give --replace to overwrite it with the new export\n"
        )
    assert (tmp_path / "mine.jsonl").read_bytes() == b"precious"
    assert (await command("export", "mine.jsonl", "--replace")).returncode == 0
    assert b"tea" in (tmp_path / "mine.jsonl").read_bytes()
