"""What `claude-memory doctor` reports of MCP clients."""

from __future__ import annotations

import json

from tests.support.bridges import Machine
from tests.support.examining import run_doctor


def test_clients_with_our_entry_are_named_and_unreadable_files_too(machine: Machine) -> None:
    home = machine.data_dir.parent
    (home / ".cursor").mkdir()
    entry = {"mcpServers": {"memory": {"command": "claude-memory", "args": ["stdio"]}}}
    (home / ".cursor" / "mcp.json").write_text("// mine\n" + json.dumps(entry))
    assert "Cursor" in run_doctor(machine)[1]["clients"]["found"]

    (home / ".cursor" / "mcp.json").write_text("{")
    code, checks = run_doctor(machine)
    assert code == 0
    assert checks["clients"]["state"] == "warning"
    assert "mcp.json" in checks["clients"]["found"]
    assert "NotEditable" not in checks["clients"]["found"]


def test_clients_that_write_no_json_are_read_too(machine: Machine) -> None:
    home = machine.data_dir.parent
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text('[mcp_servers.memory]\ncommand = "claude-memory"\nargs = ["stdio"]\n')
    (home / ".config" / "goose").mkdir(parents=True)
    (home / ".config" / "goose" / "config.yaml").write_text("extensions: [")

    found = run_doctor(machine)[1]["clients"]["found"]

    assert "Codex" in found
    assert "Goose: " in found
    assert "not valid YAML, line 1" in found
