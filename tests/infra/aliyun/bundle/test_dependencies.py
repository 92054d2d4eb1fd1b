from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from infra.aliyun.bundle import dependencies
from infra.aliyun.bundle.dependencies import install, platforms
from infra.aliyun.bundle.errors import InstallFailed

# Stands for pip: notes what it was started with.
PIP = """
import json, os, sys
from pathlib import Path
lock = Path(sys.argv[sys.argv.index("--requirement") + 1]).read_text()
Path(os.environ["NOTE"]).write_text(json.dumps([sys.argv[1:], sorted(os.environ), lock]))
print("a first line")
print("ERROR: no such package")
sys.exit(int(os.environ["STATUS"]))
"""


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> tuple[list[str], list[str], str]:
    monkeypatch.setenv("NOTE", str(tmp_path / "note"))
    monkeypatch.setenv("STATUS", str(status))
    pip = tmp_path / "pip.py"
    pip.write_text(PIP)
    install("a==1 \\\n    --hash=sha256:00\n", "3.12", tmp_path / "python", [sys.executable, str(pip)])
    arguments, environment, lock = json.loads((tmp_path / "note").read_text())
    return arguments, environment, lock


def test_only_wheels_of_the_functions_python_and_platform_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, _, lock = run(tmp_path, monkeypatch)

    assert {"--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version=3.12"} <= set(arguments)
    assert {"--implementation=cp", "--abi=cp312", "--abi=abi3", "--abi=none"} <= set(arguments)
    assert "--platform=manylinux_2_28_x86_64" in arguments
    assert lock == "a==1 \\\n    --hash=sha256:00\n"


def test_pips_own_settings_count_but_for_those_that_install_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://packages.example.org/simple")
    monkeypatch.setenv("PIP_TARGET", "/somewhere/else")

    _, environment, _ = run(tmp_path, monkeypatch)

    assert "PIP_INDEX_URL" in environment
    assert "PIP_TARGET" not in environment
    assert "PIP_TARGET" in os.environ


def test_a_failure_shows_pips_last_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InstallFailed, match=r"(?s)nothing was changed.*ERROR: no such package.*PIP_INDEX_URL"):
        run(tmp_path, monkeypatch, status=1)


def test_a_pip_that_does_not_run_or_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = tmp_path / "endless"
    endless.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    endless.chmod(0o755)
    monkeypatch.setattr(dependencies, "_LIMIT_S", 0.2)

    with pytest.raises(InstallFailed, match=r"/gone does not run \(FileNotFoundError\)"):
        install("a==1\n", "3.12", tmp_path / "python", [str(tmp_path / "gone")])
    with pytest.raises(InstallFailed, match=r"no end after 0\.2 s"):
        install("a==1\n", "3.12", tmp_path / "python", [str(endless)])
    assert not (tmp_path / "python.txt").exists()


def test_the_newest_platform_that_debian_12_runs_is_the_best() -> None:
    names = platforms()

    assert names[0] == "manylinux_2_36_x86_64"
    assert names.index("manylinux_2_28_x86_64") < names.index("manylinux2014_x86_64") < names.index("manylinux1_x86_64")
    assert not [name for name in names if "2_37" in name or "aarch64" in name]
