"""The command: its arguments, what it needs open, what it loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.bridge import stdio
from tests.support.serving import PATIENCE_S, clean_environment


def test_a_session_loads_nothing_but_the_standard_librarys_small_part() -> None:
    code = "import sys, app.__main__, app.bridge.stdio; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean_environment(), capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    assert not loaded & {"asyncio", "typing", "mcp", "mcp_types", "pydantic", "argparse", "logging", "subprocess"}


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_without_stdin_or_stdout_it_says_so(data_dir: Path, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", sys.executable, "-m", "app", "stdio", "--data-dir", str(data_dir)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("claude-memory: stdio needs an open stdin and stdout")


def test_other_arguments_are_wrong_usage() -> None:
    assert stdio.main(["--port", "1"]) == 2
    assert stdio.main(["--debug", "--port"]) == 2
    assert stdio.main(["--data-dir", ""]) == stdio.main(["--data-dir="]) == 2


def test_a_home_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEMORY_DATA_DIR", "~nosuchuser/x")
    assert stdio.main([]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(RuntimeError):
        stdio.main(["--debug"])
