from __future__ import annotations

import sys
from pathlib import Path

import pytest

from infra.aliyun.bundle.errors import PipMissing, PythonMissing
from infra.aliyun.bundle.interpreters import find_pip, find_python
from tests.support.bundles import THIS_PYTHON


def script(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_this_python_is_taken_if_it_is_of_the_version() -> None:
    found = find_python(THIS_PYTHON)

    assert found.path == sys.executable
    assert found.version == ".".join(map(str, sys.version_info[:3]))


def test_a_shim_that_fails_does_not_hide_the_one_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "shims", "python3.99", "echo 'command not found' >&2; exit 127")
    real = script(tmp_path / "real", "python3.99", "echo CPython 3.99.4")
    monkeypatch.setenv("PATH", f"{tmp_path / 'shims'}:{tmp_path / 'real'}")

    found = find_python("3.99")

    assert (found.path, found.version) == (str(real), "3.99.4")


def test_pypy_compiles_nothing_for_the_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "python3.99", "echo PyPy 3.99.0")
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PythonMissing):
        find_python("3.99")


def test_a_version_that_is_not_here_says_what_was_tried_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(PythonMissing, match=r"takes Python 3\.98, and none is here .*Install Python 3\.98") as raised:
        find_python("3.98")

    assert sys.executable in str(raised.value)


def test_pip_is_run_by_the_first_python_that_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without = script(tmp_path, "without", "exit 1")
    has = script(tmp_path, "with", "echo pip 1")
    monkeypatch.setattr(sys, "executable", str(without))

    assert find_pip([str(has)]) == [str(has), "-I", "-m", "pip"]
    with pytest.raises(PipMissing, match="ensurepip"):
        find_pip([])
