"""`user` as an operator calls it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import Command

LINES = b'{"text": "tea"}\n{"conversation_id": "c", "messages": [{"role": "user", "content": "hi", "id": "1"}]}\n'


async def test_the_list_shows_what_each_user_keeps_and_may_keep(command: Command) -> None:
    await command("import", "-", "--user", "ann", given=LINES)

    done = await command("user", "list", "--json", environment={"QUOTA_MEMORIES": "5"})

    assert json.loads(done.stdout) == [
        {
            "user": "ann",
            "memories": 2,
            "memories_limit": 5,
            "bytes": 5,
            "bytes_limit": 0,
            "conversations": 1,
            "live_tokens": 0,
            "deletion_begun_at": None,
        }
    ]
    assert (await command("user", "list")).stdout.decode().splitlines()[1].split()[:3] == ["ann", "2", "0"]


async def test_an_import_over_the_quota_stops_with_one_line(command: Command) -> None:
    done = await command("import", "-", "--user", "ann", given=LINES, environment={"QUOTA_BYTES": "4"})

    assert done.returncode == 1
    assert done.stderr.decode() == (
        "claude-memory: quota of 4 bytes: with this it would be 5; nothing of this call was stored; forget what you "
        "do not need (forget_memory), or ask an operator to raise the quota (claude-memory user quota NAME --bytes N)\n"
    )


async def test_a_quota_is_set_shown_and_dropped(command: Command) -> None:
    set_ = await command("user", "quota", "ann", "--memories", "1000", "--bytes", "2MB")
    shown = await command("user", "quota", "ann", "--json")
    dropped = await command("user", "quota", "ann", "--default")

    assert set_.stdout == b"ann: 0 memories of 1,000\nann: 0 bytes of 2,000,000\n"
    assert json.loads(shown.stdout)["bytes_limit"] == 2_000_000
    assert dropped.stdout == b"ann: 0 memories of any number\nann: 0 bytes of any number\n"
    assert (await command("user", "quota", "ann", "--bytes", "-1")).returncode == 2


async def test_a_quota_of_a_user_who_has_yet_to_come_says_so(command: Command) -> None:
    note = b"claude-memory: bob has stored nothing yet and has no token; claude-memory user list shows all users\n"
    early = await command("user", "quota", "bob", "--memories", "1000")
    again = await command("user", "quota", "bob", "--json")
    await command("import", "-", "--user", "bob", given=LINES)
    known = await command("user", "quota", "bob")

    assert (early.returncode, early.stderr) == (0, note)
    assert again.stderr == note
    assert known.stderr == b""
    assert known.stdout.startswith(b"bob: 2 memories of 1,000\n")


async def test_a_deletion_is_tried_agreed_to_and_done(command: Command) -> None:
    await command("import", "-", "--user", "ann", given=LINES)

    tried = await command("user", "delete", "ann", "--dry-run", "--json")
    unasked = await command("user", "delete", "ann")
    done = await command("user", "delete", "ann", "--yes")
    again = await command("user", "delete", "ann", "--yes")

    assert json.loads(tried.stdout)["rows"] == {"changes": 2, "conversations": 1, "memories": 2}
    assert (unasked.returncode, unasked.stderr.splitlines()[-1]) == (
        1,
        b"claude-memory: nothing was deleted; without a terminal, --yes is needed",
    )
    assert (done.returncode, done.stdout) == (0, b"deleted ann: 2 of changes, 1 of conversations, 2 of memories\n")
    assert (again.returncode, b"user 'ann': there is no such user" in again.stderr) == (1, True)


async def test_a_deletion_names_the_backups_that_hold_the_user_yet(command: Command, tmp_path: Path) -> None:
    await command("import", "-", "--user", "ann", given=LINES)
    backup = await command("backup", "ann.tar")
    assert backup.returncode == 0, backup.stderr

    tried = json.loads((await command("user", "delete", "ann", "--dry-run", "--json")).stdout)
    done = await command("user", "delete", "ann", "--yes")

    assert [one["place"] for one in tried["backups"]] == [str(tmp_path / "ann.tar")]
    assert f"may still hold it: {tmp_path / 'ann.tar'}, taken " in done.stdout.decode()


async def test_what_was_exported_comes_back_after_a_deletion(command: Command, tmp_path: Path) -> None:
    await command("import", "-", "--user", "ann", given=LINES)
    exported = await command("user", "export", "ann", "ann.jsonl")
    await command("user", "delete", "ann", "--yes")

    back = await command("import", "ann.jsonl", "--user", "ann")

    assert (exported.returncode, back.returncode) == (0, 0)
    assert back.stdout.startswith(b"stored 2 (1 memory, 1 message)")


async def test_an_unknown_user_is_not_exported_and_leaves_the_file_as_it_was(command: Command, tmp_path: Path) -> None:
    (tmp_path / "ann.jsonl").write_bytes(LINES)

    for export in (("user", "export", "ann", "ann.jsonl"), ("export", "ann.jsonl", "--user", "ann")):
        done = await command(*export)
        assert (done.returncode, done.stderr.decode()) == (
            1,
            "claude-memory: user 'ann': there is no such user; claude-memory user list shows all users\n",
        )
    assert (tmp_path / "ann.jsonl").read_bytes() == LINES


async def test_a_user_who_has_a_token_and_nothing_else_is_exported_as_nothing(command: Command) -> None:
    await command("token", "create", "--user", "ann")

    done = await command("user", "export", "ann", "-")

    assert (done.returncode, done.stdout) == (0, b"")
