"""Adding us to real configuration files, and taking us out again."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import cli
from app.clients import install as installation
from app.clients.catalogue import CLIENTS, Scope, is_ours
from app.clients.install import Action, Machine, Report, Wish, install, uninstall
from app.clients.jsonc import BOM, Document
from app.errors import InvalidInput, NotFound
from tests.support.jsonc import documents

CLAUDE_CODE = """{
  "numStartups": 34,
  "installMethod": "native",
  "tipsHistory": {"new-user-warmup": 3},
  "projects": {
    "/home/ann/läden/shop": {
      "allowedTools": [],
      "mcpServers": {},
      "lastCost": 0.10000000000000001,
      "hasTrustDialogAccepted": true
    }
  },
  "mcpServers": {
    "github": {
      "type": "http",
      "url": "https://api.githubcopilot.com/mcp/",
      "headers": {"Authorization": "Bearer ${GITHUB_TOKEN}"}
    }
  },
  "oauthAccount": {"emailAddress": "ann@example.com"}
}
"""
CLAUDE_DESKTOP = (
    "{\r\n\t\"mcpServers\": {\r\n\t\t\"filesystem\": {\r\n\t\t\t\"command\": \"npx\",\r\n\t\t\t\"args\": [\r\n"
    "\t\t\t\t\"-y\",\r\n\t\t\t\t\"@modelcontextprotocol/server-filesystem\",\r\n\t\t\t\t\"C:\\\\Users\\\\Ann\"\r\n"
    "\t\t\t]\r\n\t\t}\r\n\t},\r\n\t\"preferences\": {\r\n\t\t\"menuBarEnabled\": false\r\n\t}\r\n}"
)  # fmt: skip
CURSOR = '{"mcpServers": {"playwright": {"command": "npx", "args": ["@playwright/mcp@latest"]}}}\n'
VSCODE = """{
	// Servers for every workspace
	"servers": {
		"fetch": {
			"type": "stdio",
			"command": "uvx",
			"args": ["mcp-server-fetch"], // needs uv
		},
		/* "old": { "url": "http://localhost" }, */
	},
	"inputs": [
		{ "type": "promptString", "id": "key", "description": "Schlüssel // {geheim}", "password": true },
	],
}
"""
WINDSURF = BOM + '{\n    "mcpServers": {\n    }\n}\n'
ZED = """// Zed settings
//
// For information on how to configure Zed, see the Zed
// documentation: https://zed.dev/docs/configuring-zed
{
  "theme": {
    "mode": "system",
    "light": "One Light", // ☀
    "dark": "One Dark",
  },
  "context_servers": {
    "postgres": {
      "command": "postgres-context-server",
      "args": [],
      "env": { "DATABASE_URL": "postgres://localhost" },
    },
    // "disabled": { "command": "x" }
  },
  "vim_mode": true,
}
"""
FILES = {
    "claude-code": (".claude.json", CLAUDE_CODE),
    "claude-desktop": (".config/Claude/claude_desktop_config.json", CLAUDE_DESKTOP),
    "cursor": (".cursor/mcp.json", CURSOR),
    "vscode": (".config/Code/User/mcp.json", VSCODE),
    "windsurf": (".config/devin/mcp_config.json", WINDSURF),
    "zed": (".config/zed/settings.json", ZED),
}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A home with every client in use, each with other servers."""
    for path, text in FILES.values():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    project = tmp_path / "src" / "shop"
    project.mkdir(parents=True)
    return Machine("linux", tmp_path, {}, project)


@pytest.fixture
def empty(tmp_path: Path) -> Machine:
    """A home with no client."""
    return Machine("linux", tmp_path, {}, tmp_path)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with what it holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def originals(folder: Path) -> dict[str, bytes]:
    """Return the same without our backups."""
    return {path: content for path, content in tree(folder).items() if installation.BACKUP_SUFFIX not in path}


def actions(reports: list[Report]) -> dict[str, Action]:
    return {report.client: report.action for report in reports}


def document(client: str, machine: Machine) -> Document:
    return Document((machine.home / FILES[client][0]).read_bytes().decode(), comments=True)


# Into every client and out again ----------------------------------------------------------


