"""The last log lines of a service that did not start: those of the container that failed, or none."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from infra.selfhost.failures import Underway, last_lines
from infra.selfhost.labels import filters
from tests.support.commands import Commands

FOUND_BY = filters("production", "memory-app-1")
HERE = "unix:///run/docker.sock"


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path, monkeypatch)


def docker(status: str) -> str:
    return f"case $3 in ps) echo '{status}';; logs) echo first; echo then >&2; echo last;; esac"


def test_both_streams_of_an_unhealthy_container_are_shown_in_their_order(commands: Commands) -> None:
    commands.put("docker", docker("1f2e Up 59 seconds (unhealthy)"))

    assert last_lines(HERE, [], FOUND_BY) == "first\nthen\nlast"


@pytest.mark.parametrize(
    ("checked", "said"),
    [
        (
            {"ExitCode": 1, "Output": "wget: refused\n"},
            "\n(its health check ended with status 1 and said: wget: refused)",
        ),
        ({"ExitCode": -1, "Output": ""}, "\n(its health check ended with status -1 and said: nothing)"),
        ({"ExitCode": 0, "Output": "fine"}, ""),
    ],
)
def test_a_health_check_that_failed_is_shown_with_what_it_said(
    commands: Commands, checked: dict[str, Any], said: str
) -> None:
    health = json.dumps({"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": "an older one"}, checked]})
    commands.put(
        "docker", f"case $3 in ps) echo '1f2e Up (unhealthy)';; logs) echo last;; *) printf %s '{health}';; esac"
    )

    assert last_lines(HERE, [], FOUND_BY) == f"last{said}"


def test_only_the_newest_container_of_this_stack_and_service_is_read(commands: Commands) -> None:
    commands.put("docker", docker("1f2e Restarting (1) 2 seconds ago"))
    last_lines(HERE, [], FOUND_BY)

    [listed, logs, _] = commands.calls
    assert "--latest" in listed
    assert "label=claude-memory.stack=production" in listed
    assert "label=claude-memory.service=memory-app-1" in listed
    assert logs == f"docker --host {HERE} logs --tail 20 1f2e"


@pytest.mark.parametrize("status", ["", "1f2e Up 3 hours (healthy)"])
def test_without_a_failed_container_nothing_is_shown(commands: Commands, status: str) -> None:
    commands.put("docker", docker(status))

    assert last_lines(HERE, [], FOUND_BY) == ""


def test_a_log_that_cannot_be_read_is_reported_with_the_reason(commands: Commands) -> None:
    commands.put("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")

    assert last_lines(HERE, [], FOUND_BY) == "(its log could not be read: Cannot connect to the Docker daemon)"


def test_a_health_check_that_cannot_be_read_hides_no_log(commands: Commands) -> None:
    commands.put(
        "docker",
        'case "$*" in *logs*) echo "no space left" ;; *inspect*) echo gone >&2; exit 1 ;; *) echo 1f2e Exited ;; esac',
    )

    assert last_lines(HERE, [], FOUND_BY) == "no space left\n(its health check could not be read: gone)"


def test_a_missing_command_hides_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "its log could not be read" in last_lines(HERE, [], FOUND_BY)


def test_over_ssh_the_shell_of_the_host_gets_the_same_words(commands: Commands) -> None:
    commands.put("docker", "case $1 in ps) [ $# -eq 9 ] && echo '1f2e Exited (1)';; logs) echo last;; esac")
    commands.put("ssh", 'shift; exec sh -c "$*"')  # as ssh does: one line for a shell of the host

    assert last_lines("ssh://me@one.example.org", [], FOUND_BY) == "last"


async def test_a_program_that_ends_waits_for_what_is_being_made_and_has_its_log_shown() -> None:
    underway = Underway()
    underway.begin("memory-alerts")
    underway.begin("memory-qdrant-1")
    asyncio.get_running_loop().call_later(0.1, underway.end, "memory-qdrant-1")
    asyncio.get_running_loop().call_later(0.3, underway.end, "memory-alerts")
    began = time.monotonic()

    await underway.over(5)

    assert 0.25 < time.monotonic() - began < 4


async def test_it_does_not_wait_for_ever_nor_without_a_reason() -> None:
    underway = Underway()
    began = time.monotonic()
    await underway.over(5)
    underway.begin("memory-alerts")
    await underway.over(0.1)

    assert time.monotonic() - began < 4
