"""The MCP clients we can be added to: where each keeps its servers on each system, and what an entry looks like.

Checked against the clients' documentation and source in November 2026:
- Claude Code: `~/.claude.json`, or `.claude.json` in CLAUDE_CONFIG_DIR; a project's `.mcp.json`.
- Claude Desktop: `Claude` in the platform's configuration folder. On Windows the packaged app (MSIX, since February
  2026) reads a redirected copy below `Packages`, later versions `Claude-Data`: each that is there gets the entry.
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


class Scope(StrEnum):
    """Whose configuration: the user's, or that of the project in the current directory."""

    USER = "user"
    PROJECT = "project"


@dataclass(frozen=True, slots=True)
class Place:
    """A configuration file, and what shows that the client uses it (any of these paths is there)."""

    file: Path
    signs: tuple[Path, ...]

    @property
    def used(self) -> bool:
        """Whether the client has been here."""
        return any(sign.exists() for sign in self.signs)


def configuration_folder(platform: str, home: Path, environ: Environment) -> Path:
    """Return the folder below which programs with a window keep their configuration."""
    if platform == "win32":
        return _folder(environ, "APPDATA", home / "AppData" / "Roaming")
    if platform == "darwin":
        return home / "Library" / "Application Support"
    return _folder(environ, "XDG_CONFIG_HOME", home / ".config")


def claude_code_folder(home: Path, environ: Environment) -> Path:
    """Return where Claude Code keeps its settings, and with them its hooks."""
    return _folder(environ, "CLAUDE_CONFIG_DIR", home / ".claude")


def _folder(environ: Environment, name: str, default: Path) -> Path:
    value = environ.get(name, "").strip()
    return Path(value) if value and Path(value).is_absolute() else default


def _in_folder(file: Path) -> Place:
    return Place(file, (file.parent,))


def _claude_code(_platform: str, home: Path, environ: Environment) -> list[Place]:
    folder = claude_code_folder(home, environ)
    file = (home if folder == home / ".claude" else folder) / ".claude.json"
    return [Place(file, (file, folder))]


def _claude_desktop(platform: str, home: Path, environ: Environment) -> list[Place]:
    folders = [configuration_folder(platform, home, environ) / "Claude"]
    if platform == "win32":
        local = _folder(environ, "LOCALAPPDATA", home / "AppData" / "Local")
        folders += [
            package / "LocalCache" / "Roaming" / "Claude" for package in sorted(local.glob("Packages/Claude_*"))
        ]
        folders += [local / "Claude-Data", *sorted(local.glob("Claude-Data/[Cc]laude_*"))]
    return [_in_folder(folder / "claude_desktop_config.json") for folder in folders]


def _cursor(_platform: str, home: Path, _environ: Environment) -> list[Place]:
    return [_in_folder(home / ".cursor" / "mcp.json")]


def _vscode(platform: str, home: Path, environ: Environment) -> list[Place]:
    return [_in_folder(configuration_folder(platform, home, environ) / "Code" / "User" / "mcp.json")]


def _windsurf(platform: str, home: Path, environ: Environment) -> list[Place]:
    devin = configuration_folder(platform, home, environ) if platform == "win32" else home / ".config"
    files = (devin / "devin" / "mcp_config.json", home / ".codeium" / "windsurf" / "mcp_config.json")
    return [_in_folder(file) for file in files]


def _zed(platform: str, home: Path, environ: Environment) -> list[Place]:
    if platform == "darwin":
        return [_in_folder(home / ".config" / "zed" / "settings.json")]
    folder = "Zed" if platform == "win32" else "zed"
    return [_in_folder(configuration_folder(platform, home, environ) / folder / "settings.json")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One client. `comments`: it reads JSON with comments and trailing commas; else they would keep it from reading."""

    name: str
    title: str
    user: Callable[[str, Path, Environment], list[Place]]
    project: str | None = None
    key: str = "mcpServers"
    typed: bool = False
    comments: bool = True

    def places(self, scope: Scope, platform: str, home: Path, environ: Environment, project: Path) -> list[Place]:
        """Return where its servers stand, the usual place first; none when it has no such scope."""
        if scope is Scope.USER:
            return self.user(platform, home, environ)
        if self.project is None:
            return []
        file = project / self.project
        return [Place(file, (file,) if file.parent == project else (file.parent,))]

    def entry(self, command: Command, environment: Environment) -> Entry:
        """Return what stands under our name in its configuration."""
        variables = {**command.environment, **environment}
        entry: Entry = {"type": "stdio"} if self.typed else {}
        entry |= {"command": command.program, "args": [*command.arguments, "stdio"]}
        return entry | ({"env": variables} if variables else {})


CLIENTS = {
    client.name: client
    for client in (
        Client(
            name="claude-code",
            title="Claude Code",
            user=_claude_code,
            project=".mcp.json",
            typed=True,
            comments=False,
        ),
        Client(name="claude-desktop", title="Claude Desktop", user=_claude_desktop, comments=False),
        Client(name="cursor", title="Cursor", user=_cursor, project=".cursor/mcp.json"),
        Client(name="vscode", title="VS Code", user=_vscode, project=".vscode/mcp.json", key="servers", typed=True),
        Client(name="windsurf", title="Windsurf (Devin Desktop)", user=_windsurf, project=".devin/mcp_config.json"),
        Client(name="zed", title="Zed", user=_zed, key="context_servers"),
    )
}
