"""What `claude-memory doctor` reports of the data directory."""

from __future__ import annotations

import os

from app.datadir.lock import DataDirectoryLock
from tests.support.bridges import Machine
from tests.support.examining import run_doctor


def test_a_holder_that_does_not_answer_fails(machine: Machine) -> None:
    lock = DataDirectoryLock(machine.data_dir)
    lock.acquire("", "restore")
    try:
        code, checks = run_doctor(machine)
        assert code == 1
        assert f"kill {os.getpid()}" in checks["server"]["mend"]
    finally:
        lock.release()


def test_a_folder_others_may_write_to_is_a_warning(machine: Machine) -> None:
    machine.data_dir.mkdir()
    machine.data_dir.chmod(0o777)

    code, checks = run_doctor(machine)

    assert code == 0
    assert checks["data directory"]["state"] == "warning"
    assert checks["data directory"]["mend"].startswith("chmod 700")
