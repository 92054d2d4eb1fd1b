"""Bundles of this checkout for tests: built of a copy of it, and unpacked."""

from __future__ import annotations

import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from infra.aliyun.bundle.build import Bundle, BundleOptions, Dependencies, build
from infra.aliyun.bundle.errors import InstallFailed
from infra.aliyun.bundle.lock import LOCK
from tests.support.serving import ROOT, Server

PARTS = ("app", "requirements")  # what a bundle is made of
THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# What pip prints where no package index answers.
_UNREACHABLE = re.compile(r"Retrying \(Retry\(|Could not fetch URL|from versions: none")


def checkout(folder: Path) -> Path:
    """Copy the parts of this checkout that a bundle is made of."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    assert (folder / LOCK).exists()
    return folder


def built(root: Path, python: str = THIS_PYTHON, dependencies: Dependencies = "bundled") -> Bundle:
    """Build a bundle. Skips the test where pip reaches no package index."""
    try:
        return build(root, BundleOptions(python, dependencies), lambda line: None)
    except InstallFailed as error:
        if _UNREACHABLE.search(str(error)):
            pytest.skip(f"needs a package index that pip can reach: {error}")
        raise


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack an archive, as the platform does; return the folder."""
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    return folder


def bundled_server(code: Path, python: str = sys.executable) -> type[Server]:
    """Return the server of an unpacked bundle, with no other packages than the bundle's."""

    class Bundled(Server):
        program = (python, "-s", "-S", str(code / "mcp_server.py"), "serve")

        @staticmethod
        def environment(**more: str) -> dict[str, str]:
            return bare_environment(**more)

    return Bundled


def bare_environment(**more: str) -> dict[str, str]:
    """Return an environment without this checkout and its packages."""
    given: dict[str, Any] = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **more}
    return given
