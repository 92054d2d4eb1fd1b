"""The scripts that put PostgreSQL's log into the spool and restore from it, on a real server and a bucket."""

from __future__ import annotations

import asyncio
import subprocess
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from app.settings.fields import Settings
from app.settings.loading import load_settings
from infra.selfhost.log_spool import SWITCH_S, script, server_files, server_settings
from tests.support.log_archive import ArchivedServer
from tests.support.postgres import temporary_folder
from tests.support.postgres_server import binaries
from tests.support.s3 import s3_server
from tests.support.waiting import until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(binaries() is None, reason="needs Debian's PostgreSQL: apt-get install postgresql-15"),
]


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with s3_server() as url:
        urllib.request.urlopen(urllib.request.Request(f"{url}/bucket", method="PUT"))
        yield url


@pytest.fixture
def archived(s3_url: str, plain_settings: Settings, request: pytest.FixtureRequest) -> Iterator[ArchivedServer]:
    """A server with a bucket for its log."""
    folder = temporary_folder()
    settings = load_settings(
        {
            "memory_data_dir": folder / "none",
            "wal_archive_to": f"s3://bucket/{request.node.name}",
            "wal_spool": folder / "spool",
            "backup_passphrase": "correct horse",
            "backup_s3_endpoint": s3_url,
            "backup_s3_access_key_id": "key",
            "backup_s3_secret_access_key": "made-up-secret",
        }
    )
    server = ArchivedServer(folder, settings)
    server.create()
    try:
        yield server
    finally:
        server.server.kill()
        subprocess.run(["rm", "-rf", str(folder)], check=True)


async def prepared(archived: ArchivedServer) -> None:
    """Make the app's tables and one of ours."""
    await archived.make_tables()
    await archived.query("create table written (n int)")


async def write(archived: ArchivedServer, first: int, last: int) -> datetime:
    """Commit rows one by one; return a moment at which all are acknowledged, by the server's clock."""
    for n in range(first, last + 1):
        await archived.query("insert into written values ($1)", n)
    [[moment]] = await archived.query("select clock_timestamp()")
    await asyncio.sleep(0.05)
    assert isinstance(moment, datetime)
    return moment


async def rows(archived: ArchivedServer) -> list[int]:
    return [row[0] for row in await archived.query("select n from written order by n")]


async def test_after_the_loss_of_the_host_every_write_acknowledged_before_the_moment_is_back(
    archived: ArchivedServer,
) -> None:
    async with archived.kept():
        await prepared(archived)
        await archived.until_base()
        moment = await write(archived, 1, 40)
        await write(archived, 41, 60)
        await archived.query("delete from written where n <= 20")
        [[before]] = await archived.query("select database_id from instance")
        await archived.until_archived()
    archived.lose_host()

    report = await archived.fetch(moment)
    restored = archived.restore()
    assert restored.returncode == 0, restored.stderr
    archived.server.start()

    assert await rows(archived) == list(range(1, 41)), "all from before the moment, and nothing from after it"
    assert report.to == moment
    [[after]] = await archived.query("select database_id from instance")
    assert after != before, "or an index would be used that knows what came after the moment"


async def test_the_log_goes_on_after_a_restore_and_can_be_restored_again(archived: ArchivedServer) -> None:
    async with archived.kept():
        await prepared(archived)
        await archived.until_base()
        await write(archived, 1, 5)
        await archived.until_archived()
    archived.lose_host()
    await archived.fetch(None)
    assert archived.restore().returncode == 0
    archived.server.start()
    assert await rows(archived) == [1, 2, 3, 4, 5], "to the end of the log"

    async with archived.kept():
        moment = await write(archived, 6, 9)
        await write(archived, 10, 13)
        await archived.until_archived()
    assert "00000002.history" in (await archived.contents()).logs
    archived.lose_host()
    await archived.fetch(moment)
    restored = archived.restore()
    assert restored.returncode == 0, restored.stderr
    archived.server.start()

    assert await rows(archived) == list(range(1, 10))


async def test_a_moment_that_the_log_does_not_reach_fails_and_changes_nothing(archived: ArchivedServer) -> None:
    async with archived.kept():
        await prepared(archived)
        await archived.until_base()
        end = await write(archived, 1, 3)
        await archived.until_archived()
    await write(archived, 4, 6)
    [[moment]] = await archived.query("select clock_timestamp()")
    archived.server.stop()
    await archived.fetch(end)
    (archived.spool / "restore" / "target").write_text(f"{moment.isoformat(sep=' ')}\n")

    restored = archived.restore()

    assert restored.returncode == 1
    assert "recovery ended before configured recovery target was reached" in restored.stderr
    assert "the data is as it was" in restored.stderr
    archived.server.start()
    assert await rows(archived) == [1, 2, 3, 4, 5, 6]


async def test_the_data_from_before_stays_beside_the_restored(archived: ArchivedServer) -> None:
    async with archived.kept():
        await prepared(archived)
        await archived.until_base()
        moment = await write(archived, 1, 3)
        await write(archived, 4, 4)
        await archived.until_archived()
    archived.server.stop()
    await archived.fetch(moment)

    restored = archived.restore()

    [kept] = archived.data.parent.glob("cluster.before-*")
    assert (kept / "PG_VERSION").exists()
    assert str(kept) in restored.stdout
    assert not (archived.spool / "restore").exists()


def test_without_anything_fetched_it_refuses(archived: ArchivedServer) -> None:
    restored = archived.restore()

    assert (restored.returncode, restored.stdout) == (1, "")
    assert "run claude-memory wal fetch first" in restored.stderr


async def test_a_file_that_cannot_be_archived_stays_with_the_server(archived: ArchivedServer) -> None:
    archived.spool.chmod(0o555)
    await prepared(archived)
    await archived.query("select pg_switch_wal()", user="postgres")

    async def failed() -> bool:
        return bool((await archived.query("select failed_count from pg_stat_archiver", user="postgres"))[0][0])

    await until(failed, "a file that could not be archived")
    archived.spool.chmod(0o777)

    async with archived.kept():
        await write(archived, 1, 1)
        await archived.until_archived()

    names = sorted(name for name in (await archived.contents()).logs if len(name) == 24)
    assert names[0] == "000000010000000000000001", "none is lacking"


async def test_reports_go_on_after_one_that_could_not_be_written(archived: ArchivedServer) -> None:
    await prepared(archived)
    archived.spool.chmod(0o555)  # as before the archive's container is made

    async with archived.kept():
        await until(lambda: "cannot create directory" in archived.base_log.read_text(), "a report that failed")
        archived.spool.chmod(0o777)
        await until(lambda: any(archived.spool.glob("*/status")), "a report")


def test_a_script_begins_with_its_values() -> None:
    assert script("archive.sh", SPOOL="/there").startswith("SPOOL=/there\n# archive_command")
    assert set(server_files("postgres", "memory")) == {"pg_hba.conf", "archive.sh", "restore.sh"}


def test_an_unfinished_file_of_the_log_waits_for_half_a_minute() -> None:
    assert SWITCH_S == 30
    assert server_settings()["archive_timeout"] == "60s", "where nobody finishes it"
    assert server_settings()["archive_mode"] == "on"


@pytest.mark.parametrize("name", sorted(path.name for path in Path("infra/selfhost/scripts").glob("*.sh")))
def test_a_script_is_one_that_a_plain_shell_reads(name: str) -> None:
    subprocess.run(["sh", "-n", f"infra/selfhost/scripts/{name}"], check=True)
