"""`import` as people call it: streams, exit status, reports, one line for an error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.memu.client import MemuClient
from app.memu.service import Generation
from app.store.database import Database
from tests.standins.memu import KEY, memu_service
from tests.support.cli import Command
from tests.support.memu import an_entry
from tests.support.outbox import rows_in

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
        "a folder of transcripts, of notes or of an unpacked export, or - for standard input"
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


@pytest.mark.parametrize("arguments", [(), ("--from", "jsonl"), ("-", "--from", "memu")])
async def test_a_file_and_a_service_are_one_or_the_other(command: Command, arguments: tuple[str, ...]) -> None:
    done = await command("import", *arguments)

    assert done.returncode == 2
    assert "takes a FILE, or --from memu" in done.stderr.decode()


@pytest.mark.parametrize("backend", ["local", "both"])
async def test_what_memu_holds_comes_in_and_is_not_handed_back(
    command: Command, database: Database, backend: str
) -> None:
    with memu_service() as service:
        environment = {"MEMORY_BACKEND": backend, "MEMU_API_KEY": KEY, "MEMU_BASE_URL": service.url}
        client = MemuClient(service.url, KEY, Generation.V3)
        await client.memorize(an_entry("I like apples.", user="ann"))
        await client.close()
        done = await command("import", "--from", "memu", "--user", "ann", "--json", environment=environment)

    report = json.loads(done.stdout)
    assert (done.returncode, report["format"], report["memories"]["stored"]) == (0, "memu", 1)
    assert "summaries of subjects" in report["note"]
    assert await rows_in(database, "memories", "outbox") == [1, 0]


async def test_where_memu_holds_the_memories_there_is_nothing_to_import_into(command: Command) -> None:
    environment = {"MEMORY_BACKEND": "memu", "MEMU_API_KEY": KEY}

    done = await command("import", "--from", "memu", environment=environment)

    assert done.returncode == 1
    assert done.stderr.decode().splitlines() == [
        "claude-memory: import --from memu: with MEMORY_BACKEND=memu memories stay at memU;"
        " set MEMORY_BACKEND=both or local first"
    ]


async def test_without_a_key_memu_is_not_asked(command: Command) -> None:
    done = await command("import", "--from", "memu")

    assert (done.returncode, done.stderr.decode().count("\n")) == (1, 1)
    assert "set MEMU_API_KEY" in done.stderr.decode()


async def test_what_is_not_understood_is_one_line_and_exit_status_1(command: Command) -> None:
    done = await command("import", "-", given=b"Dear diary, today\n")

    [line] = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert line.startswith("claude-memory: nothing was taken: this seems to be plain text")


async def test_nothing_taken_from_something_is_exit_status_1_and_nothing_from_nothing_is_not(command: Command) -> None:
    meta = b'{"type": "user", "sessionId": "s", "isMeta": true, "message": {"content": "x"}}\n'

    something, nothing = await command("import", "-", given=meta), await command("import", "-", given=b"[]\n")

    assert (something.returncode, nothing.returncode) == (1, 0)
    assert b"nothing was taken: read as claude-code" in something.stdout
    assert b"left aside: 1 texts of the program" in something.stdout


async def test_a_folder_without_a_repository_names_the_project_in_the_list(command: Command) -> None:
    lines = [
        {"type": "user", "sessionId": cwd, "cwd": cwd, "uuid": cwd, "message": {"content": "hello"}}
        for cwd in ("/home/ada/acme/api", "/home/ada/globex/api")
    ]
    await command("import", "-", given=b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    listed = json.loads((await command("project", "list", "--json")).stdout)

    assert [(row["project"], row["messages"], row["repositories"]) for row in listed] == [
        ("api", 1, ["acme/api"]),
        ("globex/api", 1, ["globex/api"]),
    ]
