"""A home with every MCP client in use, and what became of its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.clients.editing import Action, FileReport
from app.clients.files import BACKUP_SUFFIX
from app.clients.install import Machine
from app.clients.jsonc import Document
from app.clients.jsonc_reading import BOM

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


def machine_with_all_clients(home: Path) -> Machine:
    """Return a machine on which every client is used, each with other servers."""
    for path, text in FILES.values():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
    project = home / "src" / "shop"
    project.mkdir(parents=True)
    return Machine("linux", home, {}, project)


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with what it holds."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def originals(folder: Path) -> dict[str, bytes]:
    """Return the same without our backups."""
    return {path: content for path, content in tree(folder).items() if BACKUP_SUFFIX not in path}


def actions(reports: Sequence[FileReport]) -> dict[str, Action]:
    """Return what was done for each client."""
    return {report.client: report.action for report in reports}


def document(client: str, machine: Machine) -> Document:
    """Return what a client's file holds."""
    return Document((machine.home / FILES[client][0]).read_bytes().decode(), comments=True)


def handlers(document: Document, event: str) -> list[str]:
    """Return the shell lines of an event in Claude Code's settings."""
    groups = document.get(["hooks", event]) or []
    return [handler["command"] for group in groups for handler in group["hooks"]]
