"""Configuration files on the disk: links, modes, owners, backups, and what is in the way."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from app.clients import files
from app.clients.files import BACKUP_SUFFIX
from app.clients.install import InstallRequest, Machine, install, uninstall
from tests.support.clients import (
    CLAUDE_CODE,
    FILES,
    tree,
)
from tests.support.users import as_root


def test_a_directory_a_pipe_and_a_loop_in_the_way_are_named(machine: Machine) -> None:
    reasons = {}
    makers: dict[str, Callable[[Path], None]] = {
        "cursor": Path.mkdir,
        "vscode": os.mkfifo,
        "zed": lambda file: file.symlink_to(file),
    }
    for client, make in makers.items():
        file = machine.home / FILES[client][0]
        file.unlink()
        make(file)
        [report] = install(InstallRequest(clients=(client,)), machine)
        reasons[client] = report.reason

    assert reasons["cursor"] == "it is a directory"
    assert reasons["vscode"] == "it is not a file"
    assert "too many levels of symbolic links" in (reasons["zed"] or "")


def test_a_file_in_place_of_the_folder_is_named(empty: Machine) -> None:
    (empty.home / ".cursor").write_text("x")

    [report] = install(InstallRequest(clients=("cursor",)), empty)

    assert report.reason == "not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(machine: Machine) -> None:  # pragma: no cover
    (machine.home / FILES["cursor"][0]).chmod(0)

    [report] = install(InstallRequest(clients=("cursor",)), machine)

    assert report.reason == "permission denied"


def test_a_full_disk_leaves_the_file_as_it_was(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = tree(machine.home)
    monkeypatch.setattr(os, "fsync", full)

    reports = install(InstallRequest(), machine)

    assert {report.reason for report in reports} == {"no space left on device"}
    assert tree(machine.home) == before


def test_a_file_that_changes_meanwhile_is_left_to_the_other_program(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = machine.home / FILES["cursor"][0]
    keep = files.keep

    def meanwhile(path: Path, text: str) -> Path:
        backup = keep(path, text)
        file.write_text('{"newer": true}')
        return backup

    monkeypatch.setattr(files, "keep", meanwhile)

    [report] = install(InstallRequest(clients=("cursor",)), machine)

    assert report.reason is not None
    assert "changed by another program" in report.reason
    assert file.read_text() == '{"newer": true}'


def test_a_link_stays_a_link_and_the_mode_stays(machine: Machine) -> None:
    link = machine.home / FILES["claude-code"][0]
    real = machine.home / "dotfiles" / "claude.json"
    real.parent.mkdir()
    link.rename(real)
    link.symlink_to(os.path.relpath(real, link.parent))
    real.chmod(0o640)

    [report] = install(InstallRequest(clients=("claude-code",)), machine)

    assert link.is_symlink()
    assert "memory" in json.loads(real.read_text(encoding="utf-8"))["mcpServers"]
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert report.backup == real.with_name(f"claude.json{BACKUP_SUFFIX}")
    assert stat.S_IMODE(report.backup.stat().st_mode) == 0o640, "a copy shows no more than the file"
    uninstall(InstallRequest(clients=("claude-code",)), machine)
    assert link.is_symlink()
    assert real.read_bytes() == CLAUDE_CODE.encode()


@as_root
def test_the_owner_stays(machine: Machine) -> None:
    file = machine.home / FILES["cursor"][0]
    os.chown(file, 12_345, 23_456)

    [report] = install(InstallRequest(clients=("cursor",)), machine)

    assert report.backup is not None
    for path in (file, report.backup):
        assert (path.stat().st_uid, path.stat().st_gid) == (12_345, 23_456)


def test_a_new_file_is_for_its_user_alone(empty: Machine) -> None:
    [report] = install(InstallRequest(clients=("cursor",)), empty)

    assert stat.S_IMODE(report.path.stat().st_mode) == 0o600


def test_no_backup_is_ever_written_over(machine: Machine) -> None:
    file = machine.home / FILES["cursor"][0]
    texts = [f'{{"number": {number}}}' for number in range(3)]
    for text in texts:
        file.write_text(text)
        install(InstallRequest(clients=("cursor",)), machine)
    install(InstallRequest(clients=("cursor",)), machine)

    names = ("mcp.json.claude-memory-backup", "mcp.json.claude-memory-backup-2", "mcp.json.claude-memory-backup-3")
    assert [(file.parent / name).read_text() for name in names] == texts
    file.write_text(texts[0])
    [report] = install(InstallRequest(clients=("cursor",)), machine)
    assert report.backup == file.parent / names[0], "what is kept already is not kept again"
