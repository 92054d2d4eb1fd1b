"""A table says what was reached, in the terminal, in JSON and in Markdown."""

from __future__ import annotations

import json

import pytest

from benchmarks.report import Report, Row, at_least, at_most, document, shown, within
from benchmarks.report import share as share_of


@pytest.mark.parametrize(
    ("row", "met", "goal"),
    [
        pytest.param(at_most("x", 25, "ms", 25), True, "≤ 25.0 ms", id="at the limit"),
        pytest.param(at_most("x", 26, "ms", 25), False, "≤ 25.0 ms", id="above"),
        pytest.param(at_least("x", 0.74, "", 0.75), False, "≥ 0.750", id="below"),
        pytest.param(within("x", 4, "ms", 1.5, 2.5, 3), True, "≤ reference + 3.00 ms", id="near the reference"),
        pytest.param(within("x", 9, "ms", 10, -1, 0), True, "≤ reference", id="quicker than the reference"),
        pytest.param(share_of("x", 70, "/s", 100, 0.7, 0.8), False, "≥ 0.8 × reference", id="too small a share"),
        pytest.param(share_of("x", 70, "/s", 100, 0.7, None), None, "", id="no goal"),
    ],
)
def test_a_row_says_whether_its_goal_was_met(row: Row, met: bool | None, goal: str) -> None:
    assert (row.met, row.goal) == (met, goal)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.7584, "", "0.758"), (3.14159, "ms", "3.14 ms"), (41.26, "ms", "41.3 ms"), (1234.5, "/s", "1,234/s")],
)
def test_figures_have_about_three_digits(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def _report() -> Report:
    rows = [at_most("port | open", 41.3, "ms", 25, runs=(23.5, 46.4)), Row(what="for comparison", figure=1, unit="s")]
    return Report(name="startup", title="Start-up", how="Started often.", rows=rows, notes=["busy"], seconds=3)


def test_json_holds_the_whole_report() -> None:
    assert Report.from_json(json.loads(json.dumps(_report().to_json()))) == _report()


def test_the_document_warns_of_small_sizes() -> None:
    assert "only show that the benchmark works" in document([_report()], {"command": "`./dev bench --quick`"})


def test_the_document_names_the_command_the_machine_and_what_was_missed() -> None:
    page = document([_report(), Report(name="retrieval", title="R", how="H.", skipped="no data")], {"machine": "two"})

    assert "`./dev bench startup`" in page
    assert "| machine | two |" in page
    assert "0 of 1 goals were met. Missed: startup: port | open." in page
    assert "only show that the benchmark works" not in page
    assert r"| port \| open | ≤ 25.0 ms | 41.3 ms | 23.5 to 46.4 |  |  | missed |" in page
    assert "Not measured: no data" in page
