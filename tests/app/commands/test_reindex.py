"""`reindex`: says whether it is needed, and does it."""

from __future__ import annotations

import json

from tests.support.cli import Command


async def test_it_is_needed_until_it_is_done(command: Command) -> None:
    await command("import", "-", given=b'{"text": "apple pie"}\n')

    before = await command("reindex", "--dry-run")
    done = await command("reindex", "--json")
    after = await command("reindex", "--dry-run")

    assert b"must be rebuilt; 1 memory" in before.stdout
    assert json.loads(done.stdout)["points"] == 1
    assert b"matches the settings; 1 memory" in after.stdout
