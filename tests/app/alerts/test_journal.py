"""The log: whole lines, on disk, rotated."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from app.alerts.journal import Journal


def lines(path: Path) -> list[int]:
    return [json.loads(line)["n"] for line in path.read_text(encoding="utf-8").splitlines()]


def test_entries_are_on_disk_when_append_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bytes] = []
    real = os.fsync

    def fsync(file: int) -> None:
        real(file)
        if stat.S_ISREG(os.fstat(file).st_mode):
            synced.append(os.pread(file, 1_000, 0))

    monkeypatch.setattr(os, "fsync", fsync)
    Journal(tmp_path, 1_000, 2).append([{"n": 1}, {"n": 2}])

    assert synced == [b'{"n": 1}\n{"n": 2}\n']


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 10, 3)
    for n in range(3):
        journal.append([{"n": n}])

    assert {path.name for path in tmp_path.iterdir()} == {"alerts.jsonl", "alerts.jsonl.1", "alerts.jsonl.2"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(("files", "kept"), [(1, [[5]]), (3, [[5], [4], [3]])])
def test_the_oldest_file_goes_when_there_are_enough(tmp_path: Path, files: int, kept: list[list[int]]) -> None:
    journal = Journal(tmp_path, 10, files)
    for n in range(6):
        journal.append([{"n": n}])

    assert [lines(path) for path in sorted(tmp_path.iterdir())] == kept


def test_a_file_takes_lines_up_to_its_limit(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 20, 2)
    for n in range(3):
        journal.append([{"n": n}])

    assert lines(tmp_path / "alerts.jsonl") == [2]
    assert lines(tmp_path / "alerts.jsonl.1") == [0, 1]


@pytest.mark.parametrize("torn", [b'{"n": 1}\n{"n": ', b'{"n": 1}\n' + b"x" * 200_000])
def test_what_a_crash_left_of_a_line_is_cut_off(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / "alerts.jsonl").write_bytes(torn)

    Journal(tmp_path, 1_000_000, 2).append([{"n": 2}])

    assert lines(tmp_path / "alerts.jsonl") == [1, 2]


def test_a_full_disk_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, 1_000, 2)
    journal.append([{"n": 1}])
    real = os.write

    def full(file: int, content: memoryview) -> int:
        if len(content) <= 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, content[:5])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            journal.append([{"n": 2}])
    assert lines(tmp_path / "alerts.jsonl") == [1]
    journal.append([{"n": 3}])
    assert lines(tmp_path / "alerts.jsonl") == [1, 3]


def test_a_log_somebody_moved_away_is_begun_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1_000, 2)
    journal.append([{"n": 1}])
    (tmp_path / "alerts.jsonl").unlink()
    journal.append([{"n": 2}])

    assert lines(tmp_path / "alerts.jsonl") == [2]


def test_recent_entries_come_from_two_files_and_pass_over_what_is_no_json(tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl.1").write_text('{"n": 1}\n{"n": 2}\n')
    (tmp_path / "alerts.jsonl").write_text('{"n": 3}\nhalf')
    journal = Journal(tmp_path, 1_000, 2)

    def doubled(entry: dict[str, int]) -> dict[str, int]:
        return {"n": 2 * entry["n"]}

    assert [entry["n"] for entry in journal.recent(2, doubled)] == [4, 6]
    assert [entry["n"] for entry in journal.recent(9, doubled)] == [2, 4, 6]
