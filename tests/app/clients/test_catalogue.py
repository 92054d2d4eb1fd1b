"""The clients we can be added to: their files on each system, the shape of an entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.clients.catalogue import CLIENTS, NAMES, InstallScope
from app.clients.entry import Command, is_ours

HOME = Path("/home/ann")
PROJECT = Path("/src/shop")
COMMAND = Command("/opt/bin/claude-memory")


def files(
    client: str, platform: str, home: Path = HOME, scope: InstallScope = InstallScope.USER, **environ: str
) -> list[str]:
    places = CLIENTS[client].places(scope, platform, home, environ, PROJECT)
    return [place.file.as_posix() for place in places]


@pytest.mark.parametrize(
    ("client", "linux", "macos", "windows"),
    [
        ("claude-code", ".claude.json", ".claude.json", ".claude.json"),
        (
            "claude-desktop",
            ".config/Claude/claude_desktop_config.json",
            "Library/Application Support/Claude/claude_desktop_config.json",
            "AppData/Roaming/Claude/claude_desktop_config.json",
        ),
        ("cursor", ".cursor/mcp.json", ".cursor/mcp.json", ".cursor/mcp.json"),
        (
            "vscode",
            ".config/Code/User/mcp.json",
            "Library/Application Support/Code/User/mcp.json",
            "AppData/Roaming/Code/User/mcp.json",
        ),
        (
            "windsurf",
            ".config/devin/mcp_config.json",
            ".config/devin/mcp_config.json",
            "AppData/Roaming/devin/mcp_config.json",
        ),
        ("zed", ".config/zed/settings.json", ".config/zed/settings.json", "AppData/Roaming/Zed/settings.json"),
        *(
            (client, path, path, path)
            for client, path in (
                ("codex", ".codex/config.toml"),
                ("gemini-cli", ".gemini/settings.json"),
                ("antigravity", ".gemini/config/mcp_config.json"),
                ("opencode", ".config/opencode/opencode.json"),
                ("cline", ".cline/data/settings/cline_mcp_settings.json"),
                ("continue", ".continue/mcpServers/claude-memory.json"),
                ("copilot-cli", ".copilot/mcp-config.json"),
                ("junie", ".junie/mcp/mcp.json"),
                ("kiro", ".kiro/settings/mcp.json"),
                ("amp", ".config/amp/settings.json"),
                ("lm-studio", ".lmstudio/mcp.json"),
            )
        ),
        (
            "roo",
            ".config/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json",
            "Library/Application Support/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json",
            "AppData/Roaming/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json",
        ),
        (
            "goose",
            ".config/goose/config.yaml",
            ".config/goose/config.yaml",
            "AppData/Roaming/Block/goose/config/config.yaml",
        ),
    ],
)
def test_each_system_has_its_place(client: str, linux: str, macos: str, windows: str) -> None:
    for platform, path in (("linux", linux), ("darwin", macos), ("win32", windows)):
        assert files(client, platform)[0] == f"/home/ann/{path}", platform


@pytest.mark.parametrize(
    ("client", "platform", "environ", "path"),
    [
        ("zed", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/zed/settings.json"),
        ("zed", "darwin", {"XDG_CONFIG_HOME": "/cfg"}, "/home/ann/.config/zed/settings.json"),
        ("vscode", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/Code/User/mcp.json"),
        ("vscode", "linux", {"XDG_CONFIG_HOME": ""}, "/home/ann/.config/Code/User/mcp.json"),
        ("vscode", "linux", {"XDG_CONFIG_HOME": "relative"}, "/home/ann/.config/Code/User/mcp.json"),
        ("vscode", "win32", {"APPDATA": "/d/Roaming"}, "/d/Roaming/Code/User/mcp.json"),
        ("windsurf", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/home/ann/.config/devin/mcp_config.json"),
        ("claude-code", "linux", {"CLAUDE_CONFIG_DIR": "/cfg/claude"}, "/cfg/claude/.claude.json"),
        ("codex", "linux", {"CODEX_HOME": "/cfg/codex"}, "/cfg/codex/config.toml"),
        ("copilot-cli", "linux", {"COPILOT_HOME": "/cfg/copilot"}, "/cfg/copilot/mcp-config.json"),
        ("opencode", "win32", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/opencode/opencode.json"),
        ("goose", "darwin", {"XDG_CONFIG_HOME": "/cfg"}, "/cfg/goose/config.yaml"),
        ("amp", "linux", {"XDG_CONFIG_HOME": "/cfg"}, "/home/ann/.config/amp/settings.json"),
    ],
)
def test_the_environment_moves_them(client: str, platform: str, environ: dict[str, Any], path: str) -> None:
    assert files(client, platform, **environ)[0] == path


def test_windsurf_before_its_renaming_is_known_too() -> None:
    assert files("windsurf", "linux")[1] == "/home/ann/.codeium/windsurf/mcp_config.json"


def test_every_folder_that_claude_desktop_may_read_on_windows_is_known(tmp_path: Path) -> None:
    local = tmp_path / "AppData" / "Local"
    packaged = local / "Packages" / "Claude_pzs8sxrjxfjjc" / "LocalCache" / "Roaming" / "Claude"
    later = local / "Claude-Data" / "claude_1"
    for folder in (packaged, later, local / "Packages" / "Other_1" / "LocalCache" / "Roaming" / "Claude"):
        folder.mkdir(parents=True)

    places = CLIENTS["claude-desktop"].places(InstallScope.USER, "win32", tmp_path, {}, PROJECT)

    used = [place.file.parent for place in places if place.used]
    assert used == [packaged, local / "Claude-Data", later]
    assert places[0].file.parent == tmp_path / "AppData" / "Roaming" / "Claude", "the usual place when none is there"


def test_projects_have_files_of_their_own() -> None:
    found = {name: files(name, "linux", scope=InstallScope.PROJECT) for name in CLIENTS}

    assert found == {
        "claude-code": ["/src/shop/.mcp.json"],
        "claude-desktop": [],
        "cursor": ["/src/shop/.cursor/mcp.json"],
        "vscode": ["/src/shop/.vscode/mcp.json"],
        "windsurf": ["/src/shop/.devin/mcp_config.json"],
        "zed": [],
        "codex": ["/src/shop/.codex/config.toml"],
        "gemini-cli": ["/src/shop/.gemini/settings.json"],
        "antigravity": ["/src/shop/.agents/mcp_config.json"],
        "opencode": ["/src/shop/opencode.json"],
        "cline": [],
        "roo": ["/src/shop/.roo/mcp.json"],
        "continue": ["/src/shop/.continue/mcpServers/claude-memory.json"],
        "copilot-cli": ["/src/shop/.github/mcp.json"],
        "junie": ["/src/shop/.junie/mcp/mcp.json"],
        "kiro": ["/src/shop/.kiro/settings/mcp.json"],
        "amp": ["/src/shop/.amp/settings.json"],
        "lm-studio": [],
        "goose": [],
    }


def test_a_client_is_used_where_its_folder_is(tmp_path: Path) -> None:
    def used(name: str) -> bool:
        return CLIENTS[name].places(InstallScope.USER, "linux", tmp_path, {}, tmp_path)[0].used

    assert not any(map(used, CLIENTS)), "an empty home has no clients"
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".cursor").mkdir()
    assert [name for name in CLIENTS if used(name)] == ["claude-code", "cursor"]


def test_entries_have_each_clients_shape() -> None:
    plain = {"command": "/opt/bin/claude-memory", "args": ["stdio"]}
    typed = {"type": "stdio", **plain}

    entries = {name: client.entry(COMMAND, {}) for name, client in CLIENTS.items()}

    assert entries == {
        **dict.fromkeys(CLIENTS, plain),
        "claude-code": typed,
        "vscode": typed,
        "opencode": {"type": "local", "enabled": True, "command": ["/opt/bin/claude-memory", "stdio"]},
        "copilot-cli": {"type": "local", "tools": ["*"], **plain},
        "goose": {
            "enabled": True,
            "type": "stdio",
            "description": "Long-term memory",
            "timeout": 300,
            "name": "memory",
            "cmd": "/opt/bin/claude-memory",
            "args": ["stdio"],
        },
    }
    assert all(is_ours(entry) for entry in entries.values())
    assert {name: client.key for name, client in CLIENTS.items() if client.key != "mcpServers"} == {
        "vscode": "servers",
        "zed": "context_servers",
        "codex": "mcp_servers",
        "opencode": "mcp",
        "amp": "amp.mcpServers",
        "goose": "extensions",
    }


def test_variables_go_where_the_client_reads_them() -> None:
    found = {name: client.entry(COMMAND, {"A": "1"}) for name, client in CLIENTS.items()}

    names = {"opencode": "environment", "goose": "envs"}
    assert all(found[client][names.get(client, "env")] == {"A": "1"} for client in CLIENTS)


def test_a_file_with_comments_alone_is_taken_where_a_client_reads_two(tmp_path: Path) -> None:
    for client, folder in (("opencode", "opencode"), ("amp", "amp")):
        (tmp_path / ".config" / folder).mkdir(parents=True)
        usual = CLIENTS[client].places(InstallScope.USER, "linux", tmp_path, {}, PROJECT)[0].file
        twin = usual.with_suffix(".jsonc")
        twin.touch()
        assert CLIENTS[client].places(InstallScope.USER, "linux", tmp_path, {}, PROJECT)[0].file == twin
        usual.touch()
        assert CLIENTS[client].places(InstallScope.USER, "linux", tmp_path, {}, PROJECT)[0].file == usual


def test_no_two_clients_share_a_name() -> None:
    assert len(NAMES) == sum(1 + len(client.also) for client in CLIENTS.values())
    assert NAMES["jetbrains"] == "junie"


def test_a_data_directory_goes_into_the_environment() -> None:
    command = Command("python", ("-P", "-m", "app"), {"PYTHONPATH": "/src"})

    entry = CLIENTS["cursor"].entry(command, {"MEMORY_DATA_DIR": "/data"})

    assert entry["env"] == {"PYTHONPATH": "/src", "MEMORY_DATA_DIR": "/data"}


def test_the_readme_names_every_client_and_leads_to_their_page() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")

    assert "docs/clients.md" in readme
    for client in CLIENTS.values():
        assert client.title in readme
