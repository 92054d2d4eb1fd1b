"""The MCP clients that `install` knows: where each keeps its servers on each system, and what an entry looks like.

Checked against the clients' documentation and source in November 2026:
- Claude Code: `~/.claude.json`, or `.claude.json` in CLAUDE_CONFIG_DIR; a project's `.mcp.json`.
- Claude Desktop: `Claude` in the platform's configuration folder. On Windows the packaged app (MSIX, since February
  2026) reads a redirected copy below `Packages`, later versions `Claude-Data`: each that exists gets the entry.
- VS Code: `mcp.json` of the default profile, with `servers` and a `type`.
- Windsurf is called Devin Desktop since June 2026: its new agent reads `devin/mcp_config.json`, Cascade the old file.
- Zed: `context_servers` in its settings; `"source": "custom"` is deprecated and left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.clients.entry import Command, Entry, Environment


class InstallScope(StrEnum):
    """Which configuration: the user's, or that of the project in the current directory."""

    USER = "user"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """A configuration file. signs: paths; if any of them exists, the client is in use."""

    file: Path
    signs: tuple[Path, ...]

    @property
    def used(self) -> bool:
        """Whether the client is in use here."""
        return any(sign.exists() for sign in self.signs)


def configuration_folder(platform: str, home: Path, environ: Environment) -> Path:
    """Return the folder below which desktop programs keep their configuration."""
    if platform == "win32":
        return _folder(environ, "APPDATA", home / "AppData" / "Roaming")
    if platform == "darwin":
        return home / "Library" / "Application Support"
    return _folder(environ, "XDG_CONFIG_HOME", home / ".config")


def claude_code_folder(home: Path, environ: Environment) -> Path:
    """Return the folder where Claude Code keeps its settings, hooks included."""
    return _folder(environ, "CLAUDE_CONFIG_DIR", home / ".claude")


def _folder(environ: Environment, name: str, default: Path) -> Path:
    value = environ.get(name, "").strip()
    return Path(value) if value and Path(value).is_absolute() else default


def _in_folder(file: Path) -> ConfigurationFile:
    return ConfigurationFile(file, (file.parent,))


def _claude_code(_platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    folder = claude_code_folder(home, environ)
    file = (home if folder == home / ".claude" else folder) / ".claude.json"
    return [ConfigurationFile(file, (file, folder))]


def _claude_desktop(platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    folders = [configuration_folder(platform, home, environ) / "Claude"]
    if platform == "win32":
        local = _folder(environ, "LOCALAPPDATA", home / "AppData" / "Local")
        folders += [
            package / "LocalCache" / "Roaming" / "Claude" for package in sorted(local.glob("Packages/Claude_*"))
        ]
        folders += [local / "Claude-Data", *sorted(local.glob("Claude-Data/[Cc]laude_*"))]
    return [_in_folder(folder / "claude_desktop_config.json") for folder in folders]


def _cursor(_platform: str, home: Path, _environ: Environment) -> list[ConfigurationFile]:
    return [_in_folder(home / ".cursor" / "mcp.json")]


def _vscode(platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    return [_in_folder(configuration_folder(platform, home, environ) / "Code" / "User" / "mcp.json")]


def _windsurf(platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    devin = configuration_folder(platform, home, environ) if platform == "win32" else home / ".config"
    files = (devin / "devin" / "mcp_config.json", home / ".codeium" / "windsurf" / "mcp_config.json")
    return [_in_folder(file) for file in files]


def _zed(platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    if platform == "darwin":
        return [_in_folder(home / ".config" / "zed" / "settings.json")]
    folder = "Zed" if platform == "win32" else "zed"
    return [_in_folder(configuration_folder(platform, home, environ) / folder / "settings.json")]


@dataclass(frozen=True, slots=True, kw_only=True)
class McpClient:
    """One client. `comments`: it reads JSON with comments and trailing commas; other clients reject such a file."""

    name: str
    title: str
    user: Callable[[str, Path, Environment], list[ConfigurationFile]]
    project: str | None = None
    key: str = "mcpServers"
    typed: bool = False
    comments: bool = True

    def places(
        self, scope: InstallScope, platform: str, home: Path, environ: Environment, project: Path
    ) -> list[ConfigurationFile]:
        """Return the files with its servers, the usual one first; none when it has no such scope."""
        if scope is InstallScope.USER:
            return self.user(platform, home, environ)
        if self.project is None:
            return []
        file = project / self.project
        return [ConfigurationFile(file, (file,) if file.parent == project else (file.parent,))]

    def entry(self, command: Command, environment: Environment) -> Entry:
        """Return our entry for its configuration."""
        variables = {**command.environment, **environment}
        entry: Entry = {"type": "stdio"} if self.typed else {}
        entry |= {"command": command.program, "args": [*command.arguments, "stdio"]}
        return entry | ({"env": variables} if variables else {})


CLIENTS = {
    client.name: client
    for client in (
        McpClient(
            name="claude-code",
            title="Claude Code",
            user=_claude_code,
            project=".mcp.json",
            typed=True,
            comments=False,
        ),
        McpClient(name="claude-desktop", title="Claude Desktop", user=_claude_desktop, comments=False),
        McpClient(name="cursor", title="Cursor", user=_cursor, project=".cursor/mcp.json"),
        McpClient(name="vscode", title="VS Code", user=_vscode, project=".vscode/mcp.json", key="servers", typed=True),
        McpClient(name="windsurf", title="Windsurf (Devin Desktop)", user=_windsurf, project=".devin/mcp_config.json"),
        McpClient(name="zed", title="Zed", user=_zed, key="context_servers"),
    )
}