def test_every_client_gets_the_entry_and_keeps_all_else(machine: Machine) -> None:
    before = {client: document(client, machine) for client in CLIENTS}

    assert actions(install(Wish(), machine)) == dict.fromkeys(CLIENTS, Action.ADDED)

    for client, (path, text) in FILES.items():
        key = CLIENTS[client].key
        after = document(client, machine)
        assert is_ours(after.get([key, "memory"])), client
        assert {**after.value, key: {**after.value[key], "memory": None}} == {
            **before[client].value,
            key: {**before[client].value.get(key, {}), "memory": None},
        }
        rest = iter((machine.home / path).read_bytes().decode())
        assert all(character in rest for character in text), f"{client}: a character is gone"


def test_out_again_every_file_is_what_it_was(machine: Machine) -> None:
    before = tree(machine.home)
    install(Wish(hooks=True), machine)
    assert originals(machine.home).keys() == before.keys() | {".claude/settings.json"}

    reports = uninstall(Wish(), machine)

    assert {report.action for report in reports} == {Action.REMOVED}
    assert originals(machine.home) == before


def test_a_second_time_nothing_is_touched(machine: Machine) -> None:
    install(Wish(hooks=True), machine)
    before = tree(machine.home)
    times = {path: (machine.home / path).stat().st_mtime_ns for path in before}

    assert {report.action for report in install(Wish(hooks=True), machine)} == {Action.THERE}

    assert tree(machine.home) == before, "no new backup either"
    assert {path: (machine.home / path).stat().st_mtime_ns for path in before} == times


