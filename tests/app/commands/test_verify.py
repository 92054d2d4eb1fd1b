"""`verify`: a good backup, and what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.cli import Command, url_of


async def test_a_good_backup_is_said_to_be_good(command: Command, connect_arguments: dict[str, Any]) -> None:
    admin = {"ADMIN_DATABASE_URL": url_of({**connect_arguments, "user": "postgres"})}
    await command("import", "-", given=b'{"text": "the cat sleeps"}\n')
    assert (await command("backup", "b.tar")).returncode == 0

    table = await command("verify", "b.tar", environment=admin)
    report = await command("verify", "b.tar", "--json", environment=admin)

    assert table.returncode == 0, table.stderr
    assert b"is good: 1 row" in table.stdout
    assert json.loads(report.stdout)["rows"] == 1

    newest = await command("verify", "--json", environment=admin)
    assert json.loads(newest.stdout)["rows"] == 1, newest.stderr


async def test_what_is_no_backup_is_one_line_and_exit_status_1(command: Command, tmp_path: Path) -> None:
    (tmp_path / "b.tar").write_bytes(b"x" * 5_000)

    done = await command("verify", "b.tar")

    assert (done.returncode, done.stdout) == (1, b"")
    assert b"is not a backup of claude-memory" in done.stderr
