"""Stand-ins for commands on PATH: small shell scripts that say what the real ones say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


class Commands:
    """A folder of such commands, the first one on PATH."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._log = folder, folder / "calls"
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def put(self, name: str, script: str) -> None:
        """Let a command do what the script says."""
        path = self._folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self._log}\n{script}\n', encoding="utf-8")
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """What was run, with its arguments."""
        return self._log.read_text(encoding="utf-8").splitlines()
