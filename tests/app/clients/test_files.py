"""Configuration files on the disk: links, modes, owners, backups, and what is in the way."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.clients import files
from app.clients.editing import Action
from app.clients.files import BACKUP_SUFFIX
from app.clients.install import InstallRequest, Machine, install, uninstall
from tests.support.clients import (
    CLAUDE_CODE,
    FILES,
    tree,
)
from tests.support.serving import clean_environment
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


def test_a_file_that_cannot_be_renamed_over_is_written_in_place_beside_its_backup(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = machine.home / FILES["claude-code"][0]
    number, replace = file.stat().st_ino, Path.replace
    for code in (errno.EBUSY, errno.EXDEV):

        def busy(self: Path, target: Path, code: int = code) -> Path:
            if target == file:
                raise OSError(code, os.strerror(code))
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", busy)

        [report] = install(InstallRequest(clients=("claude-code",)), machine)

        assert report.action is Action.ADDED
        assert "memory" in json.loads(file.read_text(encoding="utf-8"))["mcpServers"]
        assert report.backup is not None
        assert report.backup.read_bytes() == CLAUDE_CODE.encode()
        assert not list(file.parent.glob(".*.unfinished"))
        uninstall(InstallRequest(clients=("claude-code",)), machine)
        assert file.read_bytes() == CLAUDE_CODE.encode(), "shorter again"
        assert file.stat().st_ino == number


@as_root
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts")
def test_a_file_that_is_mounted_alone_gets_the_entry(empty: Machine) -> None:
    file = empty.home / ".claude.json"
    file.write_text('{"mcpServers": {}}')
    script = 'mount --bind "$1" "$1" && exec "$2" -m app install --client claude-code'

    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(file), sys.executable],
        env=clean_environment(HOME=str(empty.home)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("this container may not mount")

    assert done.returncode == 0, done.stderr
    assert "memory" in json.loads(file.read_text())["mcpServers"]
    assert file.with_name(f".claude.json{BACKUP_SUFFIX}").read_text() == '{"mcpServers": {}}'


def test_a_read_only_file_is_refused_with_what_to_do_and_a_dry_run_shows_what(machine: Machine) -> None:
    file = machine.home / FILES["codex"][0]
    file.chmod(0o444)
    before = tree(machine.home)

    [report] = install(InstallRequest(clients=("codex",)), machine)

    assert report.action is Action.FAILED
    assert "it is read-only; make it writable (chmod u+w)" in str(report.reason)
    assert "--dry-run" in str(report.reason)
    assert tree(machine.home) == before, "no backup either"
    [report] = install(InstallRequest(clients=("codex",), dry_run=True), machine)
    assert "+[mcp_servers.memory]" in str(report.diff)


def test_a_folder_without_room_for_a_backup_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(files, "replace_file", read_only)

    [report] = install(InstallRequest(clients=("cursor",)), machine)

    assert f"no place for a backup; make {machine.home / '.cursor'} writable" in str(report.reason)


def test_a_note_that_is_not_ours_removes_no_folder(empty: Machine) -> None:
    install(InstallRequest(clients=("cursor",)), empty)
    (empty.home / ".cursor" / ".claude-memory-made").write_text("all of them")

    uninstall(InstallRequest(clients=("cursor",)), empty)

    assert (empty.home / ".cursor" / ".claude-memory-made").exists()
