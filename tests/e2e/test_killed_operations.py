"""kill -9 at every step of a restore and of a migration: the next start finds the old or the new, never a half."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from app.memory.types import Scope
from app.ops.backup.writing import back_up
from app.settings.fields import Settings
from app.store.database import Database
from app.store.postgres import PostgresStore
from tests.support.postgres_server import PostgresServer, fingerprint
from tests.support.rows import add_note
from tests.support.serving import ROOT, clean_environment, serving


def killed(*arguments: str) -> list[dict[str, object]]:
    """Return what was told after each try."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=clean_environment(),
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(240)
async def test_a_restore_that_is_killed_at_any_step_leaves_the_old_data_or_the_new(
    server_url: str, plain_settings: Settings, tmp_path: Path
) -> None:
    file, alice = tmp_path / "backup.tar", Scope("alice")
    db = Database({"dsn": server_url})
    await db.open()
    await add_note(PostgresStore(db), alice, "in the backup")
    await back_up(plain_settings, db, str(file))
    await add_note(PostgresStore(db), alice, "after the backup")
    async with db.as_service() as connection:
        whole, before = (
            await fingerprint(connection),
            await connection.fetchval("select database_id::text from instance"),
        )
    await db.close()

    *tries, last = killed("restore", server_url, str(file))

    assert len(tries) > 50, "every statement is a step"
    old = [one for one in tries if one["database_id"] == before]
    new = [one for one in tries if one["database_id"] != before]
    assert len({one["content"] for one in old}) == 1
    assert {one["content"] for one in [*new, last]}.isdisjoint({one["content"] for one in old})
    assert {one["schema"] for one in [*tries, last]} == {whole}, "the schema is whole at any moment"
    assert not [one for one in [*tries, last] if one["left"]]


@pytest.mark.timeout(240)
async def test_a_migration_that_is_killed_at_any_step_is_finished_by_the_next_start(
    server_url: str, postgres_server: PostgresServer
) -> None:
    async with postgres_server.database() as other:
        db = Database({"dsn": other})
        await db.open()
        async with db.as_service() as connection:
            whole = await fingerprint(connection)
        await db.close()

    told = killed("migrate", server_url)

    finished = [one["finished"] for one in told if "finished" in one]
    assert len(finished) > 20, "every statement is a step"
    assert set(finished) == {whole}
    assert told[-1]["schema"] == whole


@pytest.mark.timeout(300)
def test_a_restore_killed_with_its_postgresql_leaves_the_old_data_or_the_new(run_folder: Path, tmp_path: Path) -> None:
    data, choose = run_folder / "killed-restore", random.Random(5)
    file = tmp_path / "backup.tar"
    with serving(data) as server:
        server.call("memorize", {"text": "in the backup"})
        run("backup", str(file), "--data-dir", str(data), cwd=tmp_path).wait(60)
        server.call("memorize", {"text": "after the backup"})
    for _ in range(4):
        kill_family(
            run("restore", str(file), "--replace", "--data-dir", str(data), cwd=tmp_path), choose.uniform(0.5, 2)
        )
        with serving(data) as server:
            found = server.call("memory_stats", {})["structuredContent"]["memories"]
            texts = server.call("search_memory", {"query": "backup"})["structuredContent"]["results"]
            assert found == len(texts)
            assert found in (1, 2)
    assert run("restore", str(file), "--replace", "--data-dir", str(data), cwd=tmp_path).wait(60) == 0


def run(*arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *arguments], cwd=cwd, env=clean_environment(), stdout=subprocess.DEVNULL
    )


def kill_family(process: subprocess.Popen[bytes], after_s: float) -> None:
    """Kill a command and the PostgreSQL it started."""
    time.sleep(after_s)
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    for one in family:
        try:
            one.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait(30)
