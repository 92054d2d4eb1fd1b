"""A home with every MCP client in use, and what became of its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.clients.catalogue import CLIENTS
from app.clients.editing import Action, FileReport
from app.clients.files import BACKUP_SUFFIX
from app.clients.formats import Format, parsed
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
CODEX = """# Codex, shared by the CLI and the IDE extension
model = "gpt-5.5-codex"
approval_policy = "on-request"   # never | untrusted
notify = [
    "notify-send", # a desktop's
    'Codex',
]

[mcp_servers.context7]
command = 'npx'
args = ["-y", "@upstash/context7-mcp"]
startup_timeout_sec = 20.5

[mcp_servers.context7.env]
"CONTEXT7_API_KEY" = "made-up"

[projects."/home/ann/läden/shop"]
trust_level = "trusted"

[tui]
notifications = true # ☀
"""
GEMINI = """{
  "security": { "auth": { "selectedType": "gemini-api-key" } },
  // the project's own servers are in .gemini
  "mcpServers": {
    "github": { "httpUrl": "https://api.githubcopilot.com/mcp/", "timeout": 5000 }
  },
  "ui": { "theme": "Default" }
}
"""
OPENCODE = """{
  "$schema": "https://opencode.ai/config.json",
  "autoupdate": true,
  "mcp": {
    "jira": {
      "type": "remote",
      "url": "https://jira.example.com/mcp",
      "enabled": false,
    },
  },
}
"""
CLINE = """{
  "mcpServers": {
    "fetch": {
      "autoApprove": ["fetch"],
      "disabled": false,
      "timeout": 60,
      "type": "stdio",
      "command": "uvx",
      "args": ["mcp-server-fetch"]
    }
  }
}
"""
ROO = '{\n  "mcpServers": {\n    "time": {\n      "command": "uvx",\n      "args": ["mcp-server-time"],\n'
ROO += '      "alwaysAllow": []\n    }\n  }\n}'
COPILOT = """{
  "mcpServers": {
    "playwright": {"type": "local", "command": "npx", "args": ["@playwright/mcp@latest"], "tools": ["*"]}
  }
}
"""
KIRO = '{\n  "mcpServers": {},\n  "powers": {\n    "mcpServers": {}\n  }\n}\n'
AMP = """{
    "amp.showCosts": false,
    // Sourcegraph's
    "amp.mcpServers": {
        "sourcegraph": { "url": "https://sourcegraph.example.com/.api/mcp/v1" },
    },
}
"""
GOOSE = """# goose configure writes this file
GOOSE_PROVIDER: anthropic
GOOSE_MODEL: claude-sonnet-5-5
extensions:
  developer:
    bundled: true
    enabled: true
    name: developer
    timeout: 300
    type: builtin
  fetch:   # mine
    args:
    - mcp-server-fetch
    cmd: uvx
    description: 'It''s for pages'
    enabled: false
    env_keys: []
    envs: {}
    name: fetch
    timeout: null
    type: stdio

# tools
GOOSE_MODE: smart_approve
"""
FILES = {
    "claude-code": (".claude.json", CLAUDE_CODE),
    "claude-desktop": (".config/Claude/claude_desktop_config.json", CLAUDE_DESKTOP),
    "cursor": (".cursor/mcp.json", CURSOR),
    "vscode": (".config/Code/User/mcp.json", VSCODE),
    "windsurf": (".config/devin/mcp_config.json", WINDSURF),
    "zed": (".config/zed/settings.json", ZED),
    "codex": (".codex/config.toml", CODEX),
    "gemini-cli": (".gemini/settings.json", GEMINI),
    "antigravity": (".gemini/config/mcp_config.json", '{"mcpServers": null}'),
    "opencode": (".config/opencode/opencode.json", OPENCODE),
    "cline": (".cline/data/settings/cline_mcp_settings.json", CLINE),
    "roo": (".config/Code/User/globalStorage/rooveterinaryinc.roo-cline/settings/mcp_settings.json", ROO),
    "continue": (".continue/mcpServers/claude-memory.json", '{ "mcpServers": {} }\n'),
    "copilot-cli": (".copilot/mcp-config.json", COPILOT),
    "junie": (".junie/mcp/mcp.json", '{\n    "mcpServers": {\n    }\n}'),
    "kiro": (".kiro/settings/mcp.json", KIRO),
    "amp": (".config/amp/settings.json", AMP),
    "lm-studio": (".lmstudio/mcp.json", '{\n  "mcpServers": {}\n}'),
    "goose": (".config/goose/config.yaml", GOOSE),
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


def document(client: str, machine: Machine) -> Any:
    """Return what a client's file holds."""
    format_ = CLIENTS[client].format
    text = (machine.home / FILES[client][0]).read_bytes().decode()
    return parsed(text, Format.JSONC if format_ is Format.JSON else format_)


def handlers(document: Document, event: str) -> list[str]:
    """Return the shell lines of an event in Claude Code's settings."""
    groups = document.get(["hooks", event]) or []
    return [handler["command"] for group in groups for handler in group["hooks"]]
