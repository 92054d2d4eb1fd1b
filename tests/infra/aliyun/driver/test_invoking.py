"""The report of round trips."""

from __future__ import annotations

import pytest

from infra.aliyun.deployed.round_trip import Step
from infra.aliyun.driver.invoking import Trip, report


def test_each_way_has_a_line_with_its_time_or_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    report(
        [
            Trip("mcp", "https://x/mcp", [Step("connect", 0.25, "open"), Step("initialize", 0.5, "ok")]),
            Trip("sse", "https://x/sse", error="https://x/sse answered 412; see check"),
        ]
    )
    said = " ".join(capsys.readouterr().out.split())

    assert "ok https://x/mcp 2 steps in 0.75 s" in said
    assert "failed https://x/sse https://x/sse answered 412" in said


def test_without_trips_there_is_no_report(capsys: pytest.CaptureFixture[str]) -> None:
    report([])

    assert capsys.readouterr().out == ""
