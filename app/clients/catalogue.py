"""The MCP clients that `install` knows: where each keeps its servers on each system, and what an entry looks like.

Checked against the clients' documentation and source in November 2026:
- Claude Code: `~/.claude.json`, or `.claude.json` in CLAUDE_CONFIG_DIR; a project's `.mcp.json`.
- Claude Desktop: `Claude` in the platform's configuration folder. On Windows the packaged app (MSIX, since February
  2026) reads a redirected copy below `Packages`, later versions `Claude-Data`: each that exists gets the entry.
- VS Code: `mcp.json` of the default profile, with `servers` and a `type`.
- Windsurf is called Devin Desktop since June 2026: its new agent reads `devin/mcp_config.json`, Cascade the old file.
- Zed: `context_servers` in its settings; `"source": "custom"` is deprecated and left out.
- Codex (CLI, IDE extension and app share it): https://developers.openai.com/codex/mcp. A project's file is read once
  the project is trusted.
- Gemini CLI: https://geminicli.com/docs/tools/mcp-server.
- Antigravity: https://antigravity.google/docs/mcp. Version 2, its CLI included, reads `config`, version 1
  `antigravity`.
- opencode: https://opencode.ai/docs/mcp-servers. The command is one list; no other members are allowed.
- Cline: https://docs.cline.bot/getting-started/config. Its older extension kept the file with VS Code's.
- Roo Code: https://docs.roocode.com/features/mcp/using-mcp-in-roo.
- Continue: https://docs.continue.dev/customize/deep-dives/mcp. It reads every JSON file in the folder `mcpServers`, so
  ours is one of its own.
- GitHub Copilot CLI: https://docs.github.com/en/copilot/how-tos/copilot-cli/customize-copilot/add-mcp-servers;
  COPILOT_HOME: https://docs.github.com/en/copilot/reference/copilot-cli-reference/cli-config-dir-reference.
- Junie (JetBrains): https://www.jetbrains.com/help/junie/model-context-protocol-mcp.html. AI Assistant keeps its
  servers inside each IDE's settings and can import those of Claude Desktop.
- Kiro: https://kiro.dev/docs/mcp/configuration.
- Amp: https://ampcode.com/manual. Its settings may be `settings.jsonc`.
- LM Studio: https://lmstudio.ai/docs/app/mcp. Earlier versions kept everything below `.cache/lm-studio`.
- Goose: https://block.github.io/goose/docs/guides/config-files. An extension is a server.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.clients.entry import PLAIN, Command, Entry, Environment, Shape
from app.clients.formats import Format


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


def _codex(_platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    return [_in_folder(_folder(environ, "CODEX_HOME", home / ".codex") / "config.toml")]


def _gemini_cli(_platform: str, home: Path, _environ: Environment) -> list[ConfigurationFile]:
    file = home / ".gemini" / "settings.json"
    return [ConfigurationFile(file, (file,))]  # others keep things in that folder, too


def _antigravity(_platform: str, home: Path, _environ: Environment) -> list[ConfigurationFile]:
    return [_in_folder(home / ".gemini" / folder / "mcp_config.json") for folder in ("config", "antigravity")]


def _opencode(platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    return [_in_folder(_with_comments(_dot_config(home, environ) / "opencode" / "opencode.json"))]


def _cline(platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    name, folder = "cline_mcp_settings.json", home / ".cline"
    old = _of_extension(platform, home, environ, "saoudrizwan.claude-dev")
    return [
        ConfigurationFile(folder / "data" / "settings" / name, (folder,)),
        ConfigurationFile(old / "settings" / name, (old,)),
    ]


def _roo(platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    folder = _of_extension(platform, home, environ, "rooveterinaryinc.roo-cline")
    return [ConfigurationFile(folder / "settings" / "mcp_settings.json", (folder,))]


def _continue(_platform: str, home: Path, _environ: Environment) -> list[ConfigurationFile]:
    folder = home / ".continue"
    return [ConfigurationFile(folder / "mcpServers" / "claude-memory.json", (folder,))]


def _copilot_cli(_platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    return [_in_folder(_folder(environ, "COPILOT_HOME", home / ".copilot") / "mcp-config.json")]


def _junie(_platform: str, home: Path, _environ: Environment) -> list[ConfigurationFile]:
    return [ConfigurationFile(home / ".junie" / "mcp" / "mcp.json", (home / ".junie",))]


def _kiro(_platform: str, home: Path, _environ: Environment) -> list[ConfigurationFile]:
    return [ConfigurationFile(home / ".kiro" / "settings" / "mcp.json", (home / ".kiro",))]


def _amp(_platform: str, home: Path, _environ: Environment) -> list[ConfigurationFile]:
    return [_in_folder(_with_comments(home / ".config" / "amp" / "settings.json"))]


def _lm_studio(_platform: str, home: Path, _environ: Environment) -> list[ConfigurationFile]:
    return [_in_folder(folder / "mcp.json") for folder in (home / ".lmstudio", home / ".cache" / "lm-studio")]


def _goose(platform: str, home: Path, environ: Environment) -> list[ConfigurationFile]:
    if platform == "win32":
        folder = configuration_folder(platform, home, environ) / "Block" / "goose" / "config"
    else:
        folder = _dot_config(home, environ) / "goose"
    return [_in_folder(folder / "config.yaml")]


def _dot_config(home: Path, environ: Environment) -> Path:
    """Return the folder of programs that follow XDG on every system."""
    return _folder(environ, "XDG_CONFIG_HOME", home / ".config")


def _of_extension(platform: str, home: Path, environ: Environment, name: str) -> Path:
    """Return where VS Code keeps the files of an extension."""
    return configuration_folder(platform, home, environ) / "Code" / "User" / "globalStorage" / name


def _with_comments(file: Path) -> Path:
    """Return the file's twin with comments where only that one is there."""
    twin = file.with_suffix(".jsonc")
    return twin if twin.exists() and not file.exists() else file


