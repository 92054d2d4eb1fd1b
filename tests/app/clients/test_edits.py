"""Our entry among a client's servers."""

from __future__ import annotations

import pytest

from app.clients.editing import Action
from app.clients.entry import is_ours
from app.clients.files import BACKUP_SUFFIX
from app.clients.install import InstallRequest, Machine, install, uninstall
from app.clients.jsonc import Document
from tests.support.clients import (
    CURSOR,
    FILES,
    actions,
    document,
)


@pytest.mark.parametrize("env", ["[1]", '"A=1"', "7"])
def test_an_entry_of_ours_with_a_strange_environment_is_reported(machine: Machine, env: str) -> None:
    file = machine.home / FILES["cursor"][0]
    file.write_text(f'{{"mcpServers": {{"memory": {{"command": "claude-memory", "args": ["stdio"], "env": {env}}}}}}}')

    [report] = install(InstallRequest(clients=("cursor",)), machine)
    assert report.action is Action.FAILED
    assert "mcpServers.memory.env is not an object" in str(report.reason)
    assert actions(install(InstallRequest(clients=("cursor",), force=True), machine)) == {"cursor": Action.UPDATED}
    assert isinstance(document("cursor", machine).get(["mcpServers", "memory", "env"]), dict)


def test_the_entry_stands_where_a_person_would_write_it(machine: Machine) -> None:
    install(InstallRequest(clients=("zed",), environment={}), machine)

    text = (machine.home / FILES["zed"][0]).read_text(encoding="utf-8")
    assert '"postgres://localhost" },\n    },\n    "memory": {\n      "command": "' in text
    assert '\n    },\n    // "disabled": { "command": "x" }\n  },\n' in text


def test_a_moved_installation_is_brought_up_to_date(machine: Machine) -> None:
    entry = {"command": "/old/claude-memory", "args": ["stdio"], "alwaysAllow": ["search_memory"]}
    file = machine.home / FILES["cursor"][0]
    file.write_text(Document(CURSOR, comments=True).put(["mcpServers", "memory"], entry).text)

    [report] = install(InstallRequest(clients=("cursor",), environment={"MEMORY_DATA_DIR": "/d"}), machine)

    assert report.action is Action.UPDATED
    found = document("cursor", machine).get(["mcpServers", "memory"])
    assert found["command"] != "/old/claude-memory"
    assert found["alwaysAllow"] == ["search_memory"]
    assert found["env"]["MEMORY_DATA_DIR"] == "/d"
    assert actions(install(InstallRequest(clients=("cursor",), environment={"MEMORY_DATA_DIR": "/d"}), machine)) == {
        "cursor": Action.THERE
    }


def test_another_server_of_that_name_is_not_ours_to_take(machine: Machine) -> None:
    file = machine.home / FILES["cursor"][0]
    text = '{"mcpServers": {"memory": {"command": "npx", "args": ["-y", "@modelcontextprotocol/server-memory"]}}}'
    file.write_text(text)

    [report] = install(InstallRequest(clients=("cursor",)), machine)
    assert report.action is Action.FAILED
    assert report.reason is not None
    assert "mcpServers.memory is another server" in report.reason
    assert "--force" in report.reason
    assert actions(uninstall(InstallRequest(clients=("cursor",)), machine)) == {"cursor": Action.ABSENT}
    assert file.read_text() == text

    assert actions(install(InstallRequest(clients=("cursor",), force=True), machine)) == {"cursor": Action.ADDED}
    assert is_ours(document("cursor", machine).get(["mcpServers", "memory"]))
    assert (file.parent / f"mcp.json{BACKUP_SUFFIX}").read_text() == text
