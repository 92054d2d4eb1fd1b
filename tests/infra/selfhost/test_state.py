"""What an export of Pulumi's state says of a stack's containers, networks and volumes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.command_errors import CannotDo
from infra.selfhost.state import State, exported, parsed
from tests.support.commands import Commands

CONTAINER, NETWORK, VOLUME = (
    f"docker:index/{one}" for one in ("container:Container", "network:Network", "volume:Volume")
)


def resource(type_: str, name: str, **others: Any) -> dict[str, Any]:
    """Return a resource as an export has it."""
    urn = f"urn:pulumi:production::claude-memory::claude-memory:selfhost:Service${type_}::{name}"
    return {"urn": urn, "type": type_, "inputs": {}, "outputs": {}, **others}


def export(*resources: dict[str, Any], begun: list[dict[str, Any]] | None = None) -> str:
    pending = [{"type": "creating", "resource": one} for one in begun or []]
    return json.dumps({"version": 3, "deployment": {"resources": list(resources), "pending_operations": pending}})


def task(id_: str, exit_code: int, reason: str = "") -> dict[str, Any]:
    inputs = {"attach": True, "labels": [{"label": "claude-memory.reason", "value": reason}]}
    return resource(CONTAINER, "memory-app-init", id=id_, inputs=inputs, outputs={"exitCode": exit_code})


def test_containers_are_known_by_their_ids_those_to_be_deleted_too() -> None:
    state = parsed(
        export(
            resource(CONTAINER, "memory-app-1", id="1f2e"),
            resource(CONTAINER, "memory-app-1", id="3d4c", delete=True),
            {"urn": "urn:pulumi:production::claude-memory::pulumi:pulumi:Stack::p", "type": "pulumi:pulumi:Stack"},
        ),
        "production",
    )

    assert state.containers == {"1f2e": "memory-app-1", "3d4c": "memory-app-1"}


def test_networks_and_volumes_are_known_by_their_names_and_a_data_volume_is_not_of_this_state_alone() -> None:
    state = parsed(
        export(
            resource(NETWORK, "memory-data", id="9a", outputs={"name": "memory-data-1234567"}),
            resource(VOLUME, "memory-app-1-files", id="x", inputs={"name": "memory-app-1-files-7654321"}),
            resource(VOLUME, "memory-postgres-data", id="y", outputs={"name": "production-memory-postgres-data"}),
        ),
        "production",
    )

    assert state.networks == {"memory-data-1234567"}
    assert state.volumes == {"memory-app-1-files-7654321", "production-memory-postgres-data"}
    assert state.own == {"memory-data-1234567", "memory-app-1-files-7654321"}


def test_what_an_update_began_to_make_is_known_by_the_name_it_was_to_get() -> None:
    begun = resource(CONTAINER, "memory-alerts", inputs={"name": "memory-alerts-1234567"})
    other = {"type": "updating", "resource": resource(CONTAINER, "memory-proxy", inputs={"name": "memory-proxy-1"})}
    text = json.loads(export(begun=[begun]))
    text["deployment"]["pending_operations"].append(other)

    assert parsed(json.dumps(text), "production").begun == {"memory-alerts-1234567"}


def test_a_task_that_failed_is_told_apart_until_it_has_run_and_does_not_run_once_more_then() -> None:
    failed = parsed(export(task("1f2e3d4c5b6a7988", 1)), "production").again
    assert failed == {"memory-app-init": " after 1f2e3d4c5b6a"}

    well = parsed(export(task("aaaa", 0, reason=" after 1f2e3d4c5b6a")), "production").again
    assert well == failed
    again = parsed(export(task("bbbbbbbbbbbbbbbb", 1, reason="digest after 1f2e3d4c5b6a")), "production").again
    assert again == {"memory-app-init": " after bbbbbbbbbbbb"}
    assert parsed(export(task("aaaa", 0)), "production").again == {}


@pytest.mark.parametrize("text", ['{"deployment": null}', '{"version": 3, "deployment": {}}'])
def test_a_stack_that_was_never_up_knows_nothing(text: str) -> None:
    assert parsed(text, "production") == State()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"deployment": {"resources": [1]}}', '{"deployment": 1}'])
def test_what_is_no_export_is_refused(text: str) -> None:
    with pytest.raises(CannotDo, match="not what `pulumi stack export` prints"):
        parsed(text, "production")


def test_the_state_of_another_stack_is_refused() -> None:
    with pytest.raises(CannotDo, match="the state is that of stack production, not of staging"):
        parsed(export(resource(CONTAINER, "memory-app-1", id="1f2e")), "staging")


def test_the_cli_is_asked_for_the_stack_without_decrypting_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands(tmp_path, monkeypatch)
    (tmp_path / "state.json").write_text(export(resource(CONTAINER, "memory-app-1", id="1f2e")))
    commands.put("pulumi", f"cat {tmp_path}/state.json")

    assert exported(tmp_path, "acme/claude-memory/production").containers == {"1f2e": "memory-app-1"}
    assert commands.calls == ["pulumi stack export --stack acme/claude-memory/production --non-interactive"]
