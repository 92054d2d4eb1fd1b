"""What a stack tells when it is up."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.render.outputs import Exported, client_configuration, export, next_steps
from tests.support.render_plan import built

MCP = "https://memory.example.org/mcp"


def exported(monkeypatch: pytest.MonkeyPatch, **more: Any) -> dict[str, Any]:
    """Return the outputs of a program that exports these, once they are known."""
    found: dict[str, Any] = {}

    def note(name: str, value: Any) -> None:
        pulumi.Output.from_input(value).apply(lambda known: found.__setitem__(name, known))

    monkeypatch.setattr(pulumi, "export", note)
    record = {"name": "memory.example.org", "type": "CNAME", "value": "claude-memory-web.onrender.com"}
    built(
        lambda: export(
            Exported(
                stack="render-dev",
                url="https://memory.example.org",
                render_url="https://claude-memory-web.onrender.com",
                project_id="prj-1",
                environment_id="evm-1",
                services={"web": "srv-1"},
                dns_records=[record],
                **more,
            )
        )
    )
    return found


def test_the_day_a_database_expires_is_told_of_a_free_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "database_expires_at" not in exported(monkeypatch)
    assert exported(monkeypatch, database_expires_at="2027-01-01")["database_expires_at"] == "2027-01-01"


def test_addresses_records_and_ids_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = exported(monkeypatch)

    assert set(found) == {
        *("url", "mcp_url", "render_url", "client_configuration", "dns_records"),
        *("project_id", "environment_id", "services", "next_steps"),
    }
    assert found["services"] == {"web": "srv-1"}
    assert found["mcp_url"] == MCP


def test_a_clients_configuration_can_be_pasted() -> None:
    assert json.loads(client_configuration(MCP)) == {
        "mcpServers": {"memory": {"type": "http", "url": MCP, "headers": {"Authorization": "Bearer TOKEN"}}}
    }


def test_the_next_steps_are_commands_of_the_driver_and_of_a_client() -> None:
    steps = next_steps("render-dev", MCP)

    assert steps[:2] == [
        "python -m infra.render status --stack render-dev",
        "python -m infra.render doctor --stack render-dev",
    ]
    assert MCP in steps[2]
