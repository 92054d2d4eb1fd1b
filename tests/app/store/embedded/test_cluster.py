"""The files on the disk, and what may be wrong with them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from app.errors import StoreUnavailable
from app.store.embedded import EmbeddedPostgres, processes
from app.store.embedded.cluster import Cluster
from tests.support.embedded import living, query
from tests.support.users import as_root


def test_a_stale_pid_file_is_no_obstacle_even_when_the_pid_lives_on(data_dir: Path) -> None:
    """The pid is now that of a program of the same user, which PostgreSQL alone takes for a running server."""
    account = Cluster.of(data_dir).account
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
        assert folder.stat().st_uid == Cluster.of(deep).account.uid
        assert EmbeddedPostgres(deep).connect_args == server.connect_args, "other processes find it"
    finally:
        server.stop()
        folder.rmdir()
    assert not living(deep)


def test_a_socket_folder_of_another_user_is_refused(data_dir: Path) -> None:
    sockets = Cluster.of(data_dir).sockets
    sockets.chmod(0o777)
    with pytest.raises(StoreUnavailable, match="not a private folder"):
        EmbeddedPostgres(data_dir).start()


@as_root
def test_another_users_database_is_refused_with_what_to_do(data_dir: Path) -> None:
    os.chown(data_dir / "postgres/cluster", 1, 1)
    with pytest.raises(StoreUnavailable, match=r"belongs to user 1, .* chown"):
        EmbeddedPostgres(data_dir).start()


def test_a_database_of_another_postgres_version_is_refused_with_what_to_do(data_dir: Path) -> None:
    (data_dir / "postgres/cluster/PG_VERSION").write_text("16\n")
    with pytest.raises(StoreUnavailable, match="made by PostgreSQL 16, this installation brings 18; back it up"):
        EmbeddedPostgres(data_dir).start()


def test_a_log_grown_long_is_put_aside_at_the_next_start(data_dir: Path) -> None:
    (data_dir / "postgres.log").write_bytes(b"old\n" * 3_000_000)
    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
    assert (data_dir / "postgres.log").stat().st_size < 10_000
    assert (data_dir / "postgres.log.1").stat().st_size == 12_000_000
