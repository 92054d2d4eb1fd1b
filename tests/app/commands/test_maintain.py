"""`maintain` as an operator calls it."""

from __future__ import annotations

import json

import pytest

from app import cli
from app.store.database import Database
from tests.support.cli import Command


async def test_it_prints_a_table_or_json(command: Command, database: Database) -> None:
    tried = await command("maintain", "--dry-run", "--json")
    done = await command("maintain", "--cleanup-days", "30")

    assert json.loads(tried.stdout)["dry_run"] is True
    assert done.returncode == 0, done.stderr
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["removed", "rows"]
    assert any(line.split()[:2] == ["table", "memories"] for line in lines)


@pytest.mark.parametrize("days", ["0", "-1", "1.5", "36501", "x"])
def test_days_that_are_no_whole_number_are_wrong_usage(days: str) -> None:
    assert cli.run(["maintain", "--cleanup-days", days]) == 2
