"""Daemons that do not start, and the reason a client is given."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from app.bridge.start import DaemonStart
from app.datadir.lock import DataDirectoryLock
from tests.support.bridges import Machine, machine_at
from tests.support.serving import INITIALIZE, PATIENCE_S, clean_environment
from tests.support.users import NOBODY, as_root
from tests.support.waiting import wait_until


def refused(machine: Machine, **environment: str) -> tuple[str, str]:
    """Return what the client is told, and what stderr says."""
    client = machine.client(initialized=False, **environment)
    client.send(INITIALIZE)
    told = client.answer(INITIALIZE["id"])["error"]["message"]
    assert client.process.wait(PATIENCE_S) == 1
    assert client.errors.count("\n") == 1, client.errors
    return told, client.errors


def test_the_reason_is_that_the_data_directory_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with machine_at(tmp_path / "file" / "data") as machine:
        done = subprocess.run(
            [sys.executable, "-m", "app", "stdio", "--data-dir", str(machine.data_dir)],
            input=json.dumps(INITIALIZE).encode() + b"\n",
            env=clean_environment(),
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
    assert done.returncode == 1
    assert b"Not a directory; fix it, or choose another with --data-dir" in done.stderr
    assert json.loads(done.stdout)["error"]["code"] == -32_000
    assert json.loads(done.stdout)["id"] == INITIALIZE["id"]


@as_root
def test_the_reason_is_that_nothing_can_be_written_there(run_folder: Path) -> None:
    folder = run_folder / "foreign"
    folder.mkdir(mode=0o755)
    code = f"import fcntl, os; from app.bridge import stdio; os.setuid({NOBODY}); os._exit(stdio.main([]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(INITIALIZE).encode() + b"\n",
        env=clean_environment(MEMORY_DATA_DIR=str(folder)),
        capture_output=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 1
    assert b"Permission denied; fix it, or choose another with --data-dir" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_the_reason_is_that_its_settings_are_wrong(machine: Machine) -> None:
    told, said = refused(machine, LOG_LEVEL="LOUD")

    assert "does not start: 1 wrong setting: LOG_LEVEL" in told
    assert told in said
    assert machine.daemons() == []


def test_losing_the_race_for_the_lock_is_no_reason(machine: Machine) -> None:
    """What a daemon says that came second is recognised: app.datadir.lock and app.bridge.start agree."""
    lock = DataDirectoryLock(machine.data_dir)
    lock.acquire("", "daemon")
    start = DaemonStart(str(machine.data_dir))
    try:
        wait_until(start.ended, "the second daemon")
        assert (machine.data_dir / "daemon.log").read_text().startswith("claude-memory: ")
        assert start.last_words() is None
    finally:
        start.forget()
        lock.release()


def test_a_killed_one_has_no_reason(machine: Machine) -> None:
    start = DaemonStart(str(machine.data_dir))
    try:
        [daemon] = wait_until(machine.daemons, "the daemon")
        assert not start.ended()
        daemon.kill()
        wait_until(start.ended, "its end")
        assert start.last_words() is None
    finally:
        start.forget()
