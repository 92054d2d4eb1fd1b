"""`alerts`: its options are settings."""

from __future__ import annotations

from typing import Any

import pytest

from app import cli


def test_its_options_go_over_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []

    def run(given: dict[str, Any]) -> int:
        seen.append(given)
        return 7

    monkeypatch.setattr("app.alerts.server.run", run)

    assert cli.run(["alerts", "--host", "::1", "--port", "0", "--data-dir", "/d"]) == 7
    assert seen == [{"alerts_host": "::1", "alerts_port": "0", "memory_data_dir": "/d"}]
