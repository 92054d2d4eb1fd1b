"""`hook`: the event reaches the answer."""

from __future__ import annotations

import pytest

from app import cli


@pytest.mark.parametrize("event", ["session-start", "session-end"])
def test_an_event_is_answered(monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    seen: list[str] = []

    def run(event: str) -> int:
        seen.append(event)
        return 0

    monkeypatch.setattr("app.clients.hooks.run", run)

    assert cli.run(["hook", event]) == 0
    assert seen == [event]


def test_an_event_that_no_client_has_is_wrong_usage() -> None:
    assert cli.run(["hook", "lunch"]) == 2
