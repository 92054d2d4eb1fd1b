"""What a stack tells when it is up."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pytest

from infra.aliyun.outputs import client_configuration, next_steps
from infra.plan import plan_of
from tests.support.stacks import SECRETS, aliyun_values


def exported(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the outputs of a stack, once they are known."""
    found: dict[str, Any] = {}

    def note(name: str, value: Any) -> None:
        pulumi.Output.from_input(value).apply(lambda known: found.__setitem__(name, known))

    monkeypatch.setattr(pulumi, "export", note)
    plan_of(aliyun_values())
    return found


def test_a_stack_tells_its_addresses_releases_and_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    found = exported(monkeypatch)

    assert found["mcp_url"] == f"{found['url']}/mcp"
    assert found["sse_url"] == f"{found['url']}/sse"
    assert found["releases"] == {found["release"]: f"memory-function-{found['release']}-version"}
    assert found["serving"] == found["release"]
    assert (found["log_store"], found["function"]) == ("functions", "claude-memory-test")


def test_no_output_holds_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SECRETS["adminToken"] not in json.dumps(exported(monkeypatch))


def test_the_clients_configuration_is_to_be_pasted() -> None:
    [server] = json.loads(client_configuration("https://x/mcp"))["mcpServers"].values()

    assert server["url"] == "https://x/mcp"


def test_the_next_steps_name_the_stack() -> None:
    assert "python -m infra.aliyun invoke --stack team" in next_steps("team", "https://x/mcp")
