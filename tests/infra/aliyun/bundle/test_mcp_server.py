from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.aliyun.bundle import mcp_server

APP = """
import sys
def main(arguments):
    print("ran", arguments, sys.path[:2])
    {then}
"""


def run(tmp_path: Path, then: str, *arguments: str, bundled: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the file beside an app that does `then`."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").touch()
    (tmp_path / "app" / "__main__.py").write_text(APP.format(then=then))
    if bundled:
        (tmp_path / "python").mkdir()
    shutil.copy(mcp_server.__file__, tmp_path)
    return subprocess.run(
        [sys.executable, "-S", "mcp_server.py", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
    )


def test_it_serves_with_the_dependencies_that_are_beside_it(tmp_path: Path) -> None:
    done = run(tmp_path, "return 0")

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"ran ['serve'] {[str(tmp_path), str(tmp_path / 'python')]}\n"


def test_it_takes_them_from_the_layer_otherwise(tmp_path: Path) -> None:
    done = run(tmp_path, "return 0", bundled=False)

    assert done.stdout == f"ran ['serve'] {[str(tmp_path), '/opt/claude-memory']}\n"


def test_another_command_can_be_named(tmp_path: Path) -> None:
    assert run(tmp_path, "return 0", "jobs", "--port", "1").stdout.startswith("ran ['jobs', '--port', '1']")


@pytest.mark.parametrize("status", [0, 2])
def test_an_end_that_needs_no_diagnosis_has_none(tmp_path: Path, status: int) -> None:
    done = run(tmp_path, f"return {status}")

    assert done.returncode == status
    assert "doctor" not in done.stdout


@pytest.mark.parametrize(
    "then",
    [
        pytest.param("return 1", id="the server says so"),
        pytest.param("if arguments == ['serve']: import no_such_module", id="a module is missing"),
    ],
)
def test_a_start_that_fails_is_followed_by_a_diagnosis(tmp_path: Path, then: str) -> None:
    done = run(tmp_path, then)

    assert done.returncode == 1
    assert "ran ['doctor', '--start']" in done.stdout
    assert ("No module named 'no_such_module'" in done.stderr) is ("no_such_module" in then)


def test_without_an_app_both_reasons_are_named(tmp_path: Path) -> None:
    shutil.copy(mcp_server.__file__, tmp_path)

    done = subprocess.run(
        [sys.executable, "-S", "mcp_server.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stderr.count("No module named 'app'") == 2
    assert f"no diagnosis by Python {sys.version.split()[0]}" in done.stderr


def test_it_imports_nothing_but_what_python_has_loaded(tmp_path: Path) -> None:
    program = "import sys; before = set(sys.modules); import mcp_server; print(sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(mcp_server.__file__).parent,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "['__future__', 'mcp_server']\n"
