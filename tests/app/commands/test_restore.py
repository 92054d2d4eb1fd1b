"""`restore`: into what is empty, or in the place of what is there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli import Command, run_command
from tests.support.serving import serving

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


def test_beside_a_server_it_says_to_stop_it_first(tmp_path: Path) -> None:
    where = ("--data-dir", str(tmp_path / "data"))
    with serving(tmp_path / "data") as server:
        assert run_command("backup", "b.tar", *where, cwd=tmp_path)[0] == 0
        status, out, error = run_command("restore", "b.tar", "--replace", *where, cwd=tmp_path)

    assert (status, out, error.count("\n")) == (1, "", 1)
    stop_it = "restore needs it alone, so stop it first: kill "
    assert f"in use by another server (pid {server.process.pid}); {stop_it}" in error
