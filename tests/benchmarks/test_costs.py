"""What texts cost is measured on a real server, and the worst is shown."""

from __future__ import annotations

from benchmarks import costs
from benchmarks.costs import Cost, Sizes
from benchmarks.progress import Steps


def test_the_worst_of_both_kinds_are_judged() -> None:
    made = costs.report(
        [
            Cost("short: question", 4_000, stall_ms=60.0, cpu_s=0.05, status=200),
            Cost("long: text", 1_000_000, stall_ms=10.0, cpu_s=0.9, status=200),
        ]
    )

    assert [row.what for row in made.missed] == ["longest stall"]
    [cpu] = [row for row in made.rows if row.what == "most CPU for a million characters"]
    assert (cpu.figure, cpu.met) == (0.9, True), "a short request counts as a tenth of a million characters"


def test_a_shape_is_measured_on_a_server_with_a_heartbeat() -> None:
    made = costs.measure(
        Sizes(units=("falling marks",), places=("question",), raw=("1,000,000 empty lists",)), Steps(quiet=True)
    )

    assert {row.what for row in made.rows} >= {"… falling marks: question", "… 1,000,000 empty lists"}
    assert all(row.figure >= 0 for row in made.rows)