def test_a_dry_run_shows_the_difference_and_changes_nothing(machine: Machine) -> None:
    before = tree(machine.home)

    reports = install(Wish(hooks=True, dry_run=True), machine)

    assert tree(machine.home) == before
    [zed] = [report for report in reports if report.client == "zed"]
    assert zed.diff is not None
    lines = zed.diff.splitlines()
    assert lines[:2] == [f"--- {zed.path}", f"+++ {zed.path}"]
    assert not [line for line in lines[2:] if line.startswith("-")]
    assert '+    "memory": {' in lines
    assert not [line for line in lines[2:] if line.startswith(" ")], "lines around it may hold others' tokens"


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "mcpServers": {\n    "gh": {"command": "gh", "env": {"TOKEN": "s3cr\\"et-x"}} // s3cr too\n  }\n}\n',
        '{"mcpServers":{"gh":{"command":"gh","args":["--token","s3cr-x"],"env":{"TOKEN":"s3cr"}}/* s3cr\n */}}',
        '{"mcpServers":{"memory":{"command":"claude-memory","args":["stdio"],"env":{"KEY":"s3cr"}},"b":{"url":"s3cr"}}}',
        '{"mcpServers":{"memory":{"command":"npx","env":{"KEY":"s3cr"}}}}',
    ],
)
def test_a_dry_run_shows_no_value_of_others(machine: Machine, text: str) -> None:
    file = machine.home / FILES["cursor"][0]
    file.write_text(text)
    wish = Wish(clients=("cursor",), environment={"MEMORY_DATA_DIR": "/mine"}, force=True, dry_run=True)

    [report] = install(wish, machine)

    assert report.diff is not None
    assert "/mine" in report.diff
    assert '"…"' in report.diff
    assert "s3cr" not in report.diff
    assert "s3cr" not in json.dumps(report.to_dict(), default=str)
    install(Wish(clients=("cursor",), name="other"), machine)
    [report] = uninstall(Wish(clients=("cursor",), name="other", dry_run=True), machine)
    assert report.diff is not None
    assert "s3cr" not in report.diff


@pytest.mark.parametrize("env", ["[1]", '"A=1"', "7"])
def test_an_entry_of_ours_with_a_strange_environment_is_reported(machine: Machine, env: str) -> None:
    file = machine.home / FILES["cursor"][0]
    file.write_text(f'{{"mcpServers": {{"memory": {{"command": "claude-memory", "args": ["stdio"], "env": {env}}}}}}}')

    [report] = install(Wish(clients=("cursor",)), machine)
    assert report.action is Action.FAILED
    assert "mcpServers.memory.env is not an object" in str(report.reason)
    assert actions(install(Wish(clients=("cursor",), force=True), machine)) == {"cursor": Action.UPDATED}
    assert isinstance(document("cursor", machine).get(["mcpServers", "memory", "env"]), dict)


def test_it_stands_where_a_person_would_write_it(machine: Machine) -> None:
    install(Wish(clients=("zed",), environment={}), machine)

    text = (machine.home / FILES["zed"][0]).read_text(encoding="utf-8")
    assert '"postgres://localhost" },\n    },\n    "memory": {\n      "command": "' in text
    assert '\n    },\n    // "disabled": { "command": "x" }\n  },\n' in text


def test_only_what_is_used_gets_the_entry(empty: Machine) -> None:
    (empty.home / ".cursor").mkdir()

    [report] = install(Wish(), empty)

    assert (report.client, report.action, report.backup) == ("cursor", Action.ADDED, None)
    assert json.loads((empty.home / ".cursor/mcp.json").read_text())["mcpServers"].keys() == {"memory"}
    assert list(tree(empty.home)) == [".cursor/mcp.json"]
    assert [report.action for report in uninstall(Wish(), empty)] == [Action.REMOVED]
    assert tree(empty.home) == {}, "what was made goes"


def test_a_named_client_gets_it_without_being_used(empty: Machine) -> None:
    assert actions(install(Wish(clients=("vscode",)), empty)) == {"vscode": Action.ADDED}
    assert actions(uninstall(Wish(clients=("vscode", "zed")), empty)) == {
        "vscode": Action.REMOVED,
        "zed": Action.ABSENT,
    }


def test_a_machine_without_clients_is_told(empty: Machine) -> None:
    with pytest.raises(NotFound, match=r"no MCP client found in .*--client claude-code"):
        install(Wish(), empty)
    assert uninstall(Wish(), empty) == []


def test_a_project_has_its_own(machine: Machine) -> None:
    (machine.project / ".cursor").mkdir()
    before = originals(machine.home)

    reports = install(Wish(clients=("claude-code", "cursor"), scope=Scope.PROJECT, hooks=True), machine)

    assert [report.path.relative_to(machine.project).as_posix() for report in reports] == [
        ".mcp.json",
        ".claude/settings.local.json",
        ".cursor/mcp.json",
    ]
    assert {path: text for path, text in originals(machine.home).items() if path in before} == before
    uninstall(Wish(scope=Scope.PROJECT), machine)
    assert originals(machine.home) == before


def test_impossible_wishes_are_refused_before_anything_is_done(machine: Machine) -> None:
    before = tree(machine.home)
    with pytest.raises(InvalidInput, match="--scope: got 'project', takes user for claude-desktop"):
        install(Wish(clients=("claude-code", "claude-desktop"), scope=Scope.PROJECT), machine)
    with pytest.raises(InvalidInput, match="--hooks: got 'cursor'"):
        install(Wish(clients=("cursor",), hooks=True), machine)
    assert tree(machine.home) == before


def test_every_folder_of_a_client_is_served(empty: Machine) -> None:
    for folder in (".config/devin", ".codeium/windsurf"):
        (empty.home / folder).mkdir(parents=True)

    assert len(install(Wish(), empty)) == 2
    assert set(tree(empty.home)) == {".config/devin/mcp_config.json", ".codeium/windsurf/mcp_config.json"}


# When others have changed the file since --------------------------------------------------


def test_what_was_written_since_stays(machine: Machine) -> None:
    install(Wish(clients=("claude-code",)), machine)
    file = machine.home / ".claude.json"
    value = json.loads(file.read_text(encoding="utf-8"))  # as Claude Code does: read, change, write all of it
    value["numStartups"] += 1
    value["mcpServers"]["later"] = {"type": "stdio", "command": "later"}
    file.write_text(json.dumps(value, indent=2), encoding="utf-8")

    report, hooks = uninstall(Wish(clients=("claude-code",)), machine)

    assert hooks.action is Action.ABSENT
    del value["mcpServers"]["memory"]
    assert report.action is Action.REMOVED
    assert file.read_text(encoding="utf-8") == json.dumps(value, indent=2, ensure_ascii=True)
    assert report.backup is not None, "what is not restored from a backup is kept in one"


def test_two_names_come_out_one_by_one(machine: Machine) -> None:
    before = originals(machine.home)
    install(Wish(clients=("zed",)), machine)
    install(Wish(clients=("zed",), name="second"), machine)

    uninstall(Wish(clients=("zed",)), machine)
    assert document("zed", machine).get(["context_servers"]).keys() == {"postgres", "second"}
    uninstall(Wish(clients=("zed",), name="second"), machine)
    assert originals(machine.home) == before


def test_a_moved_installation_is_brought_up_to_date(machine: Machine) -> None:
    entry = {"command": "/old/claude-memory", "args": ["stdio"], "alwaysAllow": ["search_memory"]}
    file = machine.home / FILES["cursor"][0]
    file.write_text(Document(CURSOR, comments=True).put(["mcpServers", "memory"], entry).text)

    [report] = install(Wish(clients=("cursor",), environment={"MEMORY_DATA_DIR": "/d"}), machine)

    assert report.action is Action.UPDATED
    found = document("cursor", machine).get(["mcpServers", "memory"])
    assert found["command"] != "/old/claude-memory"
    assert found["alwaysAllow"] == ["search_memory"]
    assert found["env"]["MEMORY_DATA_DIR"] == "/d"
    assert actions(install(Wish(clients=("cursor",), environment={"MEMORY_DATA_DIR": "/d"}), machine)) == {
        "cursor": Action.THERE
    }


def test_another_server_of_that_name_is_nobodys_to_take(machine: Machine) -> None:
    file = machine.home / FILES["cursor"][0]
    text = '{"mcpServers": {"memory": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"]}}}'
    file.write_text(text)

    [report] = install(Wish(clients=("cursor",)), machine)
    assert report.action is Action.FAILED
    assert report.reason is not None
    assert "mcpServers.memory is another server" in report.reason
    assert "--force" in report.reason
    assert actions(uninstall(Wish(clients=("cursor",)), machine)) == {"cursor": Action.ABSENT}
    assert file.read_text() == text

    assert actions(install(Wish(clients=("cursor",), force=True), machine)) == {"cursor": Action.ADDED}
    assert is_ours(document("cursor", machine).get(["mcpServers", "memory"]))
    assert (file.parent / f"mcp.json{installation.BACKUP_SUFFIX}").read_text() == text


# What is in the way -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"mcpServers": {', "not valid JSON, line 1"),
        (b'{"mcpServers": []}', "mcpServers is a list, not an object"),
        (b'{"mcpServers": "x"}', "mcpServers is a text, not an object"),
        (b'{"mcpServers": {}, "mcpServers": {}}', "mcpServers stands there 2 times"),
        (b"[]", "the whole file is a list, not an object"),
        (b'// mine\n{"mcpServers": {}}', "comments or trailing commas, which this client does not read"),
        ('{"a": "ä"}'.encode("latin-1"), "not UTF-8 text"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8 text"),
        (b"\x00\x01", "not valid JSON"),
    ],
)
def test_a_file_that_is_not_understood_stays_and_the_others_are_done(
    machine: Machine, text: bytes, reason: str
) -> None:
    file = machine.home / FILES["claude-desktop"][0]
    file.write_bytes(text)

    reports = install(Wish(), machine)

    assert actions(reports) == {**dict.fromkeys(CLIENTS, Action.ADDED), "claude-desktop": Action.FAILED}
    [failed] = [report for report in reports if report.reason]
    assert reason in (failed.reason or "")
    assert file.read_bytes() == text
    assert [path.name for path in file.parent.iterdir()] == [file.name], "no backup, nothing left half written"


