"""The settings of a running server, as its socket tells them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.ops.settings import of_running_server
from app.settings.shown import Origin
from tests.support.bridges import Machine, Peer, StandIn, machine_at

ROW = {
    "name": "PORT", "value": "1", "origin": "flag", "default": "8000", "secret": False, "help": "a port", "broken": [],
}  # fmt: skip


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    (tmp_path / "data").mkdir()
    with machine_at(tmp_path / "data") as machine:
        yield machine


def silent(peer: Peer) -> None:
    """Say nothing more."""


def test_the_rows_come_back_with_who_told_them(machine: Machine) -> None:
    with StandIn(machine, silent, settings=[ROW]):
        found = of_running_server(machine.data_dir)

    assert found is not None
    assert found.who == f"the daemon that runs on {machine.data_dir} (pid {os.getpid()})"
    assert [(row.name, row.value, row.origin) for row in found.rows] == [("PORT", "1", Origin.FLAG)]


def test_without_a_server_or_with_one_that_cannot_tell_there_are_none(machine: Machine) -> None:
    assert of_running_server(machine.data_dir) is None
    with StandIn(machine, silent):
        assert of_running_server(machine.data_dir) is None
