"""The command line as a process of its own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.support.serving import ROOT, clean_environment

Command = Callable[..., Awaitable[subprocess.CompletedProcess[bytes]]]


def run_command(*arguments: str, cwd: Path, **environment: str) -> tuple[int, str, str]:
    """Run a command; return (exit status, stdout, stderr)."""
    done = subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=clean_environment(**environment),
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def url_of(connect_arguments: Mapping[str, Any]) -> str:
    """Return the DATABASE_URL of a database."""
    host, port = quote(str(connect_arguments["host"]), safe=""), connect_arguments["port"]
    user, database = connect_arguments["user"], connect_arguments["database"]
    return f"postgresql:///{database}?host={host}&port={port}&user={user}"


def command_on(connect_arguments: Mapping[str, Any], cwd: Path) -> Command:
    """Return a function that runs a command on a database."""
    always = {
        **os.environ,
        "DATABASE_URL": url_of(connect_arguments),
        "MEMORY_DATA_DIR": str(cwd / "data"),
        "PYTHONPATH": str(ROOT),
    }

    async def command(
        *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        env = {**always, **(environment or {})}
        options: dict[str, Any] = {"capture_output": True, "input": given, "env": env, "cwd": cwd}
        call = [sys.executable, "-m", "app", *arguments]
        return await asyncio.to_thread(lambda: subprocess.run(call, **options))

    return command
