"""What a dry run shows."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from app.clients.install import InstallRequest, Machine, install, uninstall
from tests.support.clients import (
    FILES,
    tree,
)


def test_a_dry_run_shows_the_difference_and_changes_nothing(machine: Machine) -> None:
    before = tree(machine.home)

    reports = install(InstallRequest(hooks=True, dry_run=True), machine)

    assert tree(machine.home) == before
    [zed] = [report for report in reports if report.client == "zed"]
    assert zed.diff is not None
    lines = zed.diff.splitlines()
    assert lines[:2] == [f"--- {zed.path}", f"+++ {zed.path}"]
    assert not [line for line in lines[2:] if line.startswith("-")]
    assert '+    "memory": {' in lines
    assert not [line for line in lines[2:] if line.startswith(" ")], "lines around it may hold others' tokens"


@pytest.mark.parametrize(
    "text",
    [
        '{\n  "mcpServers": {\n    "gh": {"command": "gh", "env": {"TOKEN": "s3cr\\"et-x"}} // s3cr too\n  }\n}\n',
        '{"mcpServers":{"gh":{"command":"gh","args":["--token","s3cr-x"],"env":{"TOKEN":"s3cr"}}/* s3cr\n */}}',
        '{"mcpServers":{"memory":{"command":"claude-memory","args":["stdio"],"env":{"KEY":"s3cr"}},"b":{"url":"s3cr"}}}',
        '{"mcpServers":{"memory":{"command":"npx","env":{"KEY":"s3cr"}}}}',
    ],
)
def test_a_dry_run_shows_no_value_of_others(machine: Machine, text: str) -> None:
    file = machine.home / FILES["cursor"][0]
    file.write_text(text)
    request = InstallRequest(clients=("cursor",), environment={"MEMORY_DATA_DIR": "/mine"}, force=True, dry_run=True)

    [report] = install(request, machine)

    assert report.diff is not None
    assert "/mine" in report.diff
    assert '"…"' in report.diff
    assert "s3cr" not in report.diff
    assert "s3cr" not in json.dumps(report.to_dict(), default=str)
    install(InstallRequest(clients=("cursor",), name="other"), machine)
    [report] = uninstall(InstallRequest(clients=("cursor",), name="other", dry_run=True), machine)
    assert report.diff is not None
    assert "s3cr" not in report.diff


@pytest.mark.parametrize("client", ["codex", "goose"])
def test_a_dry_run_in_other_formats_shows_no_value_of_others_either(machine: Machine, client: str) -> None:
    request = InstallRequest(clients=(client,), environment={"MEMORY_DATA_DIR": "/mine"})
    install(request, machine)
    file = machine.home / FILES[client][0]
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("/mine", "/s3cr").replace("stdio", "s3cr stdio", 1))

    [report] = install(replace(request, dry_run=True, force=True), machine)

    assert "/mine" in str(report.diff)
    assert "s3cr" not in str(report.diff)