def test_a_directory_a_pipe_and_a_loop_in_the_way_are_named(machine: Machine) -> None:
    reasons = {}
    for client, make in {
        "cursor": Path.mkdir,
        "vscode": os.mkfifo,
        "zed": lambda file: file.symlink_to(file),
    }.items():
        file = machine.home / FILES[client][0]
        file.unlink()
        make(file)
        [report] = install(Wish(clients=(client,)), machine)
        reasons[client] = report.reason

    assert reasons["cursor"] == "it is a directory"
    assert reasons["vscode"] == "it is not a file"
    assert "too many levels of symbolic links" in (reasons["zed"] or "")


def test_a_file_in_place_of_the_folder_is_named(empty: Machine) -> None:
    (empty.home / ".cursor").write_text("x")

    [report] = install(Wish(clients=("cursor",)), empty)

    assert report.reason == "not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(machine: Machine) -> None:  # pragma: no cover
    (machine.home / FILES["cursor"][0]).chmod(0)

    [report] = install(Wish(clients=("cursor",)), machine)

    assert report.reason == "permission denied"


def test_a_full_disk_leaves_the_file_as_it_was(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = tree(machine.home)
    monkeypatch.setattr(os, "fsync", full)

    reports = install(Wish(), machine)

    assert {report.reason for report in reports} == {"no space left on device"}
    assert tree(machine.home) == before


def test_a_file_that_changes_meanwhile_is_left_to_the_other_program(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = machine.home / FILES["cursor"][0]
    keep = installation._keep

    def meanwhile(path: Path, text: str) -> Path:
        backup = keep(path, text)
        file.write_text('{"newer": true}')
        return backup

    monkeypatch.setattr(installation, "_keep", meanwhile)

    [report] = install(Wish(clients=("cursor",)), machine)

    assert report.reason is not None
    assert "changed by another program" in report.reason
    assert file.read_text() == '{"newer": true}'


# On the disk ------------------------------------------------------------------------------


def test_a_link_stays_a_link_and_the_mode_stays(machine: Machine) -> None:
    link = machine.home / FILES["claude-code"][0]
    real = machine.home / "dotfiles" / "claude.json"
    real.parent.mkdir()
    link.rename(real)
    link.symlink_to(os.path.relpath(real, link.parent))
    real.chmod(0o640)

    [report] = install(Wish(clients=("claude-code",)), machine)

    assert link.is_symlink()
    assert "memory" in json.loads(real.read_text(encoding="utf-8"))["mcpServers"]
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert report.backup == real.with_name(f"claude.json{installation.BACKUP_SUFFIX}")
    assert stat.S_IMODE(report.backup.stat().st_mode) == 0o640, "a copy shows no more than the file"
    uninstall(Wish(clients=("claude-code",)), machine)
    assert link.is_symlink()
    assert real.read_bytes() == CLAUDE_CODE.encode()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(machine: Machine) -> None:
    file = machine.home / FILES["cursor"][0]
    os.chown(file, 12_345, 23_456)

    [report] = install(Wish(clients=("cursor",)), machine)

    assert report.backup is not None
    for path in (file, report.backup):
        assert (path.stat().st_uid, path.stat().st_gid) == (12_345, 23_456)


def test_a_new_file_is_for_its_user_alone(empty: Machine) -> None:
    [report] = install(Wish(clients=("cursor",)), empty)

    assert stat.S_IMODE(report.path.stat().st_mode) == 0o600


def test_no_backup_is_ever_written_over(machine: Machine) -> None:
    file = machine.home / FILES["cursor"][0]
    texts = [f'{{"number": {number}}}' for number in range(3)]
    for text in texts:
        file.write_text(text)
        install(Wish(clients=("cursor",)), machine)
    install(Wish(clients=("cursor",)), machine)

    names = ("mcp.json.claude-memory-backup", "mcp.json.claude-memory-backup-2", "mcp.json.claude-memory-backup-3")
    assert [(file.parent / name).read_text() for name in names] == texts
    file.write_text(texts[0])
    [report] = install(Wish(clients=("cursor",)), machine)
    assert report.backup == file.parent / names[0], "what is kept already is not kept again"


@pytest.mark.parametrize("text", ["", "\n", BOM, f"{BOM}\r\n "])
def test_an_empty_file_holds_no_settings(machine: Machine, text: str) -> None:
    file = machine.home / FILES["vscode"][0]
    file.write_bytes(text.encode())

    assert actions(install(Wish(clients=("vscode",)), machine)) == {"vscode": Action.ADDED}
    assert document("vscode", machine).get(["servers", "memory"])
    uninstall(Wish(clients=("vscode",)), machine)
    assert file.read_bytes() == text.encode()


values: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
layouts = st.sampled_from(
    [
        {"indent": 2},
        {"indent": "\t"},
        {"indent": 4, "ensure_ascii": False},
        {"separators": (",", ":")},
        {"indent": 0},
        {},
    ]
)


@given(
    value=st.dictionaries(st.text(max_size=4), values, max_size=3),
    servers=st.none() | st.dictionaries(st.text(max_size=4), values, max_size=2),
    hooks=st.none() | st.fixed_dictionaries({}, optional={"SessionStart": st.lists(values, max_size=2)}),
    layout=layouts,
    newline=st.sampled_from(["\n", "\r\n"]),
    ends=st.sampled_from([("", ""), ("", "\n"), (BOM, "\n\n"), (" \n", " ")]),
)
def test_in_and_out_is_nothing_for_any_file(
    tmp_path_factory: pytest.TempPathFactory,
    value: dict[str, Any],
    servers: dict[str, Any] | None,
    hooks: dict[str, Any] | None,
    layout: dict[str, Any],
    newline: str,
    ends: tuple[str, str],
) -> None:
    home = tmp_path_factory.mktemp("home")
    machine = Machine("linux", home, {}, home)
    (home / ".claude").mkdir()
    held = {
        **value,
        **({} if servers is None else {"mcpServers": servers}),
        **({} if hooks is None else {"hooks": hooks}),
    }
    text = ends[0] + json.dumps(held, **layout).replace("\n", newline) + ends[1]
    for name in (".claude.json", ".claude/settings.json"):
        (home / name).write_bytes(text.encode())

    assert {report.action for report in install(Wish(hooks=True), machine)} == {Action.ADDED}
    assert {report.action for report in install(Wish(hooks=True), machine)} == {Action.THERE}
    assert {report.action for report in uninstall(Wish(), machine)} == {Action.REMOVED}
    assert originals(home) == {name: text.encode() for name in (".claude.json", ".claude/settings.json")}


@given(text=documents(loose=True))
def test_in_and_out_is_nothing_with_comments_either(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.mktemp("home")
    machine = Machine("linux", home, {}, home)
    for path, _ in FILES.values():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(text.encode())
    before = tree(home)

    for report in install(Wish(), machine):
        changed = report.path.read_bytes() != text.encode()
        assert changed is (report.action is Action.ADDED), report
    uninstall(Wish(), machine)

    assert originals(home) == before


# The command ------------------------------------------------------------------------------


@pytest.fixture
def in_home(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """This process, at home on that machine."""
    for name in ("XDG_CONFIG_HOME", "CLAUDE_CONFIG_DIR", "MEMORY_DATA_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.chdir(machine.project)
    monkeypatch.setattr("sys.platform", "linux")
    return machine


def test_the_command_says_what_it_did_in_each_file(in_home: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (in_home.home / FILES["cursor"][0]).write_text("{")

    assert cli.run(["install"]) == 1

    said, wrong = capsys.readouterr()
    assert f"zed: {in_home.home}/.config/zed/settings.json: server memory added (backup: " in said
    assert len(said.splitlines()) == 5
    assert wrong.startswith(f"claude-memory: cursor: {in_home.home}/.cursor/mcp.json: not valid JSON, line 1")
    assert len(wrong.splitlines()) == 1


def test_the_command_reports_as_json(in_home: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    data_dir = in_home.home / "data"

    assert cli.run(["install", "--client", "zed", "--json", "--data-dir", str(data_dir)]) == 0

    [report] = json.loads(capsys.readouterr().out)
    assert (report["client"], report["action"], report["reason"]) == ("zed", "added", None)
    assert report["path"] == str(in_home.home / ".config/zed/settings.json")
    entry = document("zed", in_home).get(["context_servers", "memory"])
    assert entry["env"]["MEMORY_DATA_DIR"] == str(data_dir)
    assert cli.run(["uninstall", "--client", "zed", "cursor", "--json"]) == 0
    assert [report["action"] for report in json.loads(capsys.readouterr().out)] == ["not there", "removed"]


def test_the_default_data_directory_is_not_written_down(in_home: Machine) -> None:
    assert cli.run(["install", "--client", "zed"]) == 0

    assert "MEMORY_DATA_DIR" not in document("zed", in_home).get(["context_servers", "memory"]).get("env", {})


@pytest.mark.parametrize(
    "arguments",
    [
        ["--client", "emacs"],
        ["--name", "a b"],
        ["--scope", "local"],
        ["--client", "claude-desktop", "--scope", "project"],
        ["--client", "cursor", "--hooks"],
    ],
)
def test_wrong_usage_is_2(in_home: Machine, arguments: list[str]) -> None:
    assert cli.run(["install", *arguments]) == 2


def test_the_entry_that_was_installed_starts(in_home: Machine) -> None:
    assert cli.run(["install"]) == 0
    for client in CLIENTS.values():
        entry = document(client.name, in_home).get([client.key, "memory"])
        assert entry["args"][-1] == "stdio"

    done = subprocess.run(
        [entry["command"], *entry["args"][:-1], "--version"],
        cwd=in_home.project,
        env=entry.get("env", {}),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stdout.startswith("claude-memory "), done.stderr
