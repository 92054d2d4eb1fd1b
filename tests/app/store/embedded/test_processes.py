"""The server's processes: found, and ended when their owner could not."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.store.embedded import EmbeddedPostgres, binaries, processes
from app.store.embedded.cluster import Cluster
from tests.support.embedded import ROOT, living, query
from tests.support.waiting import wait_until


def test_an_orphan_whose_owner_could_not_take_it_along_is_ended(data_dir: Path) -> None:
    """As on macOS, where a child does not learn of its parent's death."""
    cluster = Cluster.of(data_dir)
    first = EmbeddedPostgres(data_dir)
    first.start()
    first.stop()
    with (data_dir / "postgres.log").open("ab") as log:
        orphan = processes.spawn(
            cluster.command(binaries.find(cluster.account, data_dir)),
            account=cluster.account,
            folder=cluster.path,
            log=log.fileno(),
        )
    reaper = threading.Thread(target=orphan.wait)
    reaper.start()
    wait_until(lambda: cluster.postmaster() == (orphan.pid, True), "the orphan")

    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        reaper.join(10)
        assert orphan.returncode == 0, "asked to shut down, not killed"
        assert query(server, "select 1") == 1
    finally:
        server.stop()


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="no ps")
def test_where_there_is_no_proc_the_processes_are_found_by_ps(
    server: EmbeddedPostgres, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(
        lambda: len(living(data_dir)) == 5, "all processes"
    )  # all are there, and the one that recovers has ended
    found = living(data_dir)
    monkeypatch.setattr(processes, "_processes_of_linux", processes._processes_of_ps)
    assert sorted(living(data_dir)) == sorted(found)
    assert server.pid in found


def test_a_program_that_just_ends_takes_its_server_along(data_dir: Path) -> None:
    program = f"import app.store.embedded as e, pathlib\ne.EmbeddedPostgres(pathlib.Path({str(data_dir)!r})).start()"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    assert not living(data_dir)
