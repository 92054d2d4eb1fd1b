"""What `claude-memory doctor` reports of the data directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.datadir.lock import DataDirectoryLock
from app.ops.doctor.data_directory import check_holder
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


@pytest.mark.parametrize(("keeps_data", "said"), [(True, "a client that connects starts one"), (False, "none here")])
def test_only_where_data_is_kept_a_client_starts_a_server(tmp_path: Path, keeps_data: bool, said: str) -> None:
    assert said in check_holder(tmp_path, None, keeps_data=keeps_data).found


def test_a_folder_others_may_write_to_is_a_warning(machine: Machine) -> None:
    machine.data_dir.mkdir()
    machine.data_dir.chmod(0o777)

    code, checks = run_doctor(machine)

    assert code == 0
    assert checks["data directory"]["state"] == "warning"
    assert checks["data directory"]["mend"].startswith("chmod 700")
