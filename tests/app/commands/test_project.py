"""`project` as people call it."""

from __future__ import annotations

import json

from tests.support.cli import Command

LINES = b'{"text": "tea", "project": "shop"}\n{"text": "pot", "project": "store"}\n'


async def test_projects_are_listed_renamed_and_merged(command: Command) -> None:
    await command("import", "-", given=LINES)

    listed = await command("project", "list")
    renamed = await command("project", "rename", "shop", "tea shop")
    merged = await command("project", "merge", "store", "tea shop")
    after = await command("project", "list", "--json")

    assert [line.split()[:2] for line in listed.stdout.decode().splitlines()[1:]] == [["shop", "1"], ["store", "1"]]
    assert renamed.stdout == b"shop is now tea shop: moved 1 memory and 0 conversations\n"
    assert merged.stdout == b"store is now tea shop: moved 1 memory and 0 conversations\n"
    assert [(row["project"], row["memories"]) for row in json.loads(after.stdout)] == [("tea shop", 2)]


async def test_projects_of_one_folder_name_are_offered_to_be_merged(command: Command) -> None:
    await command("import", "-", given=LINES.replace(b"store", b"ada/shop"))

    last = (await command("project", "list")).stdout.decode().splitlines()[-1]

    assert last.startswith("of one folder name: ada/shop, shop; claude-memory project merge")


async def test_a_project_that_is_not_there_is_one_line_and_exit_status_1(command: Command) -> None:
    done = await command("project", "rename", "gone", "new")

    assert done.returncode == 1
    [line] = done.stderr.decode().splitlines()
    assert line == "claude-memory: project 'gone': there is no such project; claude-memory project list shows all"
