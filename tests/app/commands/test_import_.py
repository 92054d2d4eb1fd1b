"""`import` as people call it: streams, exit status, reports, one line for an error."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import Command

LINES = b'{"text": "tea"}\n{"conversation_id": "c", "messages": [{"role": "user", "content": "hi", "id": "1"}]}\n'


async def test_a_bad_line_makes_the_exit_status_1_and_json_lists_it(command: Command) -> None:
    done = await command("import", "-", "--json", given=LINES + b"nonsense\n")

    report = json.loads(done.stdout)
    assert (done.returncode, report["stored"], report["bad"]) == (1, 2, 1)
    [problem] = report["problems"]
    assert (problem["line"], problem["file"]) == (3, None)


async def test_a_file_that_is_not_there_is_one_line_and_exit_status_1(command: Command) -> None:
    done = await command("import", "gone.zip")

    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "claude-memory: gone.zip: No such file or directory; import takes a file, "
        "a folder of Claude Code's transcripts, or - for standard input"
    ]


async def test_an_archive_may_come_through_standard_input(command: Command, tmp_path: Path) -> None:
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        message = {"uuid": "m", "sender": "human", "text": "tea?", "created_at": "2026-05-08T12:00:00Z"}
        file.writestr("conversations.json", json.dumps([{"uuid": "c", "name": "", "chat_messages": [message]}]))

    done = await command("import", "-", "--json", given=archive.getvalue())

    report = json.loads(done.stdout)
    assert (report["format"], report["messages"]["stored"]) == ("claude", 1)


async def test_an_unknown_format_is_wrong_usage(command: Command) -> None:
    assert (await command("import", "-", "--from", "csv")).returncode == 2
