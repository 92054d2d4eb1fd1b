"""`restore`: into what is empty, or in the place of what is there."""

from __future__ import annotations

import json

from tests.support.cli import Command

NOTE = b'{"text": "the cat sleeps"}\n'


async def test_what_is_there_is_replaced_only_when_asked_for(command: Command) -> None:
    await command("import", "-", given=NOTE)
    assert (await command("backup", "b.tar")).returncode == 0
    await command("import", "-", given=b'{"text": "written later"}\n')

    refused = await command("restore", "b.tar")
    restored = await command("restore", "b.tar", "--replace", "--json")

    assert (refused.returncode, refused.stdout) == (1, b"")
    assert b"--replace" in refused.stderr
    assert restored.returncode == 0, restored.stderr
    assert json.loads(restored.stdout)["tables"]["memories"] == 1
    assert b"written later" not in (await command("export", "-")).stdout
