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
