"""The outputs of a stack, which people paste into a shell or a client's configuration."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pulumi
import pytest

from infra.selfhost import outputs
from tests.support.components import built


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The outputs of a stack with the name `test`."""
    found: dict[str, Any] = {}
    monkeypatch.setattr(pulumi, "export", found.__setitem__)
    built(
        lambda here, there: outputs.export(
            "https://memory.example.org",
            "memory-app-worker",
            "ssh://me@one.example.org",
            {"prometheus": "http://127.0.0.1:9090"},
        )
    )
    return found


def test_addresses_are_named(exported: dict[str, Any]) -> None:
    assert exported["url"] == "https://memory.example.org"
    assert exported["mcp_url"] == "https://memory.example.org/mcp"
    assert exported["operator_urls"] == {"prometheus": "http://127.0.0.1:9090"}


def test_the_configuration_of_a_client_is_json_with_a_place_for_the_token(exported: dict[str, Any]) -> None:
    [server] = json.loads(exported["client_configuration"])["mcpServers"].values()

    assert server == {
        "type": "http",
        "url": "https://memory.example.org/mcp",
        "headers": {"Authorization": "Bearer TOKEN"},
    }


def test_commands_run_in_the_worker_of_this_stack_on_its_host(exported: dict[str, Any]) -> None:
    engine, doctor, token, _ = exported["next_steps"]

    assert engine == "export DOCKER_HOST=ssh://me@one.example.org"
    assert "label=claude-memory.stack=test" in doctor
    assert "label=claude-memory.service=memory-app-worker" in doctor
    assert doctor.endswith("claude-memory doctor")
    assert token.endswith("claude-memory token create --user NAME")
    assert all(shlex.split(step) for step in exported["next_steps"])


def test_no_output_holds_a_secret(exported: dict[str, Any]) -> None:
    assert "cm_" not in json.dumps(exported)
