"""Which clients get us, in which files, and out of all of them again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from app.clients.catalogue import CLIENTS, InstallScope
from app.clients.editing import Action
from app.clients.entry import is_ours
from app.clients.formats import parsed
from app.clients.install import InstallRequest, Machine, install, summary, uninstall
from app.datadir.folder import data_directory
from app.errors import InvalidInput, NotFound
from tests.support.clients import (
    FILES,
    actions,
    document,
    originals,
    tree,
)


def test_every_client_gets_the_entry_and_keeps_all_else(machine: Machine) -> None:
    before = {client: document(client, machine) for client in CLIENTS}

    assert actions(install(InstallRequest(), machine)) == dict.fromkeys(CLIENTS, Action.ADDED)

    for client, (path, text) in FILES.items():
        key = CLIENTS[client].key
        after = document(client, machine)
        assert is_ours(after.get([key, "memory"])), client
        assert {**after.value, key: {**after.value[key], "memory": None}} == {
            **before[client].value,
            key: {**(before[client].value.get(key) or {}), "memory": None},
        }
        rest = iter((machine.home / path).read_bytes().decode())
        if client != "antigravity":  # its null becomes an object
            assert all(character in rest for character in text), f"{client}: a character is gone"


def test_out_again_every_file_is_what_it_was(machine: Machine) -> None:
    before = tree(machine.home)
    install(InstallRequest(hooks=True), machine)
    assert originals(machine.home).keys() == before.keys() | {".claude/settings.json", ".claude/.claude-memory-made"}

    reports = uninstall(InstallRequest(), machine)

    assert {report.action for report in reports} == {Action.REMOVED}
    assert originals(machine.home) == before


def test_a_second_time_nothing_is_touched(machine: Machine) -> None:
    install(InstallRequest(hooks=True), machine)
    before = tree(machine.home)
    times = {path: (machine.home / path).stat().st_mtime_ns for path in before}

    assert {report.action for report in install(InstallRequest(hooks=True), machine)} == {Action.THERE}

    assert tree(machine.home) == before, "no new backup either"
    assert {path: (machine.home / path).stat().st_mtime_ns for path in before} == times


def test_only_what_is_used_gets_the_entry(empty: Machine) -> None:
    (empty.home / ".cursor").mkdir()

    [report] = install(InstallRequest(), empty)

    assert (report.client, report.action, report.backup) == ("cursor", Action.ADDED, None)
    assert json.loads((empty.home / ".cursor/mcp.json").read_text())["mcpServers"].keys() == {"memory"}
    assert list(tree(empty.home)) == [".cursor/mcp.json"]
    assert [report.action for report in uninstall(InstallRequest(), empty)] == [Action.REMOVED]
    assert [path.name for path in empty.home.iterdir()] == [".cursor"], "a folder that was there stays"
    assert list((empty.home / ".cursor").iterdir()) == []


def test_the_folders_it_made_go_and_no_others(empty: Machine) -> None:
    (empty.home / ".config").mkdir()
    request = InstallRequest(clients=("cursor", "vscode", "zed", "claude-code", "roo", "codex", "goose"), hooks=True)
    install(request, empty)
    (empty.home / ".config/zed/keymap.json").touch()

    uninstall(InstallRequest(dry_run=True), empty)
    assert (empty.home / ".cursor/mcp.json").exists()
    uninstall(InstallRequest(), empty)

    assert list(tree(empty.home)) == [".config/zed/keymap.json"]
    assert [path.name for path in empty.home.iterdir()] == [".config"]
    assert [path.name for path in (empty.home / ".config").iterdir()] == ["zed"]


def test_an_empty_home_a_folder_chosen_by_the_user_and_a_link_stay(empty: Machine, tmp_path: Path) -> None:
    home, chosen, dotfiles = tmp_path / "home", tmp_path / "chosen", tmp_path / "dotfiles"
    for folder in (home, chosen, dotfiles):
        folder.mkdir()
    (home / ".cursor").symlink_to(dotfiles)
    machine = replace(empty, home=home, project=home, environ={"CLAUDE_CONFIG_DIR": str(chosen)})
    install(InstallRequest(clients=("claude-code", "cursor")), machine)

    assert {report.action for report in uninstall(InstallRequest(), machine)} == {Action.REMOVED}

    assert [list(folder.iterdir()) for folder in (chosen, dotfiles, home)] == [[], [], [home / ".cursor"]]


def test_a_named_client_gets_it_without_being_used(empty: Machine) -> None:
    assert actions(install(InstallRequest(clients=("vscode",)), empty)) == {"vscode": Action.ADDED}
    assert actions(uninstall(InstallRequest(clients=("vscode", "zed")), empty)) == {
        "vscode": Action.REMOVED,
        "zed": Action.ABSENT,
    }


def test_a_machine_without_clients_is_told(empty: Machine) -> None:
    with pytest.raises(NotFound, match=r"no MCP client found in .*--client claude-code"):
        install(InstallRequest(), empty)
    assert uninstall(InstallRequest(), empty) == []


def test_a_project_has_its_own(machine: Machine) -> None:
    (machine.project / ".cursor").mkdir()
    before = originals(machine.home)

    reports = install(
        InstallRequest(clients=("claude-code", "cursor"), scope=InstallScope.PROJECT, hooks=True), machine
    )

    assert [report.path.relative_to(machine.project).as_posix() for report in reports] == [
        ".mcp.json",
        ".claude/settings.local.json",
        ".cursor/mcp.json",
    ]
    assert {path: text for path, text in originals(machine.home).items() if path in before} == before
    uninstall(InstallRequest(scope=InstallScope.PROJECT), machine)
    assert originals(machine.home) == before


def test_impossible_wishes_are_refused_before_anything_is_done(machine: Machine) -> None:
    before = tree(machine.home)
    with pytest.raises(InvalidInput, match="--scope: got 'project', takes user for claude-desktop"):
        install(InstallRequest(clients=("claude-code", "claude-desktop"), scope=InstallScope.PROJECT), machine)
    with pytest.raises(InvalidInput, match="--hooks: got 'cursor'"):
        install(InstallRequest(clients=("cursor",), hooks=True), machine)
    assert tree(machine.home) == before


def test_every_folder_of_a_client_is_served(empty: Machine) -> None:
    for folder in (".config/devin", ".codeium/windsurf"):
        (empty.home / folder).mkdir(parents=True)

    assert len(install(InstallRequest(), empty)) == 2
    assert set(tree(empty.home)) == {".config/devin/mcp_config.json", ".codeium/windsurf/mcp_config.json"}


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_can_be_named_on_an_empty_machine_and_leaves_nothing(empty: Machine, client: str) -> None:
    [report] = install(InstallRequest(clients=(client,)), empty)
    format_ = CLIENTS[client].format

    assert report.action is Action.ADDED
    assert is_ours(parsed(report.path.read_text(encoding="utf-8"), format_).get((CLIENTS[client].key, "memory")))
    assert actions(install(InstallRequest(clients=(client,)), empty)) == {client: Action.THERE}
    uninstall(InstallRequest(clients=(client,)), empty)
    assert list(empty.home.iterdir()) == []


def test_a_folder_that_two_files_share_goes_with_the_second(empty: Machine, tmp_path: Path) -> None:
    machine = replace(empty, environ={"CLAUDE_CONFIG_DIR": str(tmp_path / "chosen" / "claude")})
    install(InstallRequest(clients=("claude-code",), hooks=True), machine)
    assert (tmp_path / "chosen" / "claude" / "settings.json").exists()

    uninstall(InstallRequest(clients=("claude-code",)), machine)

    assert list(tmp_path.iterdir()) == []


def test_the_data_directory_of_an_entry_stays_until_another_is_asked_for(machine: Machine) -> None:
    for client in ("cursor", "codex", "opencode", "goose"):
        key, variables = CLIENTS[client].key, CLIENTS[client].shape.variables
        install(InstallRequest(clients=(client,), environment={"MEMORY_DATA_DIR": "/work-memory"}), machine)

        [report] = install(InstallRequest(clients=(client,)), machine)
        assert (report.action, report.memory) == (Action.THERE, "/work-memory"), client
        assert document(client, machine).get((key, "memory", variables))["MEMORY_DATA_DIR"] == "/work-memory"

        [report] = install(InstallRequest(clients=(client,), environment={}), machine)
        assert (report.action, report.memory) == (Action.UPDATED, str(data_directory(None))), client
        assert "MEMORY_DATA_DIR" not in (document(client, machine).get((key, "memory", variables)) or {})


def test_hooks_join_the_memory_of_the_entry(machine: Machine) -> None:
    install(InstallRequest(clients=("claude-code",), environment={"MEMORY_DATA_DIR": "/work-memory"}), machine)

    reports = install(InstallRequest(clients=("claude-code",), hooks=True), machine)

    assert {report.memory for report in reports} == {"/work-memory"}
    assert "MEMORY_DATA_DIR=/work-memory" in (machine.home / ".claude/settings.json").read_text()


def test_what_is_said_names_the_memory_and_the_backups_that_stay(machine: Machine) -> None:
    said = summary(install(InstallRequest(clients=("cursor",), environment={"MEMORY_DATA_DIR": "/mine"}), machine))
    assert "server memory added (memories in /mine; backup: mcp.json.claude-memory-backup)" in said

    said = summary(uninstall(InstallRequest(clients=("cursor",)), machine))
    assert said.endswith("server memory removed (left beside it: mcp.json.claude-memory-backup)")
