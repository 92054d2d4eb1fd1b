"""The wheel, installed into an empty environment: it serves with the engines it brings. Needs pip and its packages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from app import __version__
from tests.support.requirements import requirements
from tests.support.serving import Server, serving

ROOT = Path(__file__).parents[2]
PARTS = ("app", "requirements", "pyproject.toml", "README.md", "LICENSE")  # what the wheel is made of

pytestmark = [
    pytest.mark.timeout(900),  # installing takes 40 s, on a busy machine some minutes
    pytest.mark.skipif(find_spec("pip") is None, reason="this environment has no pip; ./dev makes one that has"),
]


def run(*command: str | Path, **options: Any) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return str(done.stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, made without a network."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for part in PARTS:  # of a copy: setuptools leaves folders in what it builds
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, source / part)
    run(*pip(), "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", out, source)
    [made] = out.iterdir()
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the programs of an environment that holds the wheel and the locked packages, nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    install = (*pip(), "--python", str(environment / "bin" / "python"), "install", "--quiet", "--no-deps")
    run(*install, "--require-hashes", "-r", ROOT / "requirements" / "local.txt")
    run(*install, "--no-index", wheel)
    return environment / "bin"


def pip() -> tuple[str, ...]:
    return (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check")


@pytest.fixture
def bare(tmp_path: Path) -> Mapping[str, Any]:
    """How a newcomer runs it: in an empty folder, with an empty home and nothing set."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    return {"cwd": folder, "env": {"PATH": "/usr/bin:/bin", "HOME": str(home)}}


def test_it_asks_for_every_package_that_is_declared_and_no_other(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        [name] = [name for name in content.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = content.read(name).decode()

    asked = re.findall(r"^Requires-Dist: (.*)", metadata, re.M)
    assert sorted(asked) == sorted([*requirements("app"), *requirements("local")])
    assert not re.findall(r"^Provides-Extra: ", metadata, re.M), "a plain install brings all it needs"


def test_it_holds_the_app_and_nothing_beside_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        names = set(content.namelist())

    files = {path for path in (ROOT / "app").rglob("*") if path.suffix in (".py", ".sql", ".LICENSE")}
    assert {name for name in names if not name.partition("/")[0].endswith(".dist-info")} == {
        path.relative_to(ROOT).as_posix() for path in files
    }


def test_the_locked_packages_are_what_it_asks_for(installed: Path) -> None:
    run(*pip(), "--python", installed / "python", "check")


def test_it_says_its_version_and_every_command_helps(installed: Path, bare: Mapping[str, Any]) -> None:
    assert run(installed / "claude-memory", "--version", **bare) == f"claude-memory {__version__}\n"
    assert "install" in run(installed / "claude-memory", "--help", **bare)


def test_what_it_adds_to_a_client_is_its_own_command(installed: Path, bare: Mapping[str, Any]) -> None:
    run(installed / "claude-memory", "install", "--client", "claude-code", **bare)

    entry = json.loads(Path(bare["env"]["HOME"], ".claude.json").read_text())["mcpServers"]["memory"]
    assert (entry["command"], entry["args"]) == (str(installed / "claude-memory"), ["stdio"])


def test_it_serves_stores_finds_and_stops(installed: Path, bare: Mapping[str, Any], run_folder: Path) -> None:
    class Installed(Server):
        program = (str(installed / "claude-memory"), "serve")

        @staticmethod
        def environment(**more: str) -> dict[str, str]:
            return {**bare["env"], **more}

    data_dir = run_folder / "wheel"
    with serving(data_dir, kind=Installed, cwd=bare["cwd"]) as server:
        server.wait_ready()
        assert any("pginstall" in line for child in server.family for line in child.cmdline()), "its own PostgreSQL"

        stored = server.call("memorize", {"text": "The release is on Thursday."})
        found = server.call("search_memory", {"query": "when is the release?"})
        assert stored["structuredContent"]["id"] in [one["id"] for one in found["structuredContent"]["results"]]

        checks = run(installed / "claude-memory", "doctor", "--data-dir", data_dir, **bare)
        assert "a bridge brought initialize" in checks

        assert server.stop() == 0
        assert server.left_over() == []
    assert list(bare["cwd"].iterdir()) == [], "the folder it was started in stays as it was"
