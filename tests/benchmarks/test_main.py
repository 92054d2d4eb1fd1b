"""What `./dev bench` takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import ALONE, NAMES, main, wanted
from benchmarks.report import Report, at_most


def test_without_names_all_are_run() -> None:
    assert wanted([]).names == NAMES


def test_the_soak_is_run_by_name_only() -> None:
    assert wanted(["soak"]).names == ("soak",)
    assert not set(ALONE) & set(NAMES)


def test_names_and_options_are_taken_in_any_order() -> None:
    given = wanted(["--quick", "latency", "startup", "--json", "out.json"])

    assert (given.names, given.quick, given.json) == (("latency", "startup"), True, Path("out.json"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["speed"], "no benchmark speed; there are startup", id="unknown name"),
        pytest.param(["--write-docs", "--quick"], "in full", id="documents are not made of quick figures"),
        pytest.param(["--write-docs", "latency"], "all benchmarks", id="nor of some"),
        pytest.param(["--read", "f", "latency"], "measures nothing", id="reading is not measuring"),
    ],
)
def test_a_wrong_command_line_says_what_is_wrong(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        wanted(arguments)

    assert end.value.code == 2
    assert message in capsys.readouterr().err


def test_kept_figures_become_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "docs" / "benchmarks.md"
    page.parent.mkdir()
    monkeypatch.setattr("benchmarks.__main__.REPOSITORY", tmp_path)
    monkeypatch.setattr("benchmarks.__main__.DOCS", page)
    report = Report(name="startup", title="Start-up", how="Started.", rows=[at_most("port", 30, "ms", 25)])
    kept = tmp_path / "kept.json"
    kept.write_text(json.dumps({"about": {"date": "today"}, "reports": [report.to_json()]}))

    assert main(["--read", str(kept), "--write-docs"]) == 1, "a missed goal is the exit status"
    assert "| port | ≤ 25.0 ms | 30.0 ms |" in page.read_text()
    assert "missed: startup: port" in capsys.readouterr().out
