"""What of an engine a state does not know, whether an update of that state left it, and how it goes.

tests/e2e/test_selfhost_interrupted.py does the same on a real engine.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.command_errors import CannotDo
from infra.selfhost.config import Host
from infra.selfhost.found import Found, Kind
from infra.selfhost.orphans import Orphan, gone, orphans_of, remove
from infra.selfhost.state import State
from tests.support.commands import Commands

HERE = Host(docker="unix:///run/docker.sock")
NETWORK, FILES = "memory-data-1111111", "memory-app-1-files-2222222"
STATE = State(
    containers={"1f2e": "memory-app-1"},
    networks=frozenset({NETWORK}),
    volumes=frozenset({FILES, "test-memory-postgres-data"}),
    own=frozenset({NETWORK, FILES}),
    begun=frozenset({"memory-alerts-3333333"}),
)


def found(kind: Kind, name: str, **others: object) -> Found:
    return replace(Found(kind=kind, host=HERE, id=name, name=name), **others)  # type: ignore[arg-type]


def test_what_the_state_knows_is_no_orphan() -> None:
    known = [
        found(Kind.CONTAINER, "memory-app-1-4444444", id="1f2e"),
        found(Kind.VOLUME, FILES),
        found(Kind.NETWORK, NETWORK),
    ]

    assert orphans_of(known, STATE) == []


@pytest.mark.parametrize(
    ("one", "left"),
    [
        pytest.param(found(Kind.CONTAINER, "memory-alerts-3333333"), True, id="begun under this name"),
        pytest.param(found(Kind.CONTAINER, "x", uses=frozenset({NETWORK})), True, id="on the state's network"),
        pytest.param(found(Kind.CONTAINER, "x", uses=frozenset({FILES})), True, id="with the state's files"),
        pytest.param(
            found(Kind.CONTAINER, "x", uses=frozenset({"test-memory-postgres-data"})),
            False,
            id="on the same data alone",
        ),
        pytest.param(found(Kind.CONTAINER, "x", uses=frozenset({"bridge"})), False, id="anywhere else"),
        pytest.param(found(Kind.VOLUME, "memory-app-1-files-9999999"), False, id="a volume of another state"),
    ],
)
def test_only_what_this_state_surely_made_counts_as_left(one: Found, left: bool) -> None:
    assert orphans_of([one], STATE) == [Orphan(found=one, left=left)]


def test_containers_come_before_what_they_use() -> None:
    several = [found(Kind.NETWORK, "a"), found(Kind.VOLUME, "b"), found(Kind.CONTAINER, "c")]

    assert [one.found.name for one in orphans_of(several, STATE)] == ["c", "b", "a"]


def test_what_docker_no_longer_has_is_told_by_its_name_in_the_program() -> None:
    assert gone([], STATE) == ["memory-app-1"]
    assert gone([found(Kind.CONTAINER, "memory-app-1-4444444", id="1f2e")], STATE) == []


@pytest.mark.parametrize(
    ("kind", "commands_run"),
    [
        (Kind.CONTAINER, ["stop --time 60 x", "rm --force --volumes x"]),
        (Kind.VOLUME, ["volume rm x"]),
        (Kind.NETWORK, ["network rm x"]),
    ],
)
def test_a_container_has_time_to_stop_and_what_is_in_use_is_not_forced(
    kind: Kind, commands_run: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands(tmp_path, monkeypatch)
    commands.put("docker", "true")

    remove(Orphan(found=found(kind, "x"), left=True))

    assert commands.calls == [f"docker --host {HERE.docker} {one}" for one in commands_run]


def test_what_is_gone_meanwhile_is_no_error_and_anything_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands(tmp_path, monkeypatch)
    commands.put("docker", "echo 'Error: No such container: x' >&2; exit 1")
    remove(Orphan(found=found(Kind.CONTAINER, "x"), left=True))

    commands.put("docker", "echo 'Error: volume is in use' >&2; exit 1")
    with pytest.raises(CannotDo, match="volume is in use"):
        remove(Orphan(found=found(Kind.VOLUME, "x"), left=True))
