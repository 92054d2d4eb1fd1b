"""`import` and `export` as people call them: streams, exit status, reports, one line for an error."""

from __future__ import annotations

import json

LINES = b'{"text": "tea"}\n{"conversation_id": "c", "messages": [{"role": "user", "content": "hi", "id": "1"}]}\n'


async def test_standard_input_goes_in_and_standard_output_brings_it_back(command):
    done = await command("import", "-", given=LINES)
    exported = await command("export", "-")
    again = await command("import", "-", "--json", given=exported.stdout)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"stored 2 (1 memories, 1 messages), skipped 0, redacted 0, bad 0")
    assert [set(json.loads(line)) >= {"created_at"} for line in exported.stdout.splitlines()] == [True, True]
    assert exported.stderr.startswith(b"exported 1 memories and 1 messages of 1 conversations")
    assert json.loads(again.stdout)["skipped"] == 2


async def test_a_bad_line_makes_the_exit_status_1_and_json_lists_it(command):
    done = await command("import", "-", "--json", given=LINES + b"nonsense\n")

    report = json.loads(done.stdout)
    assert (done.returncode, report["stored"], report["bad"]) == (1, 2, 1)
    [problem] = report["problems"]
    assert (problem["line"], problem["file"]) == (3, None)


async def test_users_are_kept_apart(command, tmp_path):
    await command("import", "-", "--user", "ann", "--project", "p", given=LINES)

    await command("export", "theirs.jsonl")
    done = await command("export", "hers.jsonl", "--user", "ann", "--project", "p", "--json")

    assert (tmp_path / "theirs.jsonl").read_bytes() == b""
    assert json.loads(done.stdout)["memories"] == 1
    assert len((tmp_path / "hers.jsonl").read_bytes().splitlines()) == 2


async def test_a_file_that_is_not_there_is_one_line_and_exit_status_1(command):
    done = await command("import", "gone.zip")

    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "claude-memory: gone.zip: No such file or directory; import takes a file, "
        "a folder of Claude Code's transcripts, or - for standard input"
    ]


async def test_an_archive_may_come_through_standard_input(command, tmp_path):
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        message = {"uuid": "m", "sender": "human", "text": "tea?", "created_at": "2026-05-08T12:00:00Z"}
        file.writestr("conversations.json", json.dumps([{"uuid": "c", "name": "", "chat_messages": [message]}]))

    done = await command("import", "-", "--json", given=archive.getvalue())

    report = json.loads(done.stdout)
    assert (report["format"], report["messages"]["stored"]) == ("claude", 1)


async def test_an_unknown_format_is_wrong_usage(command):
    assert (await command("import", "-", "--from", "csv")).returncode == 2
