"""Why a start fails, said where nothing but the standard library can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app.process import start_report
from app.process.start_imports import PACKAGES
from tests.support.serving import PATIENCE_S, ROOT

SECRET = "-".join(["made", "up", "secret"])


def bare(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a Python without any package."""
    python = Path(sys.executable).resolve()
    return subprocess.run(
        [
            python,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); import app.__main__ as main;"
            " sys.exit(main.main(sys.argv[1:]))",
            *arguments,
        ],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", **environment},
        timeout=PATIENCE_S,
        check=False,
    )


def test_without_any_package_it_names_all_that_are_missing_and_no_secret(tmp_path: Path) -> None:
    settings = {"DATABASE_URL": f"postgresql://me:{SECRET}@db/x", "ADMIN_TOKEN": SECRET, "FC_INSTANCE_ID": "c-1"}
    done = bare("doctor", "--start", "--json", cwd=tmp_path, FC_CUSTOM_LISTEN_PORT="9000", **settings)
    report = json.loads(done.stdout)

    assert (done.returncode, report["ok"]) == (1, False)
    assert set(report["missing"]) == set(PACKAGES)
    assert "No module named 'mcp'" in report["imports"]["failed"]["app.serve.server"]
    assert report["settings"] == ["ADMIN_TOKEN", "DATABASE_URL", "FC_CUSTOM_LISTEN_PORT", "FC_INSTANCE_ID"]
    assert (report["port"]["port"], report["port"]["from"]) == ("9000", "FC_CUSTOM_LISTEN_PORT")
    assert "set HOST=0.0.0.0" in report["port"]["problem"]
    assert report["platform"]["function"] == "FC_INSTANCE_ID=c-1"
    assert str(ROOT) in [one["path"] for one in report["search_path"] if one["exists"]]
    assert SECRET not in done.stdout + done.stderr


def test_here_a_start_has_all_it_needs_and_the_slowest_import_comes_first() -> None:
    report = start_report.examine({})
    times = list(report["imports"]["slowest_ms"].values())

    assert (report["ok"], report["missing"], report["imports"]["failed"]) == (True, [], {})
    assert times == sorted(times, reverse=True)
    assert times[0] > 10
    assert report["imports"]["modules"] > 100


def test_the_text_has_a_line_for_each_thing_that_is_wrong() -> None:
    report = start_report.examine({"PORT": "1"}, ["app.errors", "no.such.module"], ["pydantic", "no_such_package"])
    text = start_report.as_text(report)

    assert text.splitlines()[0].endswith("a start fails")
    assert "missing packages: no_such_package" in text
    assert "import fails: no.such.module: ModuleNotFoundError" in text
    assert "port: 1 from PORT" in text


def test_a_process_that_dies_while_importing_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dies.py").write_text("import os; os._exit(7)")
    monkeypatch.syspath_prepend(tmp_path)

    assert start_report.examine({}, ["dies"], [])["imports"]["failed"] == {"all": "the process ended with 7"}


def test_with_a_qdrant_server_its_client_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start_report, "_is_there", lambda name: name != "qdrant_client")

    assert start_report.examine({"QDRANT_URL": "http://q:6333"}, [])["missing"] == ["qdrant_client"]


def test_what_settings_need_is_imported_too(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"QDRANT_URL": "http://q:6333", "PUBLIC_URL": "https://memory.example"}
    imported: list[str] = []

    def note(modules: Sequence[str]) -> dict[str, Any]:
        imported.extend(modules)
        return {"failed": {}}

    monkeypatch.setattr(start_report, "_imports", note)
    start_report.examine(settings)

    assert {"app.serve.server", "app.index.qdrant.search", "app.store.oauth"} <= set(imported)
    assert "app.index.embedded.engine" not in imported


def test_modules_without_sources_are_compiled(tmp_path: Path) -> None:
    assert start_report._is_compiled(tmp_path / "app" / "__init__.pyc")
    assert not start_report._is_compiled(tmp_path / "app" / "__init__.py")


def test_a_report_that_cannot_be_made_hides_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_folder() -> str:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setenv("FC_FUNCTION_NAME", "memory")
    monkeypatch.setattr("tempfile.gettempdir", without_folder)

    assert "no report of this start: No usable" in (start_report.explain(ImportError("x")) or "")


@pytest.mark.parametrize("mark", [{"FC_FUNCTION_NAME": "memory"}, {}], ids=["on the platform", "elsewhere"])
def test_a_start_that_fails_at_an_import_reports_it_by_itself_on_the_platform(
    tmp_path: Path, mark: dict[str, str]
) -> None:
    settings = {"DATABASE_URL": f"postgresql://me:{SECRET}@db/x", "QDRANT_URL": "http://q:6333", **mark}
    done = bare("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), cwd=tmp_path, **settings)

    assert done.returncode == 1
    assert "listening on" in done.stdout
    assert ("missing packages: mcp" in done.stderr) == bool(mark)
    assert "No module named" in done.stderr.splitlines()[-1]
    assert SECRET not in done.stderr


def test_a_reader_that_closes_early_gets_no_traceback() -> None:
    command = f"{sys.executable} -m app doctor --start | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)

    assert done.stdout.startswith("claude-memory ")
    assert "Traceback" not in done.stderr
