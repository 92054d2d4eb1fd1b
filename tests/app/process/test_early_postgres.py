"""The embedded PostgreSQL comes up in a thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.errors import StoreUnavailable
from app.process.early_postgres import EarlyPostgres


class StandIn:
    """Takes the server's place."""

    failure: Exception | None = None

    def __init__(self, data_dir: Path, *, on_event: Any, waits_for_space: bool) -> None:
        self.connect_args = {"host": str(data_dir)}
        self.on_event = on_event
        self.stopped = 0

    def start(self) -> None:
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> type[StandIn]:
    class Server(StandIn):
        pass

    monkeypatch.setattr("app.store.embedded.EmbeddedPostgres", Server)
    return Server


def test_it_is_started_when_it_runs(server: type[StandIn], tmp_path: Path) -> None:
    early = EarlyPostgres(tmp_path)

    assert early.started.result(30) is None
    assert early.connect_args == {"host": str(tmp_path)}
    assert early.failure is None
    early.stop()


def test_whatever_kept_it_from_starting_reaches_who_waits(server: type[StandIn], tmp_path: Path) -> None:
    server.failure = StoreUnavailable("the disk is full")
    early = EarlyPostgres(tmp_path)

    with pytest.raises(StoreUnavailable, match="the disk is full"):
        early.started.result(30)
    early.stop()


def test_it_is_stopped_once_also_when_it_is_just_starting(server: type[StandIn], tmp_path: Path) -> None:
    early = EarlyPostgres(tmp_path)
    early.started.result(30)
    made = early.server
    early.stop()
    early.stop()

    assert made.stopped == 1
    assert early.failure is None


def test_news_are_logged_once_it_runs(server: type[StandIn], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    early = EarlyPostgres(tmp_path)
    early.started.result(30)
    early.server.on_event("PostgreSQL runs again")
    early.stop()

    assert caplog.messages == ["PostgreSQL runs again"]
