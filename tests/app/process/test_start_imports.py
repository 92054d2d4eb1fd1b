"""What a start imports has a reason: the lists name what a function's server loads until it is ready, and no more."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from app.index.embedded.setup import EmbeddedSetup
from app.index.qdrant.setup import QdrantSetup
from app.process.start_imports import FOLDERS, MODULES, PACKAGES, QDRANT_MODULES, QDRANT_PACKAGES
from app.runtime.runtime import RUNTIME_MODULES
from app.serve.server import TOOL_MODULES
from tests.support.serving import PATIENCE_S, ROOT, clean_environment

# Imported where they happen to be installed, as with the tests; the app brings none of them.
WHERE_INSTALLED = {"sniffio"}
OURS_AT_MOST = 174  # modules; each costs about half a millisecond of a cold start


@pytest.fixture
def loaded(server_url: str, tmp_path: Path) -> dict[str, str]:
    """Return the modules that a server has loaded when it is ready, with their files."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.loaded", "--port", "0", "--data-dir", str(tmp_path / "data")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=clean_environment(DATABASE_URL=server_url, FC_FUNCTION_NAME="memory", LOG_LEVEL="INFO"),
        timeout=PATIENCE_S,
        check=True,
    )
    found: dict[str, str] = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    return found


def test_a_start_loads_what_the_lists_name_and_nothing_else(loaded: dict[str, str]) -> None:
    installed = {name.partition(".")[0] for name, file in loaded.items() if "site-packages" in file}
    packages = {name for name in installed if not name.startswith("_") and name != "coverage"}
    ours = [name for name, file in loaded.items() if name.partition(".")[0] == "app" and file]
    folders = {name if loaded[name].endswith("__init__.py") else name.rpartition(".")[0] for name in ours}

    assert packages - WHERE_INSTALLED == set(PACKAGES), (
        "each package needs its reason there, or an import that comes later"
    )
    assert folders == set(FOLDERS)
    assert len(ours) <= OURS_AT_MOST


def test_the_modules_are_those_that_a_server_loads() -> None:
    assert set(MODULES) == {
        "app.serve.server",
        "app.serve.http",
        *TOOL_MODULES,
        *RUNTIME_MODULES,
        *EmbeddedSetup.modules,
    }


def test_the_modules_of_a_qdrant_server_are_those_of_its_setup() -> None:
    assert QdrantSetup.modules == QDRANT_MODULES


def test_the_app_brings_every_package_that_a_start_needs() -> None:
    """One that only the tests' own packages bring would be reported missing in every function."""
    lock = (ROOT / "requirements" / "app.txt").read_text(encoding="utf-8")
    brought = {canonicalize_name(name) for name in re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==", lock, re.MULTILINE)}
    of_package = packages_distributions()
    lacking = [
        name
        for name in (*PACKAGES, *QDRANT_PACKAGES)
        if not {canonicalize_name(one) for one in of_package[name]} & brought
    ]

    assert lacking == []
