"""One process owns a data directory's PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.errors import Conflict
from app.store.embedded import EmbeddedPostgres
from tests.support.embedded import owner, query
from tests.support.waiting import wait_until


def test_of_two_starters_one_wins_and_the_other_says_who(data_dir: Path) -> None:
    starters = [owner(data_dir), owner(data_dir)]
    wait_until(lambda: any(starter.poll() is not None for starter in starters), "a loser")
    loser, winner = sorted(starters, key=lambda starter: starter.poll() is None)
    try:
        assert loser.stderr is not None and winner.stdout is not None
        complaint = loser.stderr.read()
        assert complaint.startswith("Conflict: ")
        assert f"process {winner.pid}," in complaint
        assert str(data_dir) in complaint
        assert winner.stdout.readline().startswith("started"), "the winner is not disturbed"
    finally:
        for starter in starters:
            starter.communicate("stop\n" if starter is winner else None)
    assert winner.returncode == 0


def test_within_one_process_too_a_data_directory_has_one_owner(server: EmbeddedPostgres, data_dir: Path) -> None:
    with pytest.raises(Conflict, match=f"process {os.getpid()},"):
        EmbeddedPostgres(data_dir).start()
    server.start()
    assert query(server, "select 1") == 1, "starting what runs does nothing"
