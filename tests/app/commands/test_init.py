"""`init`: says of each part whether it was made."""

from __future__ import annotations

import json

from tests.support.cli import Command


async def test_what_is_there_is_said_in_a_table_or_as_json(command: Command) -> None:
    table = await command("init")
    report = await command("init", "--json")

    assert (table.returncode, table.stderr) == (0, b"")
    assert table.stdout.splitlines()[0].split() == [b"what", b"name"]
    steps = json.loads(report.stdout)
    assert steps
    assert {step["made"] for step in steps} == {False}
    assert table.stdout.count(b"was there") == len(steps)