@dataclass(frozen=True, slots=True, kw_only=True)
class McpClient:
    """One client. user, project: where its files are. key: what holds the servers in them. also: its other names."""

    name: str
    title: str
    user: Callable[[str, Path, Environment], list[ConfigurationFile]]
    project: str | None = None
    key: str = "mcpServers"
    shape: Shape = PLAIN
    format: Format = Format.JSONC
    also: tuple[str, ...] = ()

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

    def entry(self, command: Command, environment: Environment, name: str = "memory") -> Entry:
        """Return our entry for its configuration. name: of the server."""
        return self.shape.entry(command, environment, name)


_TYPED = Shape(fixed={"type": "stdio"})
_IN_A_LIST = Shape(arguments=None, variables="environment", fixed={"type": "local", "enabled": True})
_WITH_TOOLS = Shape(fixed={"type": "local", "tools": ["*"]})
_EXTENSION = Shape(
    program="cmd",
    variables="envs",
    fixed={"enabled": True, "type": "stdio", "description": "Long-term memory", "timeout": 300},
    named=True,
)

CLIENTS = {
    client.name: client
    for client in (
        McpClient(
            name="claude-code",
            title="Claude Code",
            user=_claude_code,
            project=".mcp.json",
            shape=_TYPED,
            format=Format.JSON,
        ),
        McpClient(name="claude-desktop", title="Claude Desktop", user=_claude_desktop, format=Format.JSON),
        McpClient(name="cursor", title="Cursor", user=_cursor, project=".cursor/mcp.json"),
        McpClient(
            name="vscode",
            title="VS Code",
            user=_vscode,
            project=".vscode/mcp.json",
            key="servers",
            shape=_TYPED,
            also=("vs-code", "copilot"),
        ),
        McpClient(
            name="windsurf",
            title="Windsurf (Devin Desktop)",
            user=_windsurf,
            project=".devin/mcp_config.json",
            also=("devin",),
        ),
        McpClient(name="zed", title="Zed", user=_zed, key="context_servers"),
        McpClient(
            name="codex",
            title="Codex",
            user=_codex,
            project=".codex/config.toml",
            key="mcp_servers",
            format=Format.TOML,
            also=("codex-cli",),
        ),
        McpClient(
            name="gemini-cli", title="Gemini CLI", user=_gemini_cli, project=".gemini/settings.json", also=("gemini",)
        ),
        McpClient(name="antigravity", title="Antigravity", user=_antigravity, project=".agents/mcp_config.json"),
        McpClient(
            name="opencode", title="opencode", user=_opencode, project="opencode.json", key="mcp", shape=_IN_A_LIST
        ),
        McpClient(name="cline", title="Cline", user=_cline),
        McpClient(name="roo", title="Roo Code", user=_roo, project=".roo/mcp.json", also=("roo-code",)),
        McpClient(
            name="continue",
            title="Continue",
            user=_continue,
            project=".continue/mcpServers/claude-memory.json",
            also=("continue-dev",),
        ),
        McpClient(
            name="copilot-cli",
            title="GitHub Copilot CLI",
            user=_copilot_cli,
            project=".github/mcp.json",
            shape=_WITH_TOOLS,
            also=("github-copilot-cli",),
        ),
        McpClient(
            name="junie", title="Junie (JetBrains)", user=_junie, project=".junie/mcp/mcp.json", also=("jetbrains",)
        ),
        McpClient(name="kiro", title="Kiro", user=_kiro, project=".kiro/settings/mcp.json", also=("kiro-cli",)),
        McpClient(name="amp", title="Amp", user=_amp, project=".amp/settings.json", key="amp.mcpServers"),
        McpClient(name="lm-studio", title="LM Studio", user=_lm_studio, also=("lmstudio",)),
        McpClient(name="goose", title="Goose", user=_goose, key="extensions", shape=_EXTENSION, format=Format.YAML),
    )
}
NAMES = {name: client.name for client in CLIENTS.values() for name in (client.name, *client.also)}
