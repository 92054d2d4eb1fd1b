"""`backups list` and `backups prune`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import Command


async def test_what_was_written_is_listed_and_old_ones_are_pruned(command: Command, tmp_path: Path) -> None:
    for name in ("first.tar", "second.tar"):
        assert (await command("backup", name)).returncode == 0

    table = (await command("backups", "list")).stdout.decode()
    listed = json.loads((await command("backups", "list", "--json")).stdout)
    tried = json.loads((await command("backups", "prune", "--dry-run", "--json")).stdout)
    pruned = await command("backups", "prune")

    assert table.split()[:3] == ["place", "taken_at", "size"]
    assert {one["place"] for one in listed} == {str(tmp_path / "first.tar"), str(tmp_path / "second.tar")}
    assert tried["dry_run"]
    assert pruned.returncode == 0
    left = json.loads((await command("backups", "list", "--json")).stdout)
    assert [one["place"] for one in left] == tried["kept"] == [str(tmp_path / "second.tar")]


async def test_without_any_the_list_is_its_head(command: Command) -> None:
    assert (await command("backups", "list")).stdout.count(b"\n") == 1
