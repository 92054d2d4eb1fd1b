"""`backup`, `verify`, `restore` and `backups`, as processes, beside a running server and without one."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.cli import run_command
from tests.support.serving import Server, serving
from tests.support.waiting import wait_until

PASSPHRASE = "correct horse"


@pytest.mark.timeout(240)
def test_from_a_running_server_to_another_machine(run_folder: Path, tmp_path: Path) -> None:
    old, new = ("--data-dir", str(run_folder / "old")), ("--data-dir", str(run_folder / "new"))
    file = tmp_path / "backup.tar"
    secret = tmp_path / "passphrase"
    secret.write_text(f"{PASSPHRASE}\n")
    key = {"BACKUP_PASSPHRASE_FILE": str(secret)}

    assert run_command("init", *old, cwd=tmp_path)[:1] == (0,)
    with serving(run_folder / "old") as server:
        server.call("memorize", {"text": "The cat sleeps on the oven."})

        status, out, error = run_command("backup", str(file), "--json", *old, cwd=tmp_path, **key)
        assert (status, error) == (0, "")
        written = json.loads(out)
        assert written["encrypted"]
        assert {one["table"]: one["rows"] for one in written["tables"]}["memories"] == 1
        taken_at = datetime.fromisoformat(written["taken_at"]).timestamp()
        wait_until(
            lambda: abs(metric(server, "backup_last_success_timestamp_seconds") - taken_at) < 1, "the metric", 10
        )

        status, out, error = run_command("verify", str(file), *old, cwd=tmp_path, **key)
        assert (status, error) == (0, "")
        assert "is good: 1 row" in out

        status, out, error = run_command("backup", str(file), *old, cwd=tmp_path, **key)
        assert (status, out) == (1, "")
        assert error == (f"claude-memory: {file} exists already; give --replace to overwrite it with the new backup\n")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == written["sha256"]

        status, out, error = run_command("restore", str(file), "--replace", *old, cwd=tmp_path, **key)
        assert (status, out, error.count("\n")) == (1, "", 1)
        assert "is in use by another server" in error
        assert server.call("search_memory", {"query": "cat"})["structuredContent"]["results"]

        listed = json.loads(run_command("backups", "list", "--json", *old, cwd=tmp_path)[1])
        assert [(one["place"], one["sha256"]) for one in listed] == [(str(file), written["sha256"])]
        assert listed[0]["verified_at"]

    for wrong, said in (({}, "set BACKUP_PASSPHRASE"), ({"BACKUP_PASSPHRASE": "wrong horse"}, "passphrase is wrong")):
        status, out, error = run_command("restore", str(file), *new, cwd=tmp_path, **wrong)
        assert (status, out, error.count("\n")) == (1, "", 1)
        assert said in error
        assert PASSPHRASE not in error

    status, out, error = run_command("restore", str(file), *new, cwd=tmp_path, **key)
    assert (status, error) == (0, "")
    assert "restored 1 row" in out
    status, _, error = run_command("restore", str(file), *new, cwd=tmp_path, **key)
    assert status == 1
    assert "give --replace" in error
    assert run_command("restore", str(file), "--replace", *new, cwd=tmp_path, **key)[0] == 0
    with serving(run_folder / "new") as server:
        found = server.call("search_memory", {"query": "cat oven"})["structuredContent"]
        assert [one["text"] for one in found["results"]] == ["The cat sleeps on the oven."]
        assert not found["degraded"]

    status, out, error = run_command("backup", str(file), "--replace", *old, cwd=tmp_path, **key)
    assert (status, error) == (0, "")
    listed = json.loads(run_command("backups", "list", "--json", *old, cwd=tmp_path)[1])
    assert [one["sha256"] for one in listed] == [hashlib.sha256(file.read_bytes()).hexdigest()]

    pruned = json.loads(run_command("backups", "prune", "--dry-run", "--json", *old, cwd=tmp_path)[1])
    assert pruned == {"kept": [str(file)], "deleted": [], "lost": [], "dry_run": True}


def test_without_a_file_it_does_what_a_worker_does_at_night(run_folder: Path, tmp_path: Path) -> None:
    data, backups = ("--data-dir", str(run_folder)), tmp_path / "backups"
    environment = {"BACKUP_TO": str(backups), "BACKUP_KEEP_DAILY": "1"}
    assert run_command("init", *data, cwd=tmp_path)[0] == 0

    status, out, error = run_command("backup", *data, cwd=tmp_path, **environment)
    assert (status, error) == (0, "")
    [written] = backups.iterdir()
    assert str(written) in out
    assert "kept" in out

    status, out, error = run_command("backup", *data, cwd=tmp_path)
    assert (status, out) == (1, "")
    assert error == "claude-memory: BACKUP_TO is not set; name a directory or s3://bucket/prefix\n"


def metric(server: Server, name: str) -> float:
    """Return the value of a metric without labels."""
    lines = str(server.request("GET", "/metrics")[2]).splitlines()
    [value] = [line.split()[1] for line in lines if line.startswith(f"claude_memory_{name} ")]
    return float(value)
