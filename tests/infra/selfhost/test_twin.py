"""Two PostgreSQL servers, started by the stack's script: who copies whom, and what is never lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import asyncpg
import pytest

from infra.selfhost.standby_command import HAS
from infra.selfhost.twin import Twin, health, server_files
from tests.support.postgres import temporary_folder
from tests.support.postgres_server import binaries
from tests.support.twins import TwinServer
from tests.support.waiting import until

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(binaries() is None, reason="needs Debian's PostgreSQL: apt-get install postgresql-15"),
]
STREAMING = "select count(*) from pg_stat_replication where state = 'streaming' and application_name = 'twin'"


@pytest.fixture
def servers() -> Iterator[tuple[TwinServer, TwinServer]]:
    """The two servers, which do not run yet."""
    folder = temporary_folder()
    first, second = TwinServer(folder / "one", "primary"), TwinServer(folder / "two", "standby")
    first.knows(second)
    second.knows(first)
    yield first, second
    for server in (first, second):
        server.kill()
    shutil.rmtree(folder, ignore_errors=True)


async def both_up(first: TwinServer, second: TwinServer) -> None:
    """Start both, the standby first: it waits for the primary."""
    second.start()
    first.start()
    await first.ready()
    await second.ready()
    await streaming(first)
    await first.ask("create table written (n int)")


async def streaming(primary: TwinServer) -> None:
    """Wait until a server is copied."""

    async def copied() -> bool:
        return bool(await primary.ask(STREAMING) == 1)

    await until(copied, "the standby to copy")


async def write(server: TwinServer, *numbers: int) -> None:
    for n in numbers:
        await server.ask("insert into written values ($1)", n)


async def has(server: TwinServer, *numbers: int) -> None:
    """Wait until a server has these rows and no others."""

    async def there() -> bool:
        try:
            return bool(await server.ask("select array_agg(n order by n) from written") == list(numbers))
        except asyncpg.UndefinedTableError:  # the standby has not come that far
            return False

    await until(there, f"{numbers} to be there", 20)


async def is_standby(server: TwinServer) -> bool:
    return bool(await server.ask("select pg_is_in_recovery()"))


async def test_the_second_copies_the_first_and_takes_no_writes(servers: tuple[TwinServer, TwinServer]) -> None:
    first, second = servers
    await both_up(first, second)
    await write(first, 1, 2)

    await has(second, 1, 2)
    assert (await is_standby(first), await is_standby(second)) == (False, True)


async def test_after_a_promotion_the_old_primary_comes_back_as_a_standby(
    servers: tuple[TwinServer, TwinServer],
) -> None:
    first, second = servers
    await both_up(first, second)
    await write(first, 1)

    first.fence()
    first.stop()  # ends when the standby has received everything
    await second.ask("select pg_promote()")
    await write(second, 2)
    first.start()
    await first.ready()
    await streaming(second)

    await has(first, 1, 2)
    assert (await is_standby(first), await is_standby(second)) == (True, False)


async def test_after_a_clean_stop_the_standby_has_the_last_checkpoint_and_after_writes_without_it_has_not(
    servers: tuple[TwinServer, TwinServer],
) -> None:
    first, second = servers
    await both_up(first, second)
    await write(first, 1)
    first.stop()
    assert await second.ask(HAS.format(first.control()["Latest checkpoint location"]))
    assert first.control()["Database cluster state"] == "shut down"

    second.stop()
    first.start()
    await first.ready()
    await write(first, 2)
    first.stop()
    second.start()
    await second.ready()
    assert not await second.ask(HAS.format(first.control()["Latest checkpoint location"]))


async def test_an_old_primary_that_no_one_could_mark_sees_by_itself_that_it_was_replaced(
    servers: tuple[TwinServer, TwinServer],
) -> None:
    first, second = servers
    await both_up(first, second)
    await write(first, 1)
    await has(second, 1)
    first.kill()
    await second.ask("select pg_promote()")
    await write(second, 2)

    first.start()
    await first.ready()
    await has(first, 1, 2)

    assert await is_standby(first)
    assert list(first.data.parent.glob("docker.before-*")), "writes that never reached the standby may be in it"


async def test_both_keep_their_roles_over_a_restart(servers: tuple[TwinServer, TwinServer]) -> None:
    first, second = servers
    await both_up(first, second)
    first.fence()
    first.stop()
    await second.ask("select pg_promote()")
    first.start()
    await first.ready()

    for server in (first, second):
        server.stop()
    first.start()
    second.start()
    await second.ready()
    await first.ready()
    await write(second, 1)

    await has(first, 1)


async def test_a_lost_volume_is_copied_from_the_other_whichever_is_the_primary(
    servers: tuple[TwinServer, TwinServer],
) -> None:
    first, second = servers
    await both_up(first, second)
    await write(first, 1)
    second.kill()
    second.lose()
    second.start()
    await second.ready()
    await has(second, 1)
    first.kill()
    await second.ask("select pg_promote()")
    first.lose()

    first.start()
    await first.ready()
    await has(first, 1)
    assert await is_standby(first)


async def test_without_data_nothing_new_begins_beside_a_standby_that_has_it(
    servers: tuple[TwinServer, TwinServer],
) -> None:
    first, second = servers
    await both_up(first, second)
    first.kill()
    first.lose()

    first.start()

    assert first.ended() == 1
    assert "run python -m infra.selfhost promote" in first.said()
    assert not first.data.exists()


async def test_a_standby_that_is_marked_copies_everything_again(servers: tuple[TwinServer, TwinServer]) -> None:
    first, second = servers
    await both_up(first, second)
    second.stop()
    second.fence()
    await first.ask("select pg_drop_replication_slot('twin')")
    await write(first, 1)

    second.start()
    await second.ready()

    await has(second, 1)


def test_a_server_that_copies_counts_as_healthy() -> None:
    assert health(["pg_isready", "--host", "127.0.0.1"]) == [
        "sh",
        "-c",
        'pg_isready --host 127.0.0.1 || [ -d "$PGDATA.copy" ]',
    ]


def test_no_password_is_in_its_files() -> None:
    files = server_files(Twin(host="db", port=5432, begins="standby"), "postgres", "/data")

    assert set(files) == {"pg_hba.conf", "start.sh"}
    assert "BEGINS=standby\n" in files["start.sh"]
