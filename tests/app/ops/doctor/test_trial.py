"""`claude-memory doctor` without a running server, on a database that does not start."""

from __future__ import annotations

from tests.support.bridges import Machine
from tests.support.examining import SECRET, run_doctor


def test_a_broken_database_fails_with_what_to_do(machine: Machine) -> None:
    (machine.data_dir / "postgres" / "cluster").mkdir(parents=True)

    code, checks = run_doctor(machine)

    assert code == 1
    assert checks["PostgreSQL"]["state"] == "failed"
    assert "postgres.log" in checks["PostgreSQL"]["mend"]
    assert machine.processes() == []


def test_a_database_that_does_not_answer_is_reported_without_its_password(machine: Machine) -> None:
    code, checks = run_doctor(machine, DATABASE_URL=f"postgresql://me:{SECRET}@127.0.0.1:9/x")

    assert code == 1
    assert checks["PostgreSQL"]["mend"].startswith("check DATABASE_URL")
    assert "a write may have been done" not in checks["PostgreSQL"]["found"]
